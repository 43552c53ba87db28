"""Two configurations of one stratum and budget compared: as the claim on them does, or as one would."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.evidence.claims.compared import Compared, Sides, sides_of
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.comparison import Comparison, infer, paired_by_seed, with_most_pairs
from sweeper.evidence.data.pool import ErrorRule, Pool
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.standings.standing import Standing
from sweeper.evidence.statistics.paired import Estimate


@dataclass(frozen=True, slots=True)
class Against:
    """Compares configurations by their runs.

    Attributes:
        runs: on the metric of the standings.
        claims: the comparisons that claims are about.
    """

    runs: Runs
    claims: Mapping[Sides, Compared]

    def compare(self, start: Standing, end: Standing) -> Compared | None:
        """Return the change from one configuration to another, paired by seed; None if they share no seed.

        What is shown is what a claim shows, if one is about them; otherwise nothing is.
        """
        found = [each for each in self._comparisons(start, end) if each.complete]
        name = self.runs.measure.metric.name
        for comparison in found:
            known = self.claims.get(sides_of(name, comparison))
            if known is not None:
                return known
        if not found:
            return None
        estimate = infer(with_most_pairs(found))
        low, high = estimate.interval()
        return Compared(estimate=estimate.value, low=low, high=high, n=estimate.n)

    def by_own_pairs(self, start: Standing, end: Standing) -> Estimate:
        """Return the change by the differences of runs of the same seed only, however other configurations vary."""
        found = with_most_pairs(self._comparisons(start, end))
        return infer(replace(found, pool=Pool(found.pool.cells, ErrorRule.OWN_PAIRS)))

    def _comparisons(self, start: Standing, end: Standing) -> Iterator[Comparison]:
        """Yield the pairs in each phase that has both configurations, or else in a phase of each."""
        both = [(name, name) for name in start.phases if name in end.phases]
        for first, second in both or [(start.phases[0], end.phases[0])]:
            phases = self.runs.phases[first], self.runs.phases[second]
            cells = [_cells_of(phase.cells, arm) for phase, arm in zip(phases, (start, end), strict=True)]
            pool = phases[0].pool if first == second else phases[0].pool.joined(phases[1].pool)
            yield paired_by_seed(cells[0], cells[1], pool)


def _cells_of(cells: Sequence[Cell], arm: Standing) -> list[Cell]:
    trials = set(arm.trial_ids)
    return [cell for cell in cells if trials.intersection(cell.trial_ids)]
