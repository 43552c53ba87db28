"""Units of a comparison: cells with weights, such as the two runs of a pair, and each run's weight in their mean."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.evidence.data.cells import Cell

Key = tuple[object, ...]
PAIR: Final = 2  # runs of a simple pair
INTERACTION: Final = 4  # runs of one seed in an interaction of two factors


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Cells with weights; `key` identifies what they have in common."""

    key: Key
    terms: tuple[tuple[Cell, float], ...]

    @property
    def complete(self) -> bool:
        """Whether every cell has a value."""
        return not any(math.isnan(cell.value) for cell, _ in self.terms)

    @property
    def value(self) -> float:
        """The weighted sum; NaN unless complete."""
        return sum(weight * cell.value for cell, weight in self.terms)

    def scaled(self, factor: float) -> "Unit":
        """Return it with all weights multiplied by a factor."""
        return Unit(key=self.key, terms=tuple((cell, factor * weight) for cell, weight in self.terms))


def merged(terms: Sequence[tuple[Cell, float]]) -> tuple[tuple[Cell, float], ...]:
    """Return each cell once; those whose weights cancel drop out, as the baseline does between two gains."""
    weights: dict[Key, float] = defaultdict(float)
    cells: dict[Key, Cell] = {}
    for cell, weight in terms:
        cells[cell.identity] = cell
        weights[cell.identity] += weight
    return tuple((cells[key], weight) for key, weight in weights.items() if abs(weight) > 1e-12)


def run_weights(units: Sequence[Unit]) -> tuple[tuple[Cell, float], ...]:
    """Return each run of some units with its weight in their mean."""
    return merged([(cell, weight / len(units)) for unit in units for cell, weight in unit.terms])


def cancels(weights: Iterable[tuple[Cell, float]]) -> bool:
    """Return whether what the runs of a seed share cancels."""
    sums: dict[Hashable, float] = defaultdict(float)
    for cell, weight in weights:
        sums[cell.block] += weight
    return all(abs(total) < 1e-9 for total in sums.values())
