"""Two configurations of one stratum and budget compared: as the claim on them does, or as one would."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeper.evidence.claims.compared import Compared, Sides, Sign, sides_of
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.comparison import Comparison, infer, paired_by_seed
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.standings.standing import Standing
from sweeper.spec.claim import ALPHA


@dataclass(frozen=True, slots=True)
class Against:
    """Compares configurations by their runs.

    Attributes:
        runs: on the metric of the standings.
        claims: the comparisons that claims are about.
    """

    runs: Runs
    claims: Mapping[Sides, Compared]

    def compare(self, start: Standing, end: Standing, *, among: int = 1) -> Compared | None:
        """Return the change from one configuration to another, paired by seed; None if they share no seed.

        Args:
            among: how many comparisons this one was picked out of, which what is shown allows for (Bonferroni).
        """
        found = [each for each in self._comparisons(start, end) if each.complete]
        name = self.runs.measure.metric.name
        for comparison in found:
            known = self.claims.get(sides_of(name, comparison))
            if known is not None:
                return known
        if not found:
            return None
        estimate = infer(max(found, key=lambda each: len(each.complete)))
        low, high = estimate.interval()
        least, most = estimate.interval(1.0 - ALPHA / max(among, 1))
        shown: Sign = "lower" if most < 0 else "higher" if least > 0 else ""
        return Compared(estimate=estimate.value, low=low, high=high, n=estimate.n, shown=shown)

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
