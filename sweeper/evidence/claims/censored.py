"""Claims whose trials were pruned or failed: what these could have come to, and what the verdict would have been.

A pruned trial did not end by chance: pruning takes the bad ones. What is left of a comparison is therefore no fair
sample, and its p-values hold only if they hold for every value that the pruned trials could have ended with.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

from sweeper.evidence.claims.caveats import ENDED, Judge, Verdict
from sweeper.evidence.claims.evidence import Claim, evidence
from sweeper.evidence.claims.parts import Evidence, Part, Untestable
from sweeper.evidence.data.cells import revalued
from sweeper.evidence.data.censored import Bounds, ending_bounds
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.statistics.multiplicity import all_of, any_of


class Tested:
    """A claim with its evidence and p-values, or the reason why there are none."""

    def __init__(self, data: StudyData, claim: Claim, measure: Measure) -> None:
        self.claim = claim
        self.measure = measure
        self.evidence: Evidence | None = None
        self.reason = ""
        self._data = data
        try:
            self.evidence = evidence(data, claim, measure)
        except Untestable as reason:
            self.reason = str(reason)

    @property
    def tested(self) -> Evidence | None:
        """The evidence, if every part has a pair."""
        if self.evidence is None or any(not part.comparison.complete for part in self.evidence.parts):
            return None
        return self.evidence

    @cached_property
    def parts_p(self) -> tuple[tuple[float, float], ...]:
        """Of each part the p-values that its denial and that it itself holds."""
        found = self.evidence
        return () if found is None else part_p_values(self._data, self.claim, self.measure, found)

    @property
    def p_support(self) -> float:
        """p-value of the claim's denial: all parts must be shown (intersection-union); NaN if untested."""
        return all_of([p for p, _ in self.parts_p]) if self.tested else math.nan

    @property
    def p_refute(self) -> float:
        """p-value of the claim: one part that fails is enough (Bonferroni over the parts); NaN if untested."""
        return any_of([p for _, p in self.parts_p]) if self.tested else math.nan


def part_p_values(data: StudyData, claim: Claim, measure: Measure, found: Evidence) -> tuple[tuple[float, float], ...]:
    """Of each part the p-values for and against it; with pruned trials, the largest that their ends could have given.

    A pruned trial without bounds could have been anything: then both are 1.
    """
    pruned = [trial for trial, state in found.missing if state == "pruned"]
    bounds = ending_bounds(data, measure, pruned) if pruned else {}
    result = []
    for place, part in enumerate(found.parts):
        own = {trial for trial, state in part.comparison.missing if state == "pruned"}
        if own - bounds.keys():
            result.append((1.0, 1.0))
            continue
        ends = _scenarios(data, claim, measure, part=part, place=place, bounds=bounds) if own else (part,)
        result.append((max(each.p_support for each in ends), max(each.p_refute for each in ends)))
    return tuple(result)


def could_become(data: StudyData, claim: Claim, measure: Measure, found: Evidence, judge: Judge) -> tuple[Verdict, ...]:
    """The verdicts that there would be had the pruned and failed trials ended as well or as badly as they could."""
    lost = [trial for trial, state in found.missing if state in ENDED]
    bounds = ending_bounds(data, measure, lost)
    if not bounds:
        return ()
    scenarios = [
        _scenarios(data, claim, measure, part=part, place=place, bounds=bounds)
        for place, part in enumerate(found.parts)
    ]
    return tuple(dict.fromkeys((judge(*_kindest(scenarios)), judge(*_harshest(scenarios)))))


def _kindest(scenarios: Sequence[tuple[Part, Part]]) -> tuple[float, float]:
    return (
        all_of([min(part.p_support for part in each) for each in scenarios]),
        any_of([max(part.p_refute for part in each) for each in scenarios]),
    )


def _harshest(scenarios: Sequence[tuple[Part, Part]]) -> tuple[float, float]:
    return (
        all_of([max(part.p_support for part in each) for each in scenarios]),
        any_of([min(part.p_refute for part in each) for each in scenarios]),
    )


def _scenarios(
    data: StudyData, claim: Claim, measure: Measure, *, part: Part, place: int, bounds: Bounds
) -> tuple[Part, Part]:
    """A part with the missing trials filled in so that its effect is as large, and as small, as can be."""
    weights = {
        trial: weight for unit in part.comparison.units for cell, weight in unit.terms for trial, _ in cell.missing
    }
    largest, smallest = (
        {trial: bounds[trial][int((weight > 0) == up)] for trial, weight in weights.items() if trial in bounds}
        for up in (True, False)
    )
    return _filled(data, claim, measure, largest, place), _filled(data, claim, measure, smallest, place)


def _filled(data: StudyData, claim: Claim, measure: Measure, values: Mapping[int, float], place: int) -> Part:
    raw = {trial: math.exp(value) if measure.scale == "log" else value for trial, value in values.items()}
    whole = revalued(measure, {**measure.raw, **raw}, {**measure.values, **values})
    return evidence(data, claim, whole).parts[place]
