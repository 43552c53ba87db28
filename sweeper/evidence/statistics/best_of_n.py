"""The expected best value of a search with n trials."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
    ordered, sizes = _ordered(values, n, direction)
    return np.asarray(_weights(len(ordered), sizes) @ ordered)


def best_spread(values: ArrayLike, n: ArrayLike, *, direction: str = "minimize") -> NDArray[np.float64]:
    """Return the standard deviation of the best of n trials under the plug-in distribution (Dodge et al. 2019)."""
    ordered, sizes = _ordered(values, n, direction)
    weights = _weights(len(ordered), sizes)
    means = weights @ ordered
    return np.asarray(np.sqrt(np.sum(weights * (ordered[None, :] - means[:, None]) ** 2, axis=1)))


def _ordered(values: ArrayLike, n: ArrayLike, direction: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the values from the worst to the best, and the sizes."""
    array, sizes = np.asarray(values, dtype=np.float64), np.atleast_1d(np.asarray(n, dtype=np.int64))
    if not array.size or not np.isfinite(array).all() or (sizes < 1).any():
        raise ValueError(f"finite values and sizes >= 1 must be given, but got values={values!r}, n={n!r}")
    ordered = np.sort(array)
    return (ordered[::-1] if direction == "minimize" else ordered), sizes


def _weights(trials: int, sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probability that the trial of each rank, worst first, is a sample's best: `[sizes, trials]`."""
    ranks = np.arange(1, trials + 1)
    powers = sizes[:, None]
    return np.asarray((ranks / trials) ** powers - ((ranks - 1) / trials) ** powers)
