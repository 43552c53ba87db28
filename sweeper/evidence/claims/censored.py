"""Claims with pruned or failed trials: what these could have ended at, and what the verdict would have been.

A pruned trial did not stop by chance: pruning removes bad trials. What is left of a comparison is therefore not a fair
sample, and its p-values hold only if they hold for every value at which the pruned trials could have ended.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.evidence.claims.bars import is_barred
from sweeper.evidence.claims.evidence import Evidence, Part, Untestable, Verdict, require
from sweeper.evidence.claims.guessed_baselines import rests_on_doubt
from sweeper.evidence.claims.length_notes import require_lengths, why_left_out
from sweeper.evidence.claims.statements import gather, without_seed
from sweeper.evidence.data.censored import Bounds, ending_bounds
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.statistics.multiplicity import all_of, any_of
from sweeper.spec.claim import Claim, needs_direction, phases_of

Judge = Callable[[float, float], Verdict]  # from unadjusted p-values for and against
LOST = ("pruned", "failed")


@dataclass(frozen=True, slots=True)
class Assessment:
    """A claim with its evidence and p-values.

    Attributes:
        evidence: None if there is nothing to compare.
        reason: why there is no evidence; empty otherwise.
        parts_p: for each part the p-value of its denial and that of the part itself.
        is_barred: whether it stays undecided whatever its trials could have ended at.
    """

    claim: Claim
    runs: Runs
    evidence: Evidence | None = None
    reason: str = ""
    parts_p: tuple[tuple[float, float], ...] = ()
    is_barred: bool = False

    @property
    def is_tested(self) -> bool:
        """Whether every part has a pair."""
        return self.evidence is not None and self.evidence.is_complete

    @property
    def p_support(self) -> float:
        """The p-value of the claim's denial: all parts must be shown (intersection-union); NaN if untested."""
        return all_of([p for p, _ in self.parts_p]) if self.is_tested else math.nan

    @property
    def p_refute(self) -> float:
        """The p-value of the claim: one part that fails is enough (Bonferroni over the parts); NaN if untested."""
        return any_of([p for _, p in self.parts_p]) if self.is_tested else math.nan


def assess(claim: Claim, runs: Runs) -> Assessment:
    """Return a claim with its evidence and p-values, or the reason why there are none."""
    try:
        require(claim.metric.declared or not needs_direction(claim), _undeclared(claim.metric.name))
        found = gather(claim, runs)
        require(claim.metric.declared or not found.has_failed, _undeclared(claim.metric.name))
        require_lengths(found, runs)
    except Untestable as reason:
        return Assessment(claim, runs, reason=_for_want_of_lengths(claim, runs) or str(reason))
    return _assessed(claim, runs, found)


def assess_without_seed(known: Assessment, seed: int) -> Assessment | None:
    """Return a claim assessed without the runs of a seed, if that is possible by the pairs that are known."""
    if known.evidence is None or any(state == "pruned" for _, state in known.evidence.missing):
        return None  # where pruned trials could have ended depends on all runs
    found = without_seed(known.claim, known.evidence, known.runs, seed)
    return _assessed(known.claim, known.runs, found) if found is not None else None


def _assessed(claim: Claim, runs: Runs, found: Evidence) -> Assessment:
    if is_barred(found, runs.measure) or rests_on_doubt(claim, runs):
        return Assessment(claim, runs, found, parts_p=((1.0, 1.0),) * len(found.parts), is_barred=True)
    return Assessment(claim, runs, found, parts_p=_part_p_values(claim, runs, found))


def _for_want_of_lengths(claim: Claim, runs: Runs) -> str:
    """Return why a claim that runs of the lengths of their phases could test has none at best lengths; else nothing."""
    if runs.unchosen is None:
        return ""
    try:
        gather(claim, runs.unchosen)
    except Untestable:
        return ""
    return why_left_out(phases_of(claim.statement), runs)


def _undeclared(metric: str) -> str:
    return (
        f"nothing says whether lower or higher values of {metric} are better; declare it, "
        f"e.g. metric: {{name: {metric}, direction: maximize}}"
    )


def reachable_verdicts(tested: Assessment, judge: Judge) -> tuple[Verdict, ...]:
    """Return the verdicts if the pruned and failed trials had ended as well, or as badly, as they could have."""
    found = tested.evidence
    if found is None or tested.is_barred:
        return ()
    lost = [trial for trial, state in found.missing if state in LOST]
    bounds = ending_bounds(tested.runs.endings, tested.runs.measure, lost)
    if not bounds:
        return ()
    ends = [_extremes(tested.claim, tested.runs, found, position, bounds) for position in range(len(found.parts))]
    return tuple(dict.fromkeys((judge(*_kindest(ends)), judge(*_harshest(ends)))))


def _part_p_values(claim: Claim, runs: Runs, found: Evidence) -> tuple[tuple[float, float], ...]:
    """Return for each part the p-values for and against it, with pruned trials the largest that their ends could give.

    A pruned trial without bounds could have ended anywhere: then both are 1.
    """
    pruned = [trial for trial, state in found.missing if state == "pruned"]
    has_curves = not runs.is_frame
    bounds = ending_bounds(runs.endings, runs.measure, pruned) if pruned and has_curves else {}
    result = []
    for position, part in enumerate(found.parts):
        own = {trial for trial, state in part.comparison.missing if state == "pruned"}
        if own - bounds.keys():
            result.append((1.0, 1.0))
            continue
        ends = _extremes(claim, runs, found, position, bounds) if own else (part,)
        result.append((max(each.p_support for each in ends), max(each.p_refute for each in ends)))
    return tuple(result)


def _kindest(ends: Sequence[tuple[Part, Part]]) -> tuple[float, float]:
    return (
        all_of([min(part.p_support for part in each) for each in ends]),
        any_of([max(part.p_refute for part in each) for each in ends]),
    )


def _harshest(ends: Sequence[tuple[Part, Part]]) -> tuple[float, float]:
    return (
        all_of([max(part.p_support for part in each) for each in ends]),
        any_of([min(part.p_refute for part in each) for each in ends]),
    )


def _extremes(claim: Claim, runs: Runs, found: Evidence, position: int, bounds: Bounds) -> tuple[Part, Part]:
    """Return a part with the missing trials filled in so that its effect is as large, and as small, as possible."""
    units = found.parts[position].comparison.units
    weights = {trial: weight for unit in units for cell, weight in unit.terms for trial, _ in cell.missing}
    largest, smallest = (
        {trial: bounds[trial][int((weight > 0) == up)] for trial, weight in weights.items() if trial in bounds}
        for up in (True, False)
    )
    return _filled(claim, runs, largest, position), _filled(claim, runs, smallest, position)


def _filled(claim: Claim, runs: Runs, values: Mapping[int, float], position: int) -> Part:
    return gather(claim, runs.filled(values)).parts[position]
