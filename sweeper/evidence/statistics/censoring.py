"""Pruned trials are censored: their final values are unknown, but they lie between bounds.

Leaving them out would make what was pruned look as good as what was not, since pruning removes bad trials.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy  # scipy.stats takes half a second to load, and does so where it is first used
from numpy.typing import ArrayLike, NDArray

Regression: TypeAlias = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]
ROUNDS = 10
SETTLED = 1e-3
FAR = 1e3  # standard deviations


@dataclass(frozen=True, slots=True)
class CompletedCurves:
    """Curves of completed trials: those of the same steps beside each other, `[steps]` and `[curves, steps]`."""

    groups: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]

    @classmethod
    def of(cls, curves: Sequence[tuple[Sequence[float], Sequence[float]]]) -> "CompletedCurves":
        """Return them from the steps and values of each curve, less being better; NaN is no value."""
        alike: dict[tuple[float, ...], list[Sequence[float]]] = {}
        for steps, values in curves:
            alike.setdefault(tuple(steps), []).append(values)
        return cls([(np.array(steps, dtype=np.float64), np.array(rows)) for steps, rows in alike.items() if steps])

    def gains_after(self, step: int, *, best: bool = True) -> NDArray[np.float64]:
        """Return by how much the best, or the last, value of each curve fell after a step; of those that reach it."""
        return np.concatenate([_gains_after(step, *group, best=best) for group in self.groups] or [np.empty(0)])


def final_bounds(
    step: int, value_so_far: float, completed: CompletedCurves, *, best: bool = True
) -> tuple[float, float]:
    """Return the values between which a trial that was stopped would have ended, less being better.

    If the best value of a curve counts, the trial would not have improved at worst; at best, by as much as the
    completed trial that gained most after that step. If the last value counts, it could have risen as well, by as much
    as that of any completed trial did.

    Args:
        step: at which it was stopped.
        value_so_far: its best or last value up to that step, on the scale that is compared.
        completed: those of trials that ended, on that scale; values that are not finite are skipped.
        best: whether the best value counts, or else the last.

    Returns:
        Infinite where there is no completed trial to compare with.
    """
    found = completed.gains_after(step, best=best)
    if not len(found):
        return -np.inf, value_so_far if best else np.inf
    return value_so_far - float(found.max()), value_so_far if best else value_so_far - float(found.min())


def impute(values: ArrayLike, low: ArrayLike, high: ArrayLike, regress: Regression) -> NDArray[np.float64]:
    """Return values for censored responses: their expectation under a regression, within their bounds.

    The method of Schmee and Hahn 1979, Technometrics 21, with random forests as in Hutter et al. 2013 (Bayesian
    optimization with censored response data): fit, replace each censored value by the mean of the normal distribution
    that the fit predicts, truncated to the bounds, and fit again until the values settle.

    Args:
        values: `[trials]`, NaN where censored.
        low, high: `[trials]`, finite bounds; used where values are NaN.
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


def _gains_after(
    step: int, steps: NDArray[np.float64], rows: NDArray[np.float64], *, best: bool
) -> NDArray[np.float64]:
    finite = np.isfinite(rows)
    early = finite & (steps <= step)
    reached = early.any(axis=1)
    rows, finite, early = rows[reached], finite[reached], early[reached]
    if best:
        return np.asarray(np.where(early, rows, np.inf).min(axis=1) - np.where(finite, rows, np.inf).min(axis=1))
    return _last(rows, early) - _last(rows, finite)


def _last(rows: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the last chosen value of each row."""
    places = rows.shape[1] - 1 - chosen[:, ::-1].argmax(axis=1)
    return np.asarray(rows[np.arange(len(rows)), places])


def _truncated_means(
    mean: NDArray[np.float64], spread: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    result = np.clip(mean, low, high)
    wide = (high > low) & (spread > 0)
    a, b = (low[wide] - mean[wide]) / spread[wide], (high[wide] - mean[wide]) / spread[wide]
    # Far out in a tail, scipy's mean is NaN or, worse, a number beyond the bounds or beyond the wrong one. There the
    # nearer bound, which the clipping gave, is correct to a thousandth of the spread.
    with np.errstate(all="ignore"):
        inner = scipy.stats.truncnorm.mean(a, b, loc=mean[wide], scale=spread[wide])
    usable = np.isfinite(inner) & (a < FAR) & (b > -FAR)
    result[wide] = np.where(usable, np.clip(inner, low[wide], high[wide]), result[wide])
    return result
