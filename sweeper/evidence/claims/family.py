"""The family of claims over which Holm's method adjusts p-values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.evidence.claims.evidence import Verdict, decide
from sweeper.evidence.statistics.multiplicity import holm
from sweeper.spec.claim import ALPHA


@dataclass(frozen=True, slots=True)
class Family:
    """The unadjusted p-values of all claims, for and against them; NaN for those that are untested."""

    support: tuple[float, ...]
    refute: tuple[float, ...]

    @classmethod
    def of(cls, claims: Sequence[tuple[float, float]], *, removed: int = 0) -> "Family":
        """Return the family of some claims, by their p-values for and against, and of those that were removed.

        A claim that was removed after there were results still counts, as one that is untested: without it, the others
        would be adjusted less.
        """
        counted = [*claims, *([(math.nan, math.nan)] * removed)]
        return cls(tuple(support for support, _ in counted), tuple(refute for _, refute in counted))

    def adjusted(self, position: int, p_support: float, p_refute: float) -> tuple[float, float]:
        """Return Holm's adjustment of one claim's p-values, given here, among those of the others."""
        return _one(self.support, position, p_support), _one(self.refute, position, p_refute)

    def verdict(self, position: int, p_support: float, p_refute: float) -> Verdict:
        """Return the verdict on a claim with these p-values, unadjusted, among those of the others."""
        return decide(*self.adjusted(position, p_support, p_refute))

    def level(self, position: int, verdict: Verdict) -> float:
        """Return the level that a claim's unadjusted p-value must stay below for a verdict of supported or refuted.

        0.05 over the number of claims that Holm's method still compares once the others are as they are.
        """
        values = self.support if verdict == "supported" else self.refute
        steps = (ALPHA / count for count in range(1, len(values) + 1))
        return next((step for step in steps if _one(values, position, 0.999 * step) < ALPHA), ALPHA / len(values))


def _one(values: Sequence[float], position: int, own: float) -> float:
    return holm([*values[:position], own, *values[position + 1 :]])[position]
