"""The comparisons that claims are about, so that each has one estimate and one interval wherever it is shown.

The estimate and the interval of a comparison are those of the first claim about it. Those of a claim hold for all looks
where seeds are added until it is decided, and may pool the runs of two phases. A comparison that no claim is about has
those that a claim on it would have, by the runs of the phase that has most of its pairs, the first of several.

An exploratory claim shows nothing, since it was chosen when results could be seen. It gives its estimate and interval
if no other claim is about the comparison.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sweeper.evidence.claims.evidence import Part
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.cells import level_text
from sweeper.evidence.data.claim_runs import runs_key
from sweeper.evidence.data.comparison import Comparison
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.effects.effects import Effect
from sweeper.spec.claim import ALPHA, ArmContrast, Contrast

Sides = tuple[str, frozenset[int], frozenset[int]]  # the metric, and the trials from which and to which it leads
Sign = Literal["lower", "higher", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What is said of a comparison wherever it is shown.

    Attributes:
        estimate, low, high: the effect and its 95% interval on the metric's scale; NaN if there is none.
        n: its pairs.
        claim: the id of the claim that decides what is shown of it; empty without one, or if that is exploratory.
        shown: which of its sides is shown to be lower with all claims considered; empty if neither is.
    """

    estimate: float
    low: float
    high: float
    n: int
    claim: str = ""
    shown: Sign = ""

    @property
    def reversed(self) -> "Compared":
        """The same comparison the other way round."""
        opposite: dict[Sign, Sign] = {"lower": "higher", "higher": "lower", "": ""}
        return replace(self, estimate=-self.estimate, low=-self.high, high=-self.low, shown=opposite[self.shown])


def sides_of(metric: str, comparison: Comparison) -> Sides:
    """Return the trials of both sides of a comparison, by its complete pairs."""
    start, end = (
        frozenset(
            trial
            for unit in comparison.complete
            for cell, weight in unit.terms
            if (weight > 0) == up
            for trial in cell.trial_ids
        )
        for up in (False, True)
    )
    return metric, start, end


def claimed(verdicts: Sequence[ClaimVerdict]) -> dict[Sides, Compared]:
    """Return by their sides the comparisons that claims are about, in both directions."""
    found: dict[Sides, Compared] = {}
    for verdict in sorted(verdicts, key=lambda each: each.is_exploratory):
        part = _part(verdict)
        if part is None or not math.isfinite(verdict.estimate):
            continue
        own = Compared(
            estimate=verdict.estimate,
            low=verdict.low,
            high=verdict.high,
            n=verdict.n,
            claim="" if verdict.is_exploratory else verdict.id,
            shown="" if verdict.is_exploratory else _shown(verdict, part),
        )
        metric, start, end = sides_of(verdict.metric.name, part.comparison)
        found.setdefault((metric, start, end), own)
        found.setdefault((metric, end, start), own.reversed)
    return found


def _part(verdict: ClaimVerdict) -> Part | None:
    """Return the part of a claim on two sides; None of any other claim, without runs, or of runs of other lengths."""
    evidence = verdict.examination.tested[verdict.position].evidence
    if evidence is None or runs_key(verdict.claim) != verdict.claim.metric.name:
        return None
    if not isinstance(verdict.claim.statement, Contrast | ArmContrast):
        return None
    return evidence.parts[0] if len(evidence.parts) == 1 and evidence.parts[0].exact is None else None


def _shown(verdict: ClaimVerdict, part: Part) -> Sign:
    """Return what a verdict shows, or else the interval that holds for all claims at once."""
    region = part.region
    if verdict.verdict == "supported" and region.high is not None and region.high <= 0:
        return "lower"
    if verdict.verdict == "supported" and region.low is not None and region.low >= 0:
        return "higher"
    if verdict.decision is not None:
        return ""
    low, high = part.effect.interval(1.0 - ALPHA / verdict.examination.family.size(verdict.position))
    return "lower" if high < 0 else "higher" if low > 0 else ""


def as_claimed(effects: Iterable[Effect], runs: Runs, known: Mapping[Sides, Compared]) -> tuple[Effect, ...]:
    """Return effects, each with the one estimate and interval of its comparison.

    Args:
        runs: on which the effects rest.
        known: the comparisons that claims are about.
    """
    every = tuple(effects)
    if not known and len({effect.phase for effect in every}) < 2:
        return every
    first: dict[Sides, Effect] = {}
    found = []
    for effect in every:
        sides = effect_sides(effect, runs)
        same = known.get(sides)
        if same is not None and not _alike(same, effect):
            # An interval over all looks, or of runs pooled otherwise; the p-value of a single look would contradict it.
            effect = replace(effect, estimate=same.estimate, low=same.low, high=same.high, p=math.nan)  # noqa: PLW2901
        elif sides in first:
            one = first[sides]
            effect = replace(  # noqa: PLW2901
                effect,
                estimate=one.estimate, low=one.low, high=one.high, p=one.p, df=one.df, method=one.method,
                detectable=one.detectable, bootstrap=one.bootstrap, sign_flip_p=one.sign_flip_p,
            )  # fmt: skip
        first.setdefault(sides, effect)
        found.append(effect)
    return tuple(found)


def _alike(same: Compared, effect: Effect) -> bool:
    pairs = ((same.estimate, effect.estimate), (same.low, effect.low), (same.high, effect.high))
    return all(math.isclose(*pair, rel_tol=1e-9, abs_tol=1e-12) or all(map(math.isnan, pair)) for pair in pairs)


def effect_sides(effect: Effect, runs: Runs) -> Sides:
    """Return the trials of both sides of an effect."""
    phases = [runs.phases[effect.phase], *runs.phases.values()]  # another one may have most of its pairs
    ends, texts = set(), dict[str, bool]()
    for trial in effect.trial_ids:
        phase = next(phase for phase in phases if trial in phase.places)
        key = phase.cells[phase.places[trial]].levels[effect.factor]
        if key not in texts:  # there are few levels and many trials
            texts[key] = level_text(key) == effect.level_to
        if texts[key]:
            ends.add(trial)
    return effect.metric, frozenset(effect.trial_ids) - ends, frozenset(ends)
