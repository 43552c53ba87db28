"""Units of a comparison: cells with weights, such as the two runs of a pair, and each run's weight in their mean."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sweeper.evidence.data.cells import Cell

Key = tuple[object, ...]
PAIR: Final = 2  # runs of a simple pair
DIGITS: Final = 9  # of weights that are equal
INTERACTION: Final = 4  # runs of one seed in an interaction of two factors


@dataclass(frozen=True, kw_only=True)  # no slots: comparisons of some of the units share what is computed once
class Unit:
    """Cells with weights; `key` identifies what they have in common."""

    key: Key
    terms: tuple[tuple[Cell, float], ...]

    @cached_property
    def complete(self) -> bool:
        """Whether every cell has a value."""
        return not any(math.isnan(cell.value) for cell, _ in self.terms)

    @cached_property
    def value(self) -> float:
        """The weighted sum; NaN unless complete."""
        return sum(weight * cell.value for cell, weight in self.terms)

    @property
    def seed(self) -> int:
        """The seed of the cells, which is that of the first."""
        return self.terms[0][0].seed

    @cached_property
    def common_stratum(self) -> tuple[str, ...]:
        """What the strata of all cells have in common, e.g. the dataset of runs with two budgets."""
        return tuple(text for text in self.terms[0][0].stratum if all(text in cell.stratum for cell, _ in self.terms))

    @cached_property
    def strata(self) -> frozenset[tuple[str, ...]]:
        """The strata of the cells."""
        return frozenset(cell.stratum for cell, _ in self.terms)

    @cached_property
    def by_stratum(self) -> tuple[tuple[tuple[Cell, float], ...], ...]:
        """The terms of each stratum."""
        if len(self.strata) == 1:
            return (self.terms,)
        return tuple(
            tuple((cell, weight) for cell, weight in self.terms if cell.stratum == each) for each in self.strata
        )

    @cached_property
    def arms(self) -> frozenset[tuple[str, tuple[str, ...], float]]:
        """What is compared: the arm and stratum of each cell, with its weight."""
        return frozenset((cell.arm, cell.stratum, weight) for cell, weight in self.terms)

    @cached_property
    def common_levels(self) -> Mapping[str, str]:
        """By factor the level that all cells have; empty text if they differ in it."""
        first, others = self.terms[0][0].levels, [cell.levels for cell, _ in self.terms[1:]]
        return {factor: key if all(each[factor] == key for each in others) else "" for factor, key in first.items()}

    def scaled(self, factor: float) -> "Unit":
        """Return it with all weights multiplied by a factor."""
        return Unit(key=self.key, terms=tuple((cell, factor * weight) for cell, weight in self.terms))


def merged(terms: Sequence[tuple[Cell, float]]) -> tuple[tuple[Cell, float], ...]:
    """Return each cell once; those whose weights cancel drop out, as the baseline does between two gains."""
    cells: dict[Key, Cell] = {}
    weights: dict[Key, float] = {}
    for cell, weight in terms:
        key = cell.identity
        cells[key] = cell
        weights[key] = weights.get(key, 0.0) + weight
    return tuple((cells[key], weight) for key, weight in weights.items() if abs(weight) > 1e-12)


def repeats(terms: Sequence[tuple[Cell, float]]) -> bool:
    """Return whether terms average several changes, the same at each level of some factor."""
    if len(terms) <= PAIR:
        return False
    for factor in terms[0][0].levels:
        parts: dict[str, set[Hashable]] = defaultdict(set)
        for cell, weight in terms:
            others = frozenset((name, key) for name, key in cell.levels.items() if name != factor)
            parts[cell.levels[factor]].add((others, round(weight, DIGITS)))
        if len(parts) > 1 and len({frozenset(part) for part in parts.values()}) == 1:
            return True
    return False


def run_weights(units: Sequence[Unit]) -> tuple[tuple[Cell, float], ...]:
    """Return each run of some units with its weight in their mean."""
    terms = [(cell, weight / len(units)) for unit in units for cell, weight in unit.terms]
    return tuple(terms) if len({cell.identity for cell, _ in terms}) == len(terms) else merged(terms)


def cancels(weights: Iterable[tuple[Cell, float]]) -> bool:
    """Return whether what the runs of a seed share cancels."""
    sums: dict[Hashable, float] = defaultdict(float)
    for cell, weight in weights:
        sums[cell.block] += weight
    return all(abs(total) < 1e-9 for total in sums.values())
