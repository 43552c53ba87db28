"""What a search of n trials can be expected to find."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

Direction = Literal["minimize", "maximize"]


def expected_best(
    values: ArrayLike, n: ArrayLike, *, direction: str = "minimize", replacement: bool = True
) -> NDArray[np.float64]:
    """Expected validation performance: the expected best of n trials drawn like the ones given.

    With replacement it is the plug-in estimator of Dodge et al. 2019 (Show Your Work, EMNLP), which uses
    the empirical distribution F of the values: E = sum v (F(v)^n - F(v-)^n). It is
    pessimistic for n near the number of trials; without replacement it is the unbiased estimator of Tang et al. 2020,
    Showing Your Work Doesn't Always Work (ACL), which exists for n up to the number of trials.

    Args:
        values: `[trials]`, finite. Trials that failed belong in it with the worst value that a user would accept.
        n: `[sizes]`, at least 1.

    Returns:
        `[sizes]`.
    """
    ordered, sizes = _ordered(values, n, direction)
    weights = np.array([_weights(len(ordered), int(size), replacement) for size in sizes])
    return np.asarray(weights @ ordered)


def best_spread(values: ArrayLike, n: ArrayLike, *, direction: str = "minimize") -> NDArray[np.float64]:
    """Standard deviation of the best of n trials under the plug-in distribution (Dodge et al. 2019)."""
    ordered, sizes = _ordered(values, n, direction)
    weights = np.array([_weights(len(ordered), int(size), True) for size in sizes])
    means = weights @ ordered
    return np.asarray(np.sqrt(np.sum(weights * (ordered[None, :] - means[:, None]) ** 2, axis=1)))


def _ordered(values: ArrayLike, n: ArrayLike, direction: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The values from the worst to the best, and the sizes."""
    array, sizes = np.asarray(values, dtype=np.float64), np.atleast_1d(np.asarray(n, dtype=np.int64))
    if not array.size or not np.isfinite(array).all() or (sizes < 1).any():
        raise ValueError(f"finite values and sizes >= 1 must be given, but got values={values!r}, n={n!r}")
    ordered = np.sort(array)
    return (ordered[::-1] if direction == "minimize" else ordered), sizes


def _weights(trials: int, size: int, replacement: bool) -> NDArray[np.float64]:
    """The probability that the trial of each rank, 1 the worst, is the best of a sample of `size`."""
    ranks = np.arange(1, trials + 1)
    if replacement:
        return (ranks / trials) ** size - ((ranks - 1) / trials) ** size
    if size > trials:
        raise ValueError(f"`n <= number of trials` must hold without replacement, but n={size}, trials={trials}")
    weights = np.zeros(trials)
    possible = ranks >= size
    above = ranks[possible]
    weights[possible] = np.exp(_log_choose(above - 1, size - 1) - _log_choose(np.array(trials), size))
    return weights


def _log_choose(n: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))
