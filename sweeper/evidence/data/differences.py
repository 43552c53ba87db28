"""Differences and weighted sums of comparisons, seed by seed: of an interaction, of two gains, of a slope.

Units are matched by their keys if all comparisons have the same ones. Otherwise, as for the gains of two factors, they
are averaged first, and over no more than they must be: over the levels that each of the gains has of the other factor,
but not over blocks, such as datasets, nor over levels of further factors. So it can be seen what differs between those.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from functools import reduce

from sweeper.evidence.data.comparison import Comparison
from sweeper.evidence.data.pool import Pool
from sweeper.evidence.data.units import Key, Unit, merged


def minus(first: Comparison, second: Comparison) -> Comparison:
    """Return units first - second of their common seeds."""
    return weighted_sum([(first, 1.0), (second, -1.0)])


def weighted_sum(parts: Sequence[tuple[Comparison, float]]) -> Comparison:
    """Return the sum of comparisons times weights, such as a slope over several sizes, of their common seeds."""
    found, weights = _matched([comparison for comparison, _ in parts]), [weight for _, weight in parts]
    units = []
    for key in found[0]:
        scaled = [each[key].scaled(weight) for each, weight in zip(found, weights, strict=True)]
        units.append(Unit(key=key, terms=merged([term for unit in scaled for term in unit.terms])))
    return Comparison(units=tuple(units), pool=reduce(Pool.joined, (comparison.pool for comparison, _ in parts)))


def _matched(comparisons: Sequence[Comparison]) -> list[dict[Key, Unit]]:
    """Return the units of each comparison by a key; all have the same keys, in the order of the first."""
    seeds = set.intersection(*({unit.seed for unit in comparison.units} for comparison in comparisons))
    common = [[unit for unit in comparison.units if unit.seed in seeds] for comparison in comparisons]
    found = [{unit.key: unit for unit in units} for units in common]
    is_whole = all(len(each) == len(units) for each, units in zip(found, common, strict=True))
    if is_whole and _are_alike(found):
        return found
    place = _place(common)
    factors = _shared_factors(common)
    found = [
        _averaged(units, lambda unit: (*place(unit), *(unit.common_levels[name] for name in factors)))
        for units in common
    ]
    if _are_alike(found):
        return found
    found = [_averaged(units, place) for units in common]
    return [{key: each[key] for key in found[0] if all(key in other for other in found)} for each in found]


def _are_alike(found: Sequence[dict[Key, Unit]]) -> bool:
    return all(each.keys() == found[0].keys() for each in found)


def _place(common: Sequence[Sequence[Unit]]) -> Callable[[Unit], Key]:
    """Return what tells the seed of a unit and, as far as all comparisons have it, the block."""
    shared = set.intersection(*({text for unit in units for text in unit.common_stratum} for units in common))
    return lambda unit: (unit.seed, *(text for text in unit.common_stratum if text in shared))


def _shared_factors(common: Sequence[Sequence[Unit]]) -> list[str]:
    """Return the factors of which each unit has one level, and each comparison the same ones."""
    names = common[0][0].common_levels if all(common) else ()
    return [name for name in names if _have_same_levels(common, name)]


def _have_same_levels(common: Sequence[Sequence[Unit]], factor: str) -> bool:
    levels = [{unit.common_levels.get(factor, "") for unit in units} for units in common]
    return all("" not in each and each == levels[0] for each in levels)


def _averaged(units: Collection[Unit], key: Callable[[Unit], Key]) -> dict[Key, Unit]:
    groups: dict[Key, list[Unit]] = defaultdict(list)
    for unit in units:
        groups[key(unit)].append(unit)
    return {
        each: Unit(key=each, terms=merged([term for unit in group for term in unit.scaled(1 / len(group)).terms]))
        for each, group in groups.items()
    }
