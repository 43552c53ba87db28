"""The family of claims over which Holm's method adjusts p-values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.evidence.claims.evidence import Verdict, decide
from sweeper.evidence.statistics.multiplicity import holm
from sweeper.spec.claim import ALPHA

# The p-values for and against a claim with which it counts among the others; None if it does not.
Counted = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Family:
    """The unadjusted p-values of all claims, for and against them; NaN for those that are untested.

    Attributes:
        support: by position.
        refute: by position.
        counted_support: those with which each counts when another claim is adjusted; None if it does not count then.
        counted_refute: the same against them.
    """

    support: tuple[float, ...]
    refute: tuple[float, ...]
    counted_support: tuple[float | None, ...]
    counted_refute: tuple[float | None, ...]

    @classmethod
    def of(
        cls, claims: Sequence[tuple[float, float]], *, removed: int = 0, counted: Sequence[Counted] | None = None
    ) -> "Family":
        """Return the family of some claims, by their p-values for and against, and of those that were removed.

        The family is what was declared before there were results, or else the adjustment of a claim that nobody touched
        would follow from what was done to the others. So a claim that was removed later still counts, as one that is
        untested.

        Args:
            counted: with which p-values each claim counts when another one is adjusted; None for its own.
        """
        others = [*(claims if counted is None else counted), *([(math.nan, math.nan)] * removed)]
        own = [*claims, *([(math.nan, math.nan)] * removed)]
        return cls(
            tuple(support for support, _ in own),
            tuple(refute for _, refute in own),
            tuple(None if each is None else each[0] for each in others),
            tuple(None if each is None else each[1] for each in others),
        )

    def size(self, position: int) -> int:
        """Return the number of claims over which the p-values of one are adjusted, with itself."""
        return 1 + sum(each is not None for each in _others(self.counted_support, position))

    def adjusted(self, position: int, p_support: float, p_refute: float) -> tuple[float, float]:
        """Return Holm's adjustment of one claim's p-values, given here, among those of the others."""
        return _one(self.counted_support, position, p_support), _one(self.counted_refute, position, p_refute)

    def verdict(self, position: int, p_support: float, p_refute: float) -> Verdict:
        """Return the verdict on a claim with these p-values, unadjusted, among those of the others."""
        return decide(*self.adjusted(position, p_support, p_refute))

    def level(self, position: int, verdict: Verdict) -> float:
        """Return the level that a claim's unadjusted p-value must stay below for a verdict of supported or refuted.

        0.05 over the number of claims that Holm's method still compares once the others are as they are.
        """
        values, size = self.counted_support if verdict == "supported" else self.counted_refute, self.size(position)
        steps = (ALPHA / number for number in range(1, size + 1))
        return next((step for step in steps if _one(values, position, 0.999 * step) < ALPHA), ALPHA / size)


def _others(values: Sequence[float | None], position: int) -> list[float | None]:
    return [*values[:position], *values[position + 1 :]]


def _one(values: Sequence[float | None], position: int, own: float) -> float:
    return holm([own, *(each for each in _others(values, position) if each is not None)])[0]
