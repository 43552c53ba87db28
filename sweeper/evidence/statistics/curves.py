"""Curves and fronts: best so far against compute, expected best of n trials, Pareto fronts, quantile bands."""

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


def expected_best(values: ArrayLike, n: ArrayLike, *, direction: str = "minimize") -> NDArray[np.float64]:
    """Return the expected best of n trials drawn like the given ones (expected validation performance).

    This is the plug-in estimator of Dodge et al. 2019 (Show Your Work, EMNLP) with the empirical distribution F of the
    values: E = sum v (F(v)^n - F(v-)^n). It is pessimistic for n near the number of trials.

    Args:
        values: `[trials]`, finite. Include failed trials with the worst value that you would accept.
        n: `[sizes]`, at least 1.

    Returns:
        `[sizes]`.
    """
    ordered, sizes = _best_last(values, n, direction)
    return np.asarray(_best_weights(len(ordered), sizes) @ ordered)


def best_spread(values: ArrayLike, n: ArrayLike, *, direction: str = "minimize") -> NDArray[np.float64]:
    """Return the standard deviation of the best of n trials under the plug-in distribution (Dodge et al. 2019)."""
    ordered, sizes = _best_last(values, n, direction)
    size = float(np.abs(ordered).max(initial=0.0)) or 1.0  # squares of very large values are beyond floats
    ordered = ordered / size
    weights = _best_weights(len(ordered), sizes)
    means = weights @ ordered
    return np.asarray(size * np.sqrt(np.sum(weights * (ordered[None, :] - means[:, None]) ** 2, axis=1)))


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


def _best_last(values: ArrayLike, n: ArrayLike, direction: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the values from the worst to the best, and the sizes."""
    array, sizes = np.asarray(values, dtype=np.float64), np.atleast_1d(np.asarray(n, dtype=np.int64))
    if not array.size or not np.isfinite(array).all() or (sizes < 1).any():
        raise ValueError(f"finite values and sizes >= 1 must be given, but got values={values!r}, n={n!r}")
    ordered = np.sort(array)
    return (ordered[::-1] if direction == "minimize" else ordered), sizes


def _best_weights(trials: int, sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probability that the trial of each rank, worst first, is a sample's best: `[sizes, trials]`."""
    ranks = np.arange(1, trials + 1)
    powers = sizes[:, None]
    return np.asarray((ranks / trials) ** powers - ((ranks - 1) / trials) ** powers)
