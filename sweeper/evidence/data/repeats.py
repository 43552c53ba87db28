"""Whether the runs of a comparison show how runs vary at all; where they do not, nothing is decided.

Runs that repeat each other to the last of many digits are one piece of information, however many seeds they have: the
seed may change nothing, the setting may change nothing, or the program may only add what the two contribute.
"""

from collections.abc import Sequence
from typing import Final

from sweeper.evidence.data.agreeing import same_values
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.pool import ErrorRule, Pool
from sweeper.evidence.data.units import Unit, cancels

COPIES: Final = "the seed changes nothing in what is compared: 1 run, not {seeds}"
REPEATED_SEEDS: Final = "some seeds repeat others but for 0.1% of what seeds change: {distinct} runs, not {seeds}"
ONE_SEED: Final = "one seed does not show how runs vary"

Terms = Sequence[tuple[Cell, float]]


def no_repeats(units: Sequence[Unit], terms: Terms, pool: Pool) -> str:
    """Return why complete units show nothing of how runs vary; empty if they do.

    Args:
        units: with all their values.
        terms: the cells of their mean, each with its weight.
        pool: the cells over which the variance may be pooled.
    """
    return no_replicates(pool, terms) or same_values(units) or _one_seed(units, terms, pool)


def no_replicates(pool: Pool, terms: Terms) -> str:
    """Return that the seed changes nothing, in all runs or in most of those on one side, or that seeds repeat others.

    Empty if it is not so.

    Args:
        terms: the cells of a contrast, each with its weight.
    """
    if pool.replicates.degenerate:
        return pool.replicates.reason
    strata = {cell.stratum for cell, _ in terms}
    for stratum in strata:
        if first := pool.repeated_seeds(stratum):
            used = {cell.seed for cell, _ in terms if cell.stratum == stratum}
            distinct = {first.get(seed, seed) for seed in used}
            if len(distinct) < len(used):
                return REPEATED_SEEDS.format(distinct=len(distinct), seeds=len(used))
    if not any(pool.copies(stratum) for stratum in strata):
        return ""
    for sign in (1.0, -1.0):
        side = [(cell, abs(weight)) for cell, weight in terms if sign * weight > 0]
        same = [(cell, weight) for cell, weight in side if cell.arm in pool.copies(cell.stratum)]
        if same and 2 * sum(weight for _, weight in same) >= sum(weight for _, weight in side):
            return COPIES.format(seeds=len({cell.seed for cell, _ in same}))
    return ""


def _one_seed(units: Sequence[Unit], terms: Terms, pool: Pool) -> str:
    """Return that nothing shows how runs vary: one seed, whose cells differ in other factors and repeat nothing.

    Where what the seed adds cancels, other arms with several seeds may show it.
    """
    if len(units) == 1 or len({cell.seed for cell, _ in terms}) > 1:
        return ""
    known = pool.rule is not ErrorRule.OWN_PAIRS and cancels(terms)
    return "" if known and all(pool.variance(cell.stratum).pooled.df for cell, _ in terms) else ONE_SEED
