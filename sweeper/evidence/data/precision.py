"""How precisely a comparison shows its effect, whatever the values of its runs: what a plan knows of it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.comparison import Comparison
from sweeper.evidence.data.units import Unit, cancels, run_weights
from sweeper.evidence.statistics.paired import satterthwaite


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How precisely a comparison's complete units show their effect.

    Attributes:
        error: the standard error of the effect if one run has a standard deviation of 1.
        df: its degrees of freedom while all arms vary alike.
        cancels: whether what the runs of a seed share cancels.
    """

    error: float
    df: float
    cancels: bool


def precision(comparison: Comparison) -> Precision:
    """Return how precisely a comparison shows its effect, by the rules of `comparison.infer`."""
    terms = run_weights(comparison.complete)
    if not cancels(terms):
        return _by_stratum(comparison.complete)
    squares = _squares(terms)
    freedom = [comparison.pool.df(stratum) for stratum in squares]
    df = satterthwaite(list(squares.values()), freedom) if all(freedom) else float(comparison.num_seeds - 1)
    return Precision(error=math.sqrt(sum(squares.values())), df=df, cancels=True)


def _by_stratum(units: Sequence[Unit]) -> Precision:
    """Return the precision where each stratum is judged by its own differences, one for each seed."""
    groups: dict[tuple[object, ...], list[Unit]] = defaultdict(list)
    for unit in units:
        groups[tuple(sorted({cell.stratum for cell, _ in unit.terms}))].append(unit)
    squares, freedom = [], []
    for group in groups.values():
        share = len(group) / len(units)
        squares.append(share**2 * sum(_squares(run_weights(group)).values()))
        freedom.append(len({unit.terms[0][0].seed for unit in group}) - 1)
    df = satterthwaite(squares, freedom) if all(freedom) else 0.0
    return Precision(error=math.sqrt(sum(squares)), df=df, cancels=False)


def _squares(terms: Iterable[tuple[Cell, float]]) -> dict[tuple[str, ...], float]:
    """Return the sum of squared weights in each stratum."""
    squares: dict[tuple[str, ...], float] = defaultdict(float)
    for cell, weight in terms:
        squares[cell.stratum] += weight**2
    return squares
