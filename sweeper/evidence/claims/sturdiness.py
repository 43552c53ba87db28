"""How sturdy a verdict is: the claim judged again by other analyses of the same runs.

The declared analysis alone decides. Other analyses often have less power: fewer pairs, or fewer degrees of freedom. A
verdict that one of them does not reach is fragile only if that is not the reason:

1. the other analysis reaches the opposite verdict; or
2. it could have seen an effect of the declared size, and did not: it would have reached the verdict with probability
   0.8. For other values of the same runs, such as the last of each curve, 0.5 is enough: it would have decided with the
   declared estimate; or
3. its estimate is further from the declared one than chance explains in 95% of studies, all seeds or blocks together.

The power in the second rule is that for the declared effect, with the degrees of freedom of the other analysis. Where
it only judges the spread otherwise, the standard error is the declared one: a larger spread is a finding, and fewer
degrees of freedom are lost power. Else it is its own; of a block at least the declared one for as many pairs, since one
that is small by chance promises no power.

By the second rule, if the declared analysis is right, an analysis of fewer runs calls its verdict fragile in at most
one of five studies, and in far fewer where the evidence is clear. A verdict of undecided says nothing that could break.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sweeper.evidence.claims.alternatives import SEED, Alternative, Alternatives, Analysis
from sweeper.evidence.claims.censored import Assessment, assess, assess_without_seed
from sweeper.evidence.claims.evidence import Evidence, Part, Region, Verdict
from sweeper.evidence.claims.family import Family
from sweeper.evidence.data.claim_runs import runs_key
from sweeper.evidence.formatting import clean, listed
from sweeper.evidence.statistics.paired import Estimate, percent_change
from sweeper.evidence.statistics.power import POWER, power_one_sided
from sweeper.spec.claim import ALPHA

Outcome = Literal["same", "lost power", "differs", "fragile"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("same", "lost power", "differs", "fragile")
SAME_SPREAD: Final = (Analysis.OWN_PAIRS, Analysis.OUTLYING_OUT, Analysis.ONE_PER_SEED)  # judge only the spread anew
SOME_RUNS: Final = (Analysis.BLOCK, Analysis.WITHOUT_SEED)
OTHER_VALUES: Final = (Analysis.FAILED_OUT, Analysis.LAST_VALUE, Analysis.VALIDATION)
RESTS_ON: Final[Mapping[Analysis, str]] = {
    Analysis.OWN_PAIRS: "the pooled variance",
    Analysis.OUTLYING_OUT: "the pooled variance",
    Analysis.ONE_PER_SEED: "counting pairs of one seed as independent",
    Analysis.FAILED_OUT: "the runs that failed",
    Analysis.LAST_VALUE: "the best value of each curve",
    Analysis.VALIDATION: "the test metric",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A claim judged by another analysis.

    Attributes:
        analysis: the other one.
        subject: the seed that is left out, or the block that is looked at alone; empty for others.
        verdict: by the other analysis, adjusted as the declared one is.
        estimate, low, high: of the part that supports the claim least, with its 95% interval.
        percent: the estimate as a change in percent; NaN on a linear scale.
        outcome: the same verdict; another one by lost power; another one that makes the verdict fragile; or, where the
            declared verdict is undecided, simply another one.
    """

    analysis: Analysis
    subject: str
    verdict: Verdict
    estimate: float
    low: float
    high: float
    percent: float
    outcome: Outcome

    def row(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "analysis": self.analysis.value,
            "subject": self.subject,
            "verdict": self.verdict,
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "percent": self.percent,
            "outcome": self.outcome,
        }


@dataclass(frozen=True, slots=True)
class Sturdiness:
    """All checks of a verdict, in a fixed order."""

    checks: tuple[Check, ...] = ()

    @property
    def rests_on(self) -> tuple[str, ...]:
        """What the verdict rests on; empty unless it is fragile."""
        found = (_rests_on(analysis, self._of(analysis)) for analysis in Analysis)
        return tuple(dict.fromkeys(text for text in found if text))

    @property
    def note(self) -> str:
        """What the verdict rests on in one line; empty unless it is fragile."""
        return f"fragile: rests on {listed(self.rests_on)}" if self.rests_on else ""

    def _of(self, analysis: Analysis) -> list[Check]:
        return [check for check in self.checks if check.analysis is analysis]

    def lines(self) -> tuple[str, ...]:
        """Return one line per check, e.g. ``each seed left out (seed 3): undecided, lost power``."""
        found = []
        for check in self.checks:
            name = f"{check.analysis.value} ({check.subject})" if check.subject else check.analysis.value
            why = "" if check.outcome in ("same", "differs") else f", {check.outcome}"
            found.append(f"{name}: {check.verdict}{why}")
        return tuple(found)

    def by_outcome(self) -> tuple[tuple[Outcome, tuple[str, ...]], ...]:
        """Return the analyses of each outcome that occurs, the gravest last, e.g. ``each seed left out (seed 3)``."""
        found = []
        for outcome in OUTCOMES:
            names = tuple(_name(checks, outcome) for analysis in Analysis if (checks := self._of(analysis)))
            if any(names):
                found.append((outcome, tuple(name for name in names if name)))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Examination:
    """The claims of a study as judged, from which each verdict can be checked; each is checked once.

    Attributes:
        tested: the claims with their evidence, by the declared analysis.
        family: their p-values.
        alternatives: by metric.
    """

    tested: Sequence[Assessment]
    family: Family
    alternatives: Mapping[str, Alternatives]
    _known: dict[int, Sturdiness] = field(default_factory=dict, repr=False)

    def of(self, position: int) -> Sturdiness:
        """Return the checks of the verdict on the claim at a position; none for a claim that is untested."""
        if position not in self._known:
            self._known[position] = Sturdiness(tuple(self._checks(position)))
        return self._known[position]

    def _checks(self, position: int) -> list[Check]:
        declared = self.tested[position]
        if declared.evidence is None or not declared.is_tested:
            return []
        others = list(self.alternatives[runs_key(declared.claim)].of(declared.evidence))
        numbers = Counter(other.analysis for other in others)
        found = [self._check(position, other, numbers[other.analysis]) for other in others]
        return [check for check in found if check is not None]

    def _check(self, position: int, other: Alternative, among: int) -> Check | None:
        """Return the result of one other analysis; None if it has nothing to judge, or judges as the declared one.

        Args:
            among: how many analyses are of its kind.
        """
        declared = self.tested[position]
        again = assess_without_seed(declared, other.without) if other.without is not None else None
        again = again or assess(declared.claim, other.see())
        if again.evidence is None or not again.is_tested or declared.evidence is None:
            return None
        if other.analysis in SAME_SPREAD and _same(declared.evidence, again.evidence):
            return None
        left_out = other.analysis is Analysis.FAILED_OUT
        p = again.evidence.if_converged if left_out else (again.p_support, again.p_refute)
        known = self.family.verdict(position, declared.p_support, declared.p_refute)
        verdict = self.family.verdict(position, *p)
        outcome: Outcome = "same"
        if verdict != known:
            level = self.family.level(position, known)
            change = _Change(known, verdict, other.analysis, declared.evidence, again.evidence, level, among)
            outcome = "differs" if known == "undecided" else "fragile" if change.is_fragile else "lost power"
        effect = again.evidence.headline.effect
        low, high = effect.interval()
        is_log = again.runs.measure.is_log and again.evidence.headline.exact is None
        return Check(
            analysis=other.analysis,
            subject=clean(other.subject),
            verdict=verdict,
            estimate=effect.value,
            low=low,
            high=high,
            percent=percent_change(effect.value) if is_log else math.nan,
            outcome=outcome,
        )


@dataclass(frozen=True, slots=True)
class _Change:
    """A verdict that another analysis does not reach."""

    known: Verdict
    verdict: Verdict
    analysis: Analysis
    declared: Evidence
    again: Evidence
    level: float
    among: int  # the analyses of its kind

    @property
    def is_fragile(self) -> bool:
        """Whether it is for another reason than lost power, see this module's rules."""
        if self.verdict != "undecided":
            return True
        required = 0.5 if self.analysis in OTHER_VALUES else POWER
        return self._power() >= required or self._moved()

    def _pairs(self) -> list[tuple[Part, Part]]:
        return list(zip(self.declared.parts, self.again.parts, strict=False))

    def _power(self) -> float:
        """Return the probability that the other analysis would have reached the verdict, the effect as declared."""
        pairs = self._pairs()
        if self.known == "supported":
            return min(
                _power_for(*self._as_declared(*pair), self.level / max(pair[0].compared[0], 1)) for pair in pairs
            )
        level = self.level / len(pairs)
        return max(_power_against(*self._as_declared(*pair), level / max(pair[0].compared[1], 1)) for pair in pairs)

    def _as_declared(self, known: Part, again: Part) -> tuple[Estimate, Region]:
        """Return the other analysis of a part as it would be expected to come out, with the region of the part."""
        decides = again.effect.decides and known.exact is None
        return Estimate(
            value=known.effect.value,
            standard_error=self._expected_error(known.effect, again.effect) if decides else math.nan,
            df=again.effect.df if decides else 0,
            n=again.effect.n,
            method="",
        ), known.region

    def _expected_error(self, known: Estimate, again: Estimate) -> float:
        if self.analysis in SAME_SPREAD:
            return known.standard_error
        if self.analysis is Analysis.BLOCK:  # a standard error that is small by chance promises no power
            return max(again.standard_error, known.standard_error * math.sqrt(known.n / again.n))
        return again.standard_error

    def _moved(self) -> bool:
        """Return whether an estimate moved further from the declared one than chance explains."""
        return any(self._part_moved(known, again) for known, again in self._pairs())

    def _part_moved(self, known: Part, again: Part) -> bool:
        if known.exact is not None:
            return _is_inside(known.effect.value, known.region) != _is_inside(again.effect.value, known.region)
        first, second = known.effect, again.effect
        error = second.standard_error
        if self.analysis in SOME_RUNS:  # the declared estimate is of these runs too
            error *= math.sqrt(max(1.0 - second.n / first.n, 0.0))
        low, high = replace(second, value=first.value, standard_error=error).interval(1.0 - ALPHA / self.among)
        return second.value < low or second.value > high


def _same(first: Evidence, second: Evidence) -> bool:
    """Return whether two analyses come to the same estimates and standard errors."""
    return all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-15) or (math.isnan(a) and math.isnan(b))
        for one, other in zip(first.parts, second.parts, strict=False)
        for a, b in zip(_numbers(one.effect), _numbers(other.effect), strict=True)
    )


def _numbers(effect: Estimate) -> tuple[float, float, float]:
    return effect.value, effect.standard_error, float(effect.df)


def _is_inside(value: float, region: Region) -> bool:
    return (region.low is None or value > region.low) and (region.high is None or value < region.high)


def _power_for(expected: Estimate, region: Region, level: float) -> float:
    """Return the probability of showing that an effect lies in a region; a lower bound for one with two sides."""
    sides = [expected.value - region.low] if region.low is not None else []
    sides += [region.high - expected.value] if region.high is not None else []
    return 1.0 - sum(1.0 - _power_of(expected, distance, level) for distance in sides)


def _power_against(expected: Estimate, region: Region, level: float) -> float:
    """Return the probability of showing that an effect lies outside a region."""
    sides = [region.low - expected.value] if region.low is not None else []
    sides += [expected.value - region.high] if region.high is not None else []
    return max(_power_of(expected, distance, level / len(sides)) for distance in sides)


def _power_of(expected: Estimate, distance: float, level: float) -> float:
    if not expected.decides:
        return 0.0
    sd = expected.standard_error * math.sqrt(expected.n)
    return power_one_sided(distance, sd, expected.n, alpha=level, df=expected.df)


def _name(checks: Sequence[Check], outcome: Outcome) -> str:
    """Return an analysis with the seeds or blocks for which it has an outcome; empty if it has it for none."""
    chosen = [check for check in checks if check.outcome == outcome]
    if not chosen or len(chosen) == len(checks):
        return chosen[0].analysis.value if chosen else ""
    return f"{chosen[0].analysis.value} ({_subjects(chosen)})"


def _subjects(checks: Sequence[Check]) -> str:
    names = [check.subject for check in checks]
    if len(names) > 1 and checks[0].analysis is Analysis.WITHOUT_SEED:
        return f"seeds {listed([name.removeprefix(SEED) for name in names])}"
    return listed(names)


def _rests_on(analysis: Analysis, checks: Sequence[Check]) -> str:
    """Return what a verdict rests on by one kind of analysis; empty if it does not make it fragile."""
    broken = [check for check in checks if check.outcome == "fragile"]
    if not broken:
        return ""
    if analysis is Analysis.WITHOUT_SEED:
        return _subjects(broken)
    if analysis is Analysis.BLOCK:
        kept = [check for check in checks if check.outcome != "fragile"]
        if not kept:
            return "the mean of blocks"
        return _subjects(kept) if len(kept) <= len(broken) else f"all but {_subjects(broken)}"
    return RESTS_ON[analysis]
