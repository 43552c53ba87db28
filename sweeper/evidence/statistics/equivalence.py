"""Tests that show that there is no relevant difference."""

from dataclasses import dataclass

from sweeper.evidence.statistics.multiplicity import all_of, any_of
from sweeper.evidence.statistics.paired import Estimate


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
