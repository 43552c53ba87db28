"""Tests that may be looked at after every seed without a planned end: a mixture of t likelihood ratios.

By Ville's inequality a nonnegative martingale that starts at 1 ever exceeds 1 / alpha with probability alpha at most.
The likelihood ratio of the t statistic, of an effect of delta standard deviations against none, is such a martingale
whatever the unknown variance is; so is its mean over a prior on delta (Robbins 1970; Lai 1976, On confidence sequences,
Annals of Statistics 4, pp. 265-280; Wang and Ramdas 2024, Anytime-valid t-tests and confidence sequences for Gaussian
means with unknown variance, Sequential Analysis 44). The prior is half normal, on effects above the bound only: larger
t statistics make it larger, so it holds for every effect below the bound as well.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sweeper.evidence.statistics.group_sequential import Looks

PRIOR_SD: Final = 1.0  # of the effect, in standard deviations of a seed's difference
NUM_NODES: Final = 64
Vector = NDArray[np.float64]


def e_value(t: float, df: float, pairs: int) -> float:
    """Return the mean likelihood ratio of effects above the bound against the bound itself.

    Args:
        t: the statistic of the mean difference.
        df: degrees of freedom of its variance, the pairs' own included.
        pairs: that the mean is over.
    """
    lengths, weights = _lengths(df + 1.0)
    precision = PRIOR_SD**-2
    pull = lengths * math.sqrt(pairs) * t / math.hypot(t, math.sqrt(df)) / math.sqrt(precision + pairs)
    # 2 sqrt(c / (c + n)) exp(pull^2 / 2) Phi(pull), in logarithms
    terms = pull**2 / 2 + special.log_ndtr(pull) + np.log(weights)
    return 2 * math.sqrt(precision / (precision + pairs)) * math.exp(min(special.logsumexp(terms), 700.0))


def anytime_p(looks: Looks, p_values: Sequence[float]) -> float:
    """Return the p-value that holds whenever one stops: the least 1 / e over the looks so far.

    Args:
        looks: those so far; their information and spending do not matter.
        p_values: one-sided, by the t distribution, at the looks so far.
    """
    found = [
        1.0 / e_value(-float(special.stdtrit(df, min(max(p, 1e-300), 1.0 - 1e-15))), df, pairs)
        for pairs, df, p in zip(looks.pairs, looks.df, p_values, strict=False)
    ]
    return min([1.0, *found])


def anytime_critical_value(df: float, pairs: int, alpha: float) -> float:
    """Return the t statistic at which the e-value reaches 1 / alpha; infinite if it never does."""
    low, high = 0.0, 1e8
    if e_value(high, df, pairs) < 1 / alpha:
        return math.inf
    for _ in range(80):
        middle = math.sqrt(max(low, 1e-3) * high)
        low, high = (low, middle) if e_value(middle, df, pairs) >= 1 / alpha else (middle, high)
        if high / max(low, 1e-3) < 1 + 1e-9:
            break
    return high


@lru_cache(maxsize=1024)
def _lengths(dimensions: float) -> tuple[Vector, Vector]:
    """Return nodes and weights for an expectation over a chi distribution, the length of a vector of normals."""
    nodes, weights = special.roots_legendre(NUM_NODES)
    spread = 12.0  # standard deviations about the mean, which are at most sqrt(1 / 2)
    middle = math.sqrt(dimensions)
    low, high = max(0.0, middle - spread), middle + spread
    y = low + (nodes + 1) * (high - low) / 2
    density = np.exp(
        (dimensions - 1) * np.log(y) - y**2 / 2 - (dimensions / 2 - 1) * math.log(2) - special.gammaln(dimensions / 2)
    )
    return y, np.maximum(weights * (high - low) / 2 * density, 1e-300)
