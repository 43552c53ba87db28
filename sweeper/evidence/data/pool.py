"""The cells over which variances are pooled: each stratum is looked at once, however many comparisons it serves."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from enum import Enum
from functools import cached_property
from typing import Final

from sweeper.evidence.data.cells import Cell, Levels
from sweeper.evidence.statistics.paired import pooled_variance
from sweeper.evidence.statistics.pooling import LEAVES_POOL, Stratum, stratum_variance
from sweeper.evidence.statistics.repeated_seeds import repeated_seeds
from sweeper.evidence.statistics.replicates import Replicates, copies, replicates, usual_spread
from sweeper.evidence.statistics.resolution import significant_digits

StratumKey = tuple[str, ...]
LEAVES_READILY: Final = 0.1  # the level at which an arm leaves the pool where that is checked


class ErrorRule(Enum):
    """How the standard error of a comparison is found."""

    DECLARED = "by the data"  # see `statistics.contrast`
    OWN_PAIRS = "by its own pairs"
    OUTLYING_OUT = "pooled without arms that vary more"
    ONE_PER_SEED = "by one difference per seed"


class Pool:
    """Cells by stratum, with what their variances show."""

    def __init__(self, cells: Iterable[Cell], rule: ErrorRule = ErrorRule.DECLARED) -> None:
        self.cells = tuple(cells)
        self.rule = rule
        self._variances: dict[StratumKey, Stratum] = {}
        self._copies: dict[StratumKey, set[Hashable]] = {}
        self._repeated: dict[StratumKey, Mapping[Hashable, Hashable]] = {}
        self._arms: dict[StratumKey, Mapping[str, Mapping[int, Cell]]] = {}
        self._hubs: dict[StratumKey, Mapping[str, str]] = {}
        self._without: dict[int, Pool] = {}

    def joined(self, other: "Pool") -> "Pool":
        """Return the pool of the cells of both, each once."""
        if other is self:
            return self
        return Pool({cell.identity: cell for cell in (*self.cells, *other.cells)}.values(), self.rule)

    def without_seed(self, seed: int) -> "Pool":
        """Return the pool of the cells of all other seeds; the same one each time."""
        if seed not in self._without:
            self._without[seed] = Pool((cell for cell in self.cells if cell.seed != seed), self.rule)
        return self._without[seed]

    def variance(self, stratum: StratumKey) -> Stratum:
        """Return the variance of the runs of a stratum, and the arms that do not share it."""
        if stratum not in self._variances:
            same = self.copies(stratum)
            cells = [cell for cell in self._measured.get(stratum, ()) if cell.arm not in same]
            steps = [cell.step**2 for cell in cells]
            self._variances[stratum] = stratum_variance(
                [cell.value for cell in cells],
                [cell.arm for cell in cells],
                [cell.seed for cell in cells],
                least=sum(steps) / max(len(steps), 1) / 12,  # of rounding that is uniform over a step
                level=LEAVES_READILY if self.rule is ErrorRule.OUTLYING_OUT else LEAVES_POOL,
            )
        return self._variances[stratum]

    def copies(self, stratum: StratumKey) -> set[Hashable]:
        """Return the arms of a stratum in which the seed changes nothing, though others show that it should."""
        if stratum not in self._copies:
            cells = self._measured.get(stratum, ())
            self._copies[stratum] = copies(
                [cell.value for cell in cells],
                [cell.arm for cell in cells],
                [cell.seed for cell in cells],
                steps=[cell.step for cell in cells],
                shares=[cell.share for cell in cells],
                digits=[significant_digits(cell.raw) for cell in cells],
                usual=self._usual_spread,
            )
        return self._copies[stratum]

    def repeated_seeds(self, stratum: StratumKey) -> Mapping[Hashable, Hashable]:
        """Return the seeds of a stratum whose runs repeat those of another one, which each has as its value."""
        if stratum not in self._repeated:
            same = self.copies(stratum)
            cells = [cell for cell in self._measured.get(stratum, ()) if cell.arm not in same]
            self._repeated[stratum] = repeated_seeds(
                [cell.value for cell in cells],
                [cell.arm for cell in cells],
                [cell.seed for cell in cells],
                steps=[cell.step for cell in cells],
            )
        return self._repeated[stratum]

    def arms(self, stratum: StratumKey) -> Mapping[str, Mapping[int, Cell]]:
        """Return the measured cells of a stratum by arm and seed."""
        if stratum not in self._arms:
            found: dict[str, dict[int, Cell]] = defaultdict(dict)
            for cell in self._measured.get(stratum, ()):
                found[cell.arm][cell.seed] = cell
            self._arms[stratum] = found
        return self._arms[stratum]

    def df(self, stratum: StratumKey) -> int:
        """Return the degrees of freedom of a stratum's pooled variance while no arm leaves the pool."""
        cells = self._measured.get(stratum, ())
        return pooled_variance(
            [cell.value for cell in cells], [cell.arm for cell in cells], [cell.seed for cell in cells]
        ).df

    @cached_property
    def replicates(self) -> Replicates:
        """Whether the seed changes anything in any of the strata."""
        cells = [cell for found in self._measured.values() for cell in found]
        return replicates(
            [cell.raw for cell in cells], [(cell.arm, *cell.stratum) for cell in cells], [cell.seed for cell in cells]
        )

    @cached_property
    def _usual_spread(self) -> float:
        cells = [cell for found in self._measured.values() for cell in found]
        return usual_spread(
            [cell.value for cell in cells], [(cell.arm, *cell.stratum) for cell in cells], [cell.seed for cell in cells]
        )

    def hub(self, stratum: StratumKey) -> Mapping[str, str]:
        """Return by factor the level that most arms have, such as the baseline of a design that changes one at a time.

        Empty if two levels of a factor are equally frequent, as in a grid: then no arm is the one that others are
        compared with.
        """
        if stratum not in self._hubs:
            self._hubs[stratum] = _most_frequent({cell.arm: cell.levels for cell in self._measured.get(stratum, ())})
        return self._hubs[stratum]

    @cached_property
    def _measured(self) -> dict[StratumKey, list[Cell]]:
        found: dict[StratumKey, list[Cell]] = {}
        for cell in self.cells:
            if cell.is_measured:
                found.setdefault(cell.stratum, []).append(cell)
        return found


def _most_frequent(arms: Mapping[str, Levels]) -> dict[str, str]:
    result = {}
    for factor in next(iter(arms.values()), {}):
        ranked = Counter(levels[factor] for levels in arms.values()).most_common(2)
        if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
            return {}
        result[factor] = ranked[0][0]
    return result
