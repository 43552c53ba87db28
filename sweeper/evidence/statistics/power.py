"""Power of the paired t-test, from the noncentral t distribution.

Cohen 1988, Statistical Power Analysis, ch. 2, for pairs. Pooling over a stratum gives more degrees of freedom for the
same pairs; `df_per_pair` is their number, 1 without pooling.
"""

import math
from typing import Final

import scipy  # scipy.optimize takes a fifth of a second to load, and does so where it is first used
from scipy import special

from sweeper.evidence.statistics.paired import Estimate

POWER: Final = 0.8


def power_one_sided(effect: float, sd: float, n: int, *, alpha: float = 0.05, df: float | None = None) -> float:
    """Return the probability of rejecting H0 "effect <= 0" when the truth is `effect`.

    Args:
        effect: distance from the threshold in the direction tested.
        sd: standard deviation of one pair's difference, > 0.
        n: the number of pairs.
        alpha: level of the test.
        df: degrees of freedom of the standard deviation; by default n - 1.
    """
    freedom = n - 1.0 if df is None else df
    if n < 1 or freedom <= 0:
        return 0.0
    if sd == 0:
        return 1.0 if effect > 0 else alpha if effect == 0 else 0.0
    critical = -float(special.stdtrit(freedom, alpha))
    noncentrality = effect / sd * math.sqrt(n)
    # scipy.special is 20 times as fast as scipy.stats. For some large noncentralities it gives NaN; the power is 1.
    power = 1.0 - float(special.nctdtr(freedom, noncentrality, critical))
    return power if math.isfinite(power) else float(noncentrality > critical)


def smallest_detectable(
    sd: float, n: int, *, alpha: float = 0.05, power: float = POWER, df: float | None = None
) -> float:
    """Return the smallest effect that such a design shows with probability `power`; NaN if it can show none."""
    freedom = n - 1.0 if df is None else df
    if n < 1 or freedom <= 0 or not math.isfinite(sd):
        return math.nan
    if sd == 0:
        return 0.0

    def lack(effect: float) -> float:
        return power_one_sided(effect, sd, n, alpha=alpha, df=freedom) - power

    high = sd
    while lack(high) < 0:
        high *= 2
    return float(scipy.optimize.brentq(lack, 0.0, high, xtol=1e-12, rtol=1e-10))


def detectable(estimate: Estimate, *, alpha: float) -> float:
    """Return the smallest effect that a design with this standard error shows with probability 0.8.

    Args:
        alpha: the one-sided level.
    """
    if not estimate.decides:
        return math.nan
    return smallest_detectable(estimate.standard_error * math.sqrt(estimate.n), estimate.n, alpha=alpha, df=estimate.df)
