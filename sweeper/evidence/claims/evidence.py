"""Evidence on a claim: its parts, the region in which the claim puts each effect, and what they show together.

A claim holds if every part has its effect above `low` and below `high`. Most claims have one part; "the largest of
four" has three, the differences from the other gains.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.comparison import Comparison
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.statistics.multiplicity import tost
from sweeper.evidence.statistics.paired import Estimate
from sweeper.evidence.statistics.power import pairs_needed
from sweeper.spec.claim import Claim, Margin

Verdict = Literal["supported", "refuted", "undecided", "untested"]
ALPHA: Final = 0.05


class Untestable(Exception):  # noqa: N818 - a fact about the study rather than an error
    """A claim names something of which the study has no trials."""


def require(condition: bool, message: str) -> None:
    """Raise `Untestable` with a message unless a condition holds."""
    if not condition:
        raise Untestable(message)


def decide(p_support: float, p_refute: float) -> Verdict:
    """Return the verdict by p-values that are adjusted for all claims."""
    if p_support < ALPHA:
        return "supported"
    return "refuted" if p_refute < ALPHA else "undecided"


@dataclass(frozen=True, slots=True)
class Region:
    """Where a claim puts an effect: above `low` and below `high`; None for no bound."""

    low: float | None = None
    high: float | None = None

    def p_outside(self, effect: Estimate) -> float:
        """Return the p-value of H0 "the effect is not in the region"."""
        if self.low is not None and self.high is not None:
            return tost(effect, self.low, self.high).p_equivalent
        return effect.p_above(self.low) if self.low is not None else effect.p_below(self._high)

    def p_inside(self, effect: Estimate) -> float:
        """Return the p-value of H0 "the effect is in the region"."""
        if self.low is not None and self.high is not None:
            return tost(effect, self.low, self.high).p_different
        return effect.p_below(self.low) if self.low is not None else effect.p_above(self._high)

    def __contains__(self, value: float) -> bool:
        return (self.low is None or value > self.low) and (self.high is None or value < self.high)

    def distance(self, value: float) -> float:
        """Return how far a value is from the nearest bound."""
        return min(abs(value - bound) for bound in (self.low, self.high) if bound is not None)

    @property
    def _high(self) -> float:
        assert self.high is not None, "a region has a bound"
        return self.high


ABOVE_ZERO: Final = Region(low=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One effect and the region in which a claim puts it.

    Attributes:
        label: what is compared, as text.
        comparison: the pairs; for a fractional design a single unit with all runs.
        estimate: of the effect, before `offset` is subtracted.
        mean_from: the mean, as measured, to which a percentage is relative.
        region: where the effect must lie.
        offset: a constant to which the effect is relative.
        considered: cells that chose what is compared, such as those of a factor's other levels.
    """

    label: str
    comparison: Comparison
    estimate: Estimate
    mean_from: float
    region: Region = ABOVE_ZERO
    offset: float = 0.0
    considered: tuple[Cell, ...] = ()

    @property
    def effect(self) -> Estimate:
        """The estimate relative to the constant."""
        return replace(self.estimate, value=self.estimate.value - self.offset)

    @property
    def p_support(self) -> float:
        """The p-value of the part's denial."""
        return self.region.p_outside(self.effect)

    @property
    def p_refute(self) -> float:
        """The p-value of the part itself."""
        return self.region.p_inside(self.effect)

    @property
    def is_inside(self) -> bool:
        """Whether the estimate is in the region."""
        return self.effect.value in self.region

    def seeds_to_decide(self, alpha: float) -> int | None:
        """Return the seeds that show, with probability 0.8, on which side of the nearest bound the effect lies.

        It assumes that the truth is the estimate and that each seed adds as many pairs as now. None if no number of
        seeds would do.
        """
        effect, n, seeds = self.effect, self.estimate.n, self.comparison.num_seeds
        if not effect.decides or not seeds:
            return None
        sd, df_per_pair = effect.standard_error * math.sqrt(n), max(effect.df / max(n - 1, 1), 1.0)
        pairs = pairs_needed(self.region.distance(effect.value), sd, alpha=alpha, df_per_pair=df_per_pair)
        return None if pairs is None else math.ceil(pairs * seeds / n)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All parts of a claim."""

    parts: tuple[Part, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every part has a pair."""
        return all(part.comparison.complete for part in self.parts)

    @property
    def headline(self) -> Part:
        """The part that decides: the one that supports the claim least."""
        return max(self.parts, key=lambda part: (part.p_support, -part.p_refute))

    @property
    def trial_ids(self) -> tuple[int, ...]:
        """The trials on which it rests."""
        return tuple(sorted({trial for part in self.parts for trial in part.comparison.trial_ids}))

    @property
    def missing(self) -> tuple[tuple[int, str], ...]:
        """The trials that the claim needs but that have no value, with their state."""
        return tuple(sorted({item for part in self.parts for item in part.comparison.missing}))

    def seeds_to_decide(self, alpha: float) -> int | None:
        """Return the total of seeds that would decide the claim with probability 0.8 if the truth is the estimate.

        To support it all parts must be shown; to refute it one is enough. None if no number of seeds would do.
        """
        outside = [part for part in self.parts if not part.is_inside]
        needed = [part.seeds_to_decide(alpha) for part in outside or self.parts]
        known = [seeds for seeds in needed if seeds is not None]
        if outside:
            return min(known, default=None)
        return max(known) if len(known) == len(needed) else None


def region_of(claim: Claim, measure: Measure, reference: float) -> Region:
    """Return the region in which a claim puts its effect.

    Args:
        claim: any but an ordering.
        measure: on whose scale the effect is.
        reference: the value, as measured, to which a percentage on a linear scale is relative.
    """
    beyond = claim.at_least
    match claim.expect:
        case "decrease" | "below":
            slack = rise(claim.within, measure, reference) if claim.expect == "below" else 0.0
            return Region(high=slack - fall(beyond, measure, reference))
        case "increase" | "above":
            slack = rise(claim.within, measure, reference) if claim.expect == "above" else 0.0
            return Region(low=rise(beyond, measure, reference) - slack)
        case "no_worse" if measure.sign > 0:
            return Region(high=rise(claim.within, measure, reference))
        case "no_worse":
            return Region(low=-fall(claim.within, measure, reference))
        case _:  # an equivalence, and a constant that is to be equalled
            half = rise(claim.within, measure, reference)
            return Region(low=-half, high=half)


def rise(margin: Margin | None, measure: Measure, reference: float) -> float:
    """Return by how much an increase by a margin raises the metric on its scale.

    Args:
        margin: a percentage such as ``1%``, or a number: nats on a log scale, else in the metric's unit. None is 0.
        measure: whose scale it is.
        reference: the value, as measured, to which a percentage on a linear scale is relative.
    """
    share = _share(margin)
    if share is None:
        return float(margin or 0.0)
    return math.log1p(share) if measure.is_log else share * abs(reference)


def fall(margin: Margin | None, measure: Measure, reference: float) -> float:
    """Return by how much a decrease by a margin lowers the metric on its scale, as a positive number."""
    share = _share(margin)
    if share is None:
        return float(margin or 0.0)
    return -math.log1p(-share) if measure.is_log else share * abs(reference)


def _share(margin: Margin | None) -> float | None:
    return float(margin.strip().removesuffix("%")) / 100 if isinstance(margin, str) else None
