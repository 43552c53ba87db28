"""Curves and fronts: best so far against compute, Pareto fronts, quantile bands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pareto_front(costs: ArrayLike, values: ArrayLike, *, direction: str = "minimize") -> NDArray[np.int64]:
    """The places of the points that no other point beats: none costs no more and is no worse, and is better in one.

    Of equal points the first stays. Points with a cost or value that is not finite are left out.

    Args:
        costs: `[points]`, less is better.
        values: `[points]`.

    Returns:
        `[front]`, by cost.
    """
    cost = np.asarray(costs, dtype=np.float64)
    worth = np.asarray(values, dtype=np.float64) * (1.0 if direction == "minimize" else -1.0)
    finite = np.flatnonzero(np.isfinite(cost) & np.isfinite(worth))
    order = finite[np.lexsort((finite, worth[finite], cost[finite]))]
    best_before = np.concatenate(([np.inf], np.minimum.accumulate(worth[order])[:-1]))
    return np.asarray(order[worth[order] < best_before], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class AnytimeCurve:
    """The best value found once so much compute was spent; a step function, right-continuous.

    Attributes:
        compute: `[steps]`, cumulative, rising.
        best: `[steps]`, the best value from there on.
        places: `[steps]`, which of the trials given it is.
    """

    compute: NDArray[np.float64]
    best: NDArray[np.float64]
    places: NDArray[np.int64]


def anytime(compute: ArrayLike, values: ArrayLike, *, direction: str = "minimize") -> AnytimeCurve:
    """Best so far against cumulative compute (the curves of Hansen et al. 2016, COCO: performance assessment).

    Args:
        compute: `[trials]`, what each trial cost, in the order in which they ended; failed and pruned ones included.
        values: `[trials]`, NaN for a trial that gave none: its cost counts.
    """
    spent = np.cumsum(np.asarray(compute, dtype=np.float64))
    worth = np.asarray(values, dtype=np.float64) * (1.0 if direction == "minimize" else -1.0)
    filled = np.where(np.isfinite(worth), worth, np.inf)
    before = np.concatenate(([np.inf], np.minimum.accumulate(filled)[:-1]))
    places = np.flatnonzero(filled < before)
    return AnytimeCurve(spent[places], np.asarray(values, dtype=np.float64)[places], places)


def quantile_bands(
    curves: Sequence[tuple[ArrayLike, ArrayLike]], grid: ArrayLike, quantiles: Sequence[float]
) -> NDArray[np.float64]:
    """Pointwise quantiles of many curves on one grid.

    A curve counts between its first and its last point, linearly interpolated; NaN where no curve reaches.

    Args:
        curves: (x, y) of each, x rising; points whose y is not finite are skipped.
        grid: `[points]`.
        quantiles: in [0, 1].

    Returns:
        `[quantiles, points]`.
    """
    places = np.asarray(grid, dtype=np.float64)
    rows = np.array([_resampled(x, y, places) for x, y in curves]).reshape(-1, len(places))
    result = np.full((len(quantiles), len(places)), np.nan)
    reached = np.isfinite(rows).any(axis=0)
    if reached.any():
        result[:, reached] = np.nanquantile(rows[:, reached], np.asarray(quantiles), axis=0)
    return result


def _resampled(x: ArrayLike, y: ArrayLike, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    places, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    finite = np.isfinite(values) & np.isfinite(places)
    if not finite.any():
        return np.full(len(grid), np.nan)
    return np.interp(grid, places[finite], values[finite], left=np.nan, right=np.nan)
