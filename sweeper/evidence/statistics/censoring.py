"""Pruned trials are censored: how they would have ended is not known, but it lies between bounds.

Leaving them out would make what was pruned look as good as what was not, since pruning takes the bad ones.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Regression: TypeAlias = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]
ROUNDS = 10
SETTLED = 1e-3
FAR = 1e3  # standard deviations


def final_bounds(
    step: int, best_so_far: float, completed: Sequence[tuple[ArrayLike, ArrayLike]]
) -> tuple[float, float]:
    """Between which values a trial that was stopped would have ended, less being better.

    At worst it would have got no better; at best by as much as the completed trial that gained most after that step.
    Without a completed trial to compare with there is no bound below.

    Args:
        step: where it was stopped.
        best_so_far: its best value up to there, on the scale compared.
        completed: steps and values of completed trials, on that scale; values that are not finite are skipped.
    """
    gains = [gain for steps, values in completed if (gain := _gain_after(step, steps, values)) is not None]
    return (best_so_far - max(gains) if gains else -np.inf), best_so_far


def impute(values: ArrayLike, low: ArrayLike, high: ArrayLike, regress: Regression) -> NDArray[np.float64]:
    """Values for censored responses: their expectation under a regression, within their bounds.

    Schmee and Hahn 1979, Technometrics 21, as Hutter et al. 2013 (Bayesian optimization with censored
    response data) do it with random forests: fit, replace each censored value by the mean of the normal
    distribution that the fit predicts, truncated to the bounds, and fit again until nothing moves.

    Args:
        values: `[trials]`, NaN where censored.
        low, high: `[trials]`, finite bounds; looked at where values are NaN.
        regress: from responses `[trials]` to the mean and standard deviation predicted for each trial.
    """
    known, below, above = (np.asarray(array, dtype=np.float64) for array in (values, low, high))
    censored = np.isnan(known)
    filled = np.where(censored, (below + above) / 2, known)
    for _ in range(ROUNDS if censored.any() else 0):
        mean, spread = regress(filled)
        new = _truncated_means(mean[censored], spread[censored], below[censored], above[censored])
        moved = float(np.abs(new - filled[censored]).max())
        filled[censored] = new
        if moved <= SETTLED * float(np.ptp(filled)):
            break
    return filled


def _gain_after(step: int, steps: ArrayLike, values: ArrayLike) -> float | None:
    places, curve = np.asarray(steps), np.asarray(values, dtype=np.float64)
    finite = np.isfinite(curve)
    places, curve = places[finite], curve[finite]
    before = curve[places <= step]
    return float(before.min() - curve.min()) if len(before) else None


def _truncated_means(
    mean: NDArray[np.float64], spread: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    result = np.clip(mean, low, high)
    wide = (high > low) & (spread > 0)
    a, b = (low[wide] - mean[wide]) / spread[wide], (high[wide] - mean[wide]) / spread[wide]
    # Far out in a tail scipy's mean is NaN or, worse, a number beyond the bounds, or beyond the wrong one of them:
    # there the nearer bound, which the clipping gave, is right to a thousandth of the spread.
    with np.errstate(all="ignore"):
        inner = stats.truncnorm.mean(a, b, loc=mean[wide], scale=spread[wide])
    usable = np.isfinite(inner) & (a < FAR) & (b > -FAR)
    result[wide] = np.where(usable, np.clip(inner, low[wide], high[wide]), result[wide])
    return result
