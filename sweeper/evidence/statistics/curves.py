"""Curves and fronts: best so far against compute, Pareto fronts, quantile bands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pareto_front(costs: ArrayLike, values: ArrayLike, *, direction: str = "minimize") -> NDArray[np.int64]:
    """Return the positions of the points that no other point dominates.

    A point dominates another if it costs no more and is no worse, and is better in one of the two. Of equal points the
    first is kept. Points with a cost or value that is not finite are left out.

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
    """The best value found for a given amount of compute: a right-continuous step function.

    Attributes:
        compute: `[steps]`, cumulative, rising.
        best: `[steps]`, the best value from there on.
        positions: `[steps]`, the trial that reached it.
    """

    compute: NDArray[np.float64]
    best: NDArray[np.float64]
    positions: NDArray[np.int64]


def anytime(compute: ArrayLike, values: ArrayLike, *, direction: str = "minimize") -> AnytimeCurve:
    """Return the best so far against cumulative compute (as in Hansen et al. 2016, COCO: performance assessment).

    Args:
        compute: `[trials]`, the cost of each trial, in the order in which they ended, including failed and pruned ones.
        values: `[trials]`, NaN for a trial without one, whose cost still counts.
    """
    spent = np.cumsum(np.asarray(compute, dtype=np.float64))
    worth = np.asarray(values, dtype=np.float64) * (1.0 if direction == "minimize" else -1.0)
    filled = np.where(np.isfinite(worth), worth, np.inf)
    before = np.concatenate(([np.inf], np.minimum.accumulate(filled)[:-1]))
    positions = np.flatnonzero(filled < before)
    return AnytimeCurve(spent[positions], np.asarray(values, dtype=np.float64)[positions], positions)


def quantile_bands(
    curves: Sequence[tuple[ArrayLike, ArrayLike]], grid: ArrayLike, quantiles: Sequence[float]
) -> NDArray[np.float64]:
    """Return pointwise quantiles of many curves on one grid.

    A curve counts between its first and its last point, linearly interpolated; NaN where no curve reaches.

    Args:
        curves: (x, y) of each, x rising; points whose y is not finite are skipped.
        grid: `[points]`.
        quantiles: in [0, 1].

    Returns:
        `[quantiles, points]`.
    """
    points = np.asarray(grid, dtype=np.float64)
    rows = np.array([_resampled(x, y, points) for x, y in curves]).reshape(-1, len(points))
    result = np.full((len(quantiles), len(points)), np.nan)
    reached = np.isfinite(rows).any(axis=0)
    if reached.any():
        result[:, reached] = np.nanquantile(rows[:, reached], np.asarray(quantiles), axis=0)
    return result


def _resampled(x: ArrayLike, y: ArrayLike, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    points, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    finite = np.isfinite(values) & np.isfinite(points)
    if not finite.any():
        return np.full(len(grid), np.nan)
    return np.interp(grid, points[finite], values[finite], left=np.nan, right=np.nan)
