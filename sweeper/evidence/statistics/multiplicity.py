"""P-values of several tests together."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values by Holm's (1979) step-down method, which bounds the probability of any false rejection.

    Of m true hypotheses, any is rejected at level a with probability <= a. Independence is not required. A test that
    could not be made counts as p = 1, so claims that are declared but not yet tested never make the others look better.

    Args:
        p_values: of all declared tests; NaN for one that could not be made.
    """
    values = np.nan_to_num(np.asarray(p_values, dtype=np.float64), nan=1.0)
    order = np.argsort(values, kind="stable")
    # statsmodels' multipletests gives the same, but collects garbage in every call, which takes 40 ms.
    stepped = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1.0)
    adjusted = np.empty_like(stepped)
    adjusted[order] = stepped
    return tuple(adjusted.tolist())


def all_of(p_values: Sequence[float]) -> float:
    """Return the p-value for "every one of these holds": the largest (intersection-union test, Berger 1982).

    No adjustment is needed, since all must be shown.
    """
    return max(p_values, default=1.0)


def any_of(p_values: Sequence[float]) -> float:
    """Return the p-value for "at least one of these holds": the smallest, times their number (Bonferroni)."""
    return min(1.0, len(p_values) * min(p_values, default=1.0))
