"""Whether an effect is the same in several strata, e.g. datasets."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import special

from sweeper.evidence.statistics.paired import Estimate

DIFFERS: Final = 0.01  # the level at which an effect differs between strata, so that it has no mean worth showing


def same_effect_p(effects: Sequence[Estimate]) -> float:
    """Return the p-value of the same effect in every stratum.

    Welch's (1951, Biometrika 38, pp. 330-336) test of means with unequal variances, each with its own degrees of
    freedom: the standard errors of strata differ, and pooled variances have more degrees of freedom than pairs.

    Args:
        effects: one of each stratum; those without a standard error are left out.

    Returns:
        1 where fewer than two can be compared, or none of them varies and all are equal.
    """
    known = [each for each in effects if each.decides]
    if len(known) < 2:
        return 1.0
    value = np.array([each.value for each in known])
    error = np.array([each.standard_error for each in known])
    if not error.all():
        return 1.0 if np.ptp(value) <= 1e-12 * np.abs(value).max() else 0.0
    weight, strata = 1.0 / error**2, len(known)
    share = weight / weight.sum()
    spread = float(weight @ (value - share @ value) ** 2) / (strata - 1)
    loss = float(((1.0 - share) ** 2 / np.array([each.df for each in known])).sum())
    statistic = spread / (1.0 + 2.0 * (strata - 2) / (strata**2 - 1) * loss)
    return float(special.fdtrc(strata - 1, (strata**2 - 1) / (3.0 * loss), statistic))
