"""The same change elsewhere: what a single pair of a seed shares with others that a grid has at other levels.

In a grid, a pair at some levels of the other factors is one of several that make the same change. If that change does
something else with each seed, all of them vary alike, which no residual of one pair shows.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.pool import Pool, StratumKey
from sweeper.evidence.data.units import PAIR, Unit

Setting = tuple[str, ...]


def same_change(units: Sequence[Unit], pool: Pool, *, without: Collection[Hashable] = ()) -> tuple[Unit, ...]:
    """Return all units that make the change of these, at any levels of the factors that it leaves alone.

    Only those that every seed of these has, so that they can be averaged. None unless all units are of one kind, each
    of one stratum, and there are others.

    Args:
        units: complete ones, one a seed.
        pool: in which to look.
        without: arms that are left out, since they vary more than the others.
    """
    change = _change(units)
    if change is None:
        return ()
    seeds = dict.fromkeys(unit.terms[0][0].seed for unit in units)
    found = [
        Unit(key=(*rest, seed), terms=tuple((cells[setting][seed], weight) for setting, weight in change.pattern))
        for rest, cells in _by_setting(pool.arms(change.stratum), change.factors, without).items()
        if all(seeds.keys() <= cells.get(setting, {}).keys() for setting, _ in change.pattern)
        for seed in seeds
    ]
    return tuple(found) if len(found) > len(units) else ()


def is_of_grid(units: Sequence[Unit], pool: Pool) -> bool:
    """Return whether single pairs are part of a grid: it has their change elsewhere, or all that lies between two arms.

    Args:
        units: as for `same_change`.
        pool: in which to look; runs may be missing.
    """
    change = _change(units)
    if change is None:
        return False
    grid = _by_setting(pool.arms(change.stratum), change.factors, ())
    settings = {setting for setting, _ in change.pattern}
    if sum(settings <= cells.keys() for cells in grid.values()) > 1:
        return True
    rest = _setting(units[0].terms[0][0], [name for name in units[0].terms[0][0].levels if name not in change.factors])
    if len(settings) != PAIR or len(change.factors) == 1 or 2 ** len(change.factors) > len(grid[rest]):
        return False
    if pool.hub(change.stratum):  # most arms differ from a baseline in one factor: all are taken to vary alike
        return False
    return set(product(*zip(*settings, strict=True))) <= grid[rest].keys()


@dataclass(frozen=True, slots=True)
class _Change:
    """What single pairs compare: the factors in which their arms differ, and the weight of each setting of these."""

    stratum: StratumKey
    factors: tuple[str, ...]
    pattern: tuple[tuple[Setting, float], ...]


def _change(units: Sequence[Unit]) -> _Change | None:
    """Return the change of some units; None unless all are of one kind and of one stratum."""
    terms = units[0].terms
    strata = {stratum for unit in units for stratum in unit.strata}
    if len(strata) != 1 or len({unit.arms for unit in units}) != 1:
        return None
    changed = tuple(name for name in terms[0][0].levels if len({cell.levels[name] for cell, _ in terms}) > 1)
    return _Change(next(iter(strata)), changed, tuple((_setting(cell, changed), weight) for cell, weight in terms))


def _by_setting(
    arms: Mapping[str, Mapping[int, Cell]], changed: Sequence[str], without: Collection[Hashable]
) -> Mapping[Setting, Mapping[Setting, Mapping[int, Cell]]]:
    """Return the runs of arms by the levels of the factors left alone, by those of the factors changed, and by seed."""
    found: dict[Setting, dict[Setting, Mapping[int, Cell]]] = defaultdict(dict)
    for arm, cells in arms.items():
        if arm not in without:
            first = next(iter(cells.values()))
            rest = [name for name in first.levels if name not in changed]
            found[_setting(first, rest)][_setting(first, changed)] = cells
    return found


def _setting(cell: Cell, names: Sequence[str]) -> Setting:
    return tuple(cell.levels[name] for name in names)
