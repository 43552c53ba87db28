"""Seeds whose runs repeat those of other seeds but for what a machine adds.

A program that takes its seed modulo something runs some seeds twice. On a CPU their values are equal; on a GPU, which
does not always add sums in the same order, they agree in all but the last digits. Such pairs of seeds are found by how
near their runs are in every configuration that both have, beside the distance of other seeds there.

Two normal values with standard deviation s are within d of each other with probability d / (s sqrt(pi)) if d is small.
What a seed adds to all configurations makes them agree together, so that the chance in all further ones is reckoned
with a spread of a twentieth.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

NEAR: Final = 1e-3  # of the spread between seeds
ONE_VALUE: Final = 1e-2  # the same, of the runs of two seeds in different configurations
BY_CHANCE: Final = 1e-4  # the chance at which runs that agree may be taken for repeats
RELATED: Final = 20.0  # by how much what one configuration has beside another may spread less than its runs
FEWEST: Final = 3  # seeds, so that the distance of a pair can be compared with others
MEDIAN: Final = 0.9539  # of the distance of two normal values with standard deviation 1


@dataclass(frozen=True, slots=True)
class _Agreement:
    """Two seeds that nearly agree in a configuration: their distance over the spread of all seeds, and where."""

    ratio: float
    value: float
    spread: float


def repeated_seeds(
    values: ArrayLike, arms: Sequence[Hashable], seeds: Sequence[Hashable], *, steps: Sequence[float]
) -> dict[Hashable, Hashable]:
    """Return the seeds that repeat others in all configurations, each with the first seed that has its runs.

    Args:
        values: `[runs]`, finite, of one stratum.
        arms, seeds: of each run, once each.
        steps: `[runs]`, by how much the resolution of the metric can change each value.
    """
    by_arm: dict[Hashable, list[tuple[float, Hashable]]] = defaultdict(list)
    coarsest: dict[Hashable, float] = defaultdict(float)
    for value, arm, seed, step in zip(np.asarray(values).tolist(), arms, seeds, steps, strict=True):
        by_arm[arm].append((value, seed))
        coarsest[arm] = max(coarsest[arm], step)
    agreements: dict[frozenset[Hashable], list[_Agreement]] = defaultdict(list)
    for arm, runs in by_arm.items():
        for pair, agreement in _near(runs, coarsest[arm]).items():
            agreements[pair].append(agreement)
    if not agreements:  # as nearly always
        return {}
    order = list(dict.fromkeys(seeds))
    pairs = math.comb(len(order), 2)
    found = [
        pair
        for pair, near in agreements.items()
        if len(near) > 1
        and len(near) == _shared(by_arm, pair)
        and not _is_one_value(near)
        and _chance([each.ratio for each in near], pairs) < BY_CHANCE
    ]
    return _first_of_each(order, found)


def _near(runs: Sequence[tuple[float, Hashable]], step: float) -> dict[frozenset[Hashable], _Agreement]:
    """Return the pairs of seeds of a configuration whose runs nearly agree."""
    ordered = sorted(runs, key=lambda run: run[0])
    width = NEAR * (ordered[-1][0] - ordered[0][0])
    is_close = any(second[0] - first[0] <= width for first, second in pairwise(ordered))
    if len(runs) < FEWEST or not is_close:
        return {}
    numbers = np.array([value for value, _ in ordered])
    apart = np.abs(numbers[:, None] - numbers)[np.triu_indices(len(numbers), 1)]
    spread = float(np.median(apart)) / MEDIAN
    pairs = zip(combinations(ordered, 2), apart.tolist(), strict=True)
    return {
        frozenset((low[1], high[1])): _Agreement((distance + step) / spread, low[0], spread)
        for (low, high), distance in pairs
        if spread > 0 and distance + step <= NEAR * spread
    }


def _is_one_value(near: Sequence[_Agreement]) -> bool:
    """Return whether two seeds have one value in all configurations, as runs that learn nothing do."""
    found = [each.value for each in near]
    return max(found) - min(found) <= ONE_VALUE * max(each.spread for each in near)


def _chance(ratios: Sequence[float], pairs: int) -> float:
    """Return an upper limit of the chance that some pair of seeds is as near in all of its configurations."""
    one = max(ratios) / math.sqrt(math.pi)
    return pairs * one * min(RELATED * one, 1.0) ** (len(ratios) - 1)


def _shared(by_arm: Mapping[Hashable, Sequence[tuple[float, Hashable]]], pair: frozenset[Hashable]) -> int:
    """Return how many configurations ran with both seeds."""
    return sum(pair <= {seed for _, seed in runs} for runs in by_arm.values())


def _first_of_each(order: Sequence[Hashable], pairs: Sequence[frozenset[Hashable]]) -> dict[Hashable, Hashable]:
    """Return each later seed of some pairs with the first one to which they lead."""
    first = {seed: seed for seed in order}
    for seed in order:
        for pair in pairs:
            if seed in pair:
                for other in pair:
                    if order.index(other) > order.index(seed):
                        first[other] = first[seed]
    return {seed: one for seed, one in first.items() if seed != one}
