"""Looking at data more than once: how the error is spent over looks, and when to stop for futility.

A claim that is tested after each seed, each time at 5 %, is falsely supported in far more than 5 % of studies
(Armitage, McPherson and Rowe 1969). Here a look may spend only the share of the error by which its information raises a
spending function (Lan and DeMets 1983). The shares add up: P(any look errs) <= the sum of the shares (Bonferroni).
Boundaries from the joint distribution of looks would be slightly wider, but need normal increments with known variance.
The sum holds for t-tests of any degrees of freedom, whatever the looks have in common, and at looks that were not
planned.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

from scipy import special

Spending = Literal["obrien-fleming", "pocock"]

# a(t) = alpha t^rho: about the boundaries of O'Brien and Fleming with rho = 3, of Pocock with rho = 1.
EXPONENTS: Final[dict[Spending, float]] = {"obrien-fleming": 3.0, "pocock": 1.0}


def spent(fraction: float, spending: Spending) -> float:
    """Return the share of the error that is spent at a given share of the information, 0 to 1.

    Source: Kim and DeMets (1987), Biometrika 74, pp. 149-154.

    Args:
        fraction: the information so far over that of the whole plan; clipped to 0 and 1.
        spending: obrien-fleming spends late, pocock evenly.
    """
    return float(min(max(fraction, 0.0), 1.0) ** EXPONENTS[spending])


def sequential_p(looks: Sequence[tuple[float, float]], spending: Spending) -> float:
    """Return a p-value that is valid at whichever look one stops: the smallest of p / (the share that its look spends).

    If H0 is true, it is at most u in at most the share u of studies, since P(p_k <= u w_k for any k) <= u sum w_k. So
    the p-values of several claims that were looked at at different times can be adjusted by Holm's rule.

    Args:
        looks: (information fraction, p-value) in the order of looks; a look without new information spends nothing and
            is left out.
        spending: how the error is spent.

    Returns:
        At most 1; 1 without looks.
    """
    best, before = 1.0, 0.0
    for fraction, p in looks:
        share = spent(fraction, spending)
        if share > before:
            best = min(best, p / (share - before))
            before = share
    return best


def conditional_power(p: float, fraction: float, level: float) -> float:
    """Return the probability that a one-sided test ends below `level` at the end of the plan, if the trend continues.

    It uses the B-value of Lan and Wittes (1988), Biometrics 44, pp. 579-585, under the current trend. Stopping where it
    is small (stochastic curtailment: Lan, Simon and Halperin 1982) never raises the error of supporting a claim.

    Args:
        p: the current p-value.
        fraction: the current information, above 0.
        level: of the test at the end; 0 is never reached.
    """
    if fraction >= 1.0:
        return float(p <= level)
    if p >= 1.0 or level <= 0.0:
        return 0.0
    trend = -float(special.ndtri(p)) / math.sqrt(fraction)
    return float(special.ndtr((trend + float(special.ndtri(level))) / math.sqrt(1.0 - fraction)))
