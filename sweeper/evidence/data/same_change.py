"""The same change elsewhere: what a single pair of a seed shares with others that a grid has at other levels.

In a grid, a pair at some levels of the other factors is one of several that make the same change. If that change does
something else with each seed, all of them vary alike, which no residual of one pair shows.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.pool import Pool
from sweeper.evidence.data.units import Unit

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
    terms = units[0].terms
    strata = {stratum for unit in units for stratum in unit.strata}
    if len(strata) != 1 or len({unit.arms for unit in units}) != 1:
        return ()
    changed = [name for name in terms[0][0].levels if len({cell.levels[name] for cell, _ in terms}) > 1]
    (stratum,) = strata
    pattern = [(_setting(cell, changed), weight) for cell, weight in terms]
    found = [
        Unit(key=(*rest, seed), terms=tuple((cells[setting][seed], weight) for setting, weight in pattern))
        for rest, cells in _by_setting(pool.arms(stratum), changed, without).items()
        if all({unit.terms[0][0].seed for unit in units} <= cells.get(setting, {}).keys() for setting, _ in pattern)
        for seed in dict.fromkeys(unit.terms[0][0].seed for unit in units)
    ]
    return tuple(found) if len(found) > len(units) else ()


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
