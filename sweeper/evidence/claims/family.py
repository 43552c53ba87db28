"""The family of claims over which Holm's method adjusts p-values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.evidence.claims.evidence import Verdict, decide
from sweeper.evidence.statistics.multiplicity import holm
from sweeper.spec.claim import ALPHA

# The p-values for and against a claim, NaN if it is untested; and those with which it counts among the others, None if
# it does not.
Pair = tuple[float, float]
Counted = Pair | None
UNTESTED: Final = (math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Family:
    """The unadjusted p-values of all claims.

    Attributes:
        own: for and against each claim.
        counted: those with which each counts when another one is adjusted; None if it does not count then.
    """

    own: tuple[Pair, ...]
    counted: tuple[Counted, ...]

    @classmethod
    def of(cls, claims: Sequence[Pair], *, removed: int = 0, counted: Sequence[Counted] | None = None) -> "Family":
        """Return the family of some claims, by their p-values, and of those that were removed.

        The family is what was declared before there were results, or else the adjustment of a claim that nobody touched
        would follow from what was done to the others. So a claim that was removed later still counts, as one that is
        untested.

        Args:
            counted: with which p-values each claim counts when another one is adjusted; None for its own.
        """
        gone = [UNTESTED] * removed
        return cls((*claims, *gone), (*(claims if counted is None else counted), *gone))

    def size(self, position: int) -> int:
        """Return the number of claims over which the p-values of one are adjusted, with itself."""
        return 1 + len(self._others(position))

    def adjusted(self, position: int, p_support: float, p_refute: float) -> Pair:
        """Return Holm's adjustment of one claim's p-values, given here, among those of the others."""
        others = self._others(position)
        support, refute = ([pair[way] for pair in others] for way in (0, 1))
        return holm([p_support, *support])[0], holm([p_refute, *refute])[0]

    def verdict(self, position: int, p_support: float, p_refute: float) -> Verdict:
        """Return the verdict on a claim with these p-values, unadjusted, among those of the others."""
        return decide(*self.adjusted(position, p_support, p_refute))

    def level(self, position: int, verdict: Verdict) -> float:
        """Return the level that a claim's unadjusted p-value must stay below for a verdict of supported or refuted.

        0.05 over the number of claims that Holm's method still compares once the others are as they are.
        """
        others = [pair[0 if verdict == "supported" else 1] for pair in self._others(position)]
        steps = (ALPHA / number for number in range(1, len(others) + 2))
        return next((step for step in steps if holm([0.999 * step, *others])[0] < ALPHA), ALPHA / (1 + len(others)))

    def _others(self, position: int) -> list[Pair]:
        """Return with what the other claims count; for a claim that does not count itself, all by their own."""
        values: Sequence[Counted] = self.own if self.counted[position] is None else self.counted
        return [each for place, each in enumerate(values) if place != position and each is not None]
