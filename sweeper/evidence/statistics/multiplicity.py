"""P-values of several tests together: adjusted for their number, or combined into one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.evidence.statistics.paired import Estimate


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


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Both sides of an equivalence: the p-values of H0 "outside the margins" and of H0 "within them"."""

    p_equivalent: float
    p_different: float


def tost(estimate: Estimate, low: float, high: float) -> Equivalence:
    """Run two one-sided tests (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15, pp. 657-680).

    At level 0.05, equivalence is shown exactly if the 90 % interval lies within the margins. Either side can show that
    it does not hold, at half the level each.

    Raises:
        ValueError: the margins are not in order.
    """
    if not low <= high:
        raise ValueError(f"`low <= high` must hold for the margins, but low={low}, high={high}")
    return Equivalence(
        p_equivalent=all_of([estimate.p_above(low), estimate.p_below(high)]),
        p_different=any_of([estimate.p_below(low), estimate.p_above(high)]),
    )
