"""Whether the runs of a comparison show how runs vary at all; where they do not, nothing is decided.

Runs that repeat each other to the last of many digits are one piece of information, however many seeds they have: the
seed may change nothing, the setting may change nothing, or the program may only add what the two contribute.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.pool import ErrorRule, Pool
from sweeper.evidence.data.units import PAIR, Unit, cancels
from sweeper.evidence.statistics.replicates import FINE

SAME_RUN: Final = "both sides gave the same values to the last digit: the setting changes nothing, or never arrives"
COPIES: Final = "the seed changes nothing in what is compared: 1 run, not {seeds}"
SAME_DIFFERENCE: Final = "the {what} is the same to the last digit in {which} seeds: 1 {what}, not {seeds}"
ONE_SEED: Final = "one seed does not show how runs vary"

Terms = Sequence[tuple[Cell, float]]


def no_repeats(units: Sequence[Unit], terms: Terms, pool: Pool) -> str:
    """Return why complete units show nothing of how runs vary; empty if they do.

    Args:
        units: with all their values.
        terms: the cells of their mean, each with its weight.
        pool: the cells over which the variance may be pooled.
    """
    return no_replicates(pool, terms) or same_difference(units) or _one_seed(units, terms, pool)


def no_replicates(pool: Pool, terms: Terms) -> str:
    """Return that the seed changes nothing, in all runs or in most of those on one side; empty if it is not so.

    Args:
        terms: the cells of a contrast, each with its weight.
    """
    if pool.replicates.degenerate:
        return pool.replicates.reason
    for sign in (1.0, -1.0):
        side = [(cell, abs(weight)) for cell, weight in terms if sign * weight > 0]
        same = [(cell, weight) for cell, weight in side if cell.arm in pool.copies(cell.stratum)]
        if same and 2 * sum(weight for _, weight in same) >= sum(weight for _, weight in side):
            return COPIES.format(seeds=len({cell.seed for cell, _ in same}))
    return ""


def same_difference(units: Sequence[Unit]) -> str:
    """Return that units which differ in the seed alone agree to the last of many digits; empty if they do not.

    No two trainings differ by the same amount, or by the same factor, to eight digits. Values of fewer digits may do so
    by chance, and have the error that rounding gives them.
    """
    cells = [cell for unit in units for cell, _ in unit.terms]
    if not all(len(unit.terms) >= PAIR for unit in units) or not all(cell.share <= FINE for cell in cells):
        return ""
    if all(len(unit.terms) == PAIR for unit in units) and all(_is_zero(unit) for unit in units):
        return SAME_RUN
    groups: dict[Hashable, list[Unit]] = defaultdict(list)
    for unit in units:
        groups[frozenset((cell.arm, cell.stratum, weight) for cell, weight in unit.terms)].append(unit)
    repeated = [group for group in groups.values() if len(group) > 1]
    seeds = len({unit.terms[0][0].seed for group in repeated for unit in group})
    if seeds < 2:
        return ""
    for what, amount in (("difference", _difference), ("ratio", _log_ratio)):
        if all(_are_equal(group, amount) for group in repeated):
            return SAME_DIFFERENCE.format(what=what, which="both" if seeds == 2 else f"all {seeds}", seeds=seeds)
    return ""


def _is_zero(unit: Unit) -> bool:
    value, error = _difference(unit)
    return abs(value) <= error


def _are_equal(units: Iterable[Unit], amount: Callable[[Unit], tuple[float, float]]) -> bool:
    found = [amount(unit) for unit in units]
    values = [value for value, _ in found]
    if not all(map(math.isfinite, values)):  # `max` and `min` pass over a NaN that is not the first
        return False
    return max(values) - min(values) <= max(error for _, error in found)


def _difference(unit: Unit) -> tuple[float, float]:
    """Return the weighted sum of the values as measured, and how much of it are digits that need not agree."""
    terms = [(weight, cell.raw) for cell, weight in unit.terms]
    return sum(weight * raw for weight, raw in terms), FINE * sum(abs(weight * raw) for weight, raw in terms)


def _log_ratio(unit: Unit) -> tuple[float, float]:
    """Return the same of the values' logarithms; NaN, which equals nothing, where one has none."""
    if any(cell.raw <= 0 for cell, _ in unit.terms):
        return math.nan, 0.0
    total = sum(weight * math.log(cell.raw) for cell, weight in unit.terms)
    return total, FINE * sum(abs(weight) for _, weight in unit.terms)


def _one_seed(units: Sequence[Unit], terms: Terms, pool: Pool) -> str:
    """Return that nothing shows how runs vary: one seed, whose cells differ in other factors and repeat nothing.

    Where what the seed adds cancels, other arms with several seeds may show it.
    """
    if len(units) == 1 or len({cell.seed for cell, _ in terms}) > 1:
        return ""
    known = pool.rule is not ErrorRule.OWN_PAIRS and cancels(terms)
    return "" if known and all(pool.variance(cell.stratum).pooled.df for cell, _ in terms) else ONE_SEED
