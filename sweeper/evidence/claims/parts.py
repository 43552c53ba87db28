"""The parts of a claim and what they show together."""

import math
from dataclasses import dataclass, replace

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.comparison import Comparison
from sweeper.evidence.statistics.equivalence import tost
from sweeper.evidence.statistics.multiplicity import all_of, any_of
from sweeper.evidence.statistics.paired import Estimate
from sweeper.evidence.statistics.power import pairs_needed


class Untestable(Exception):  # noqa: N818 - a fact about the study rather than an error
    """A claim names something that the study has no trials of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One effect and the region that a claim puts it in.

    Attributes:
        label: what is compared, in words.
        comparison: the pairs; of a fractional design one unit with all runs.
        estimate: before the offset is taken off.
        mean_from: the mean as measured that a change is relative to.
        low, high: the effect must lie above and below; None for no bound.
        offset: a constant that the effect is relative to.
        considered: cells that chose what is compared, as those of a factor's other levels.
    """

    label: str
    comparison: Comparison
    estimate: Estimate
    mean_from: float
    low: float | None
    high: float | None
    offset: float = 0.0
    considered: tuple[Cell, ...] = ()

    @property
    def effect(self) -> Estimate:
        """The estimate relative to the constant."""
        return replace(self.estimate, value=self.estimate.value - self.offset)

    @property
    def p_support(self) -> float:
        """p-value of H0 "the effect is not in the region"."""
        if self.low is not None and self.high is not None:
            return tost(self.effect, self.low, self.high).p_equivalent
        return self.effect.p_above(self.low) if self.low is not None else self.effect.p_below(self._high)

    @property
    def p_refute(self) -> float:
        """p-value of H0 "the effect is in the region"."""
        if self.low is not None and self.high is not None:
            return tost(self.effect, self.low, self.high).p_different
        return self.effect.p_below(self.low) if self.low is not None else self.effect.p_above(self._high)

    @property
    def inside(self) -> bool:
        """Whether the estimate itself is in the region."""
        value = self.effect.value
        return (self.low is None or value > self.low) and (self.high is None or value < self.high)

    def pairs_to_decide(self, alpha: float) -> int | None:
        """Pairs that show, with probability 0.8, on which side of the nearest bound the effect lies."""
        effect, n = self.effect, self.estimate.n
        if not effect.decides:
            return None
        distance = min(abs(effect.value - bound) for bound in (self.low, self.high) if bound is not None)
        return pairs_needed(
            distance, effect.standard_error * math.sqrt(n), alpha=alpha, df_per_pair=max(effect.df / max(n - 1, 1), 1.0)
        )

    @property
    def _high(self) -> float:
        assert self.high is not None
        return self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All parts of a claim, and in words what it wants of them."""

    parts: tuple[Part, ...]
    wanted: str

    @property
    def p_support(self) -> float:
        """All parts must be shown (intersection-union)."""
        return all_of([part.p_support for part in self.parts])

    @property
    def p_refute(self) -> float:
        """One part that fails is enough (Bonferroni over the parts)."""
        return any_of([part.p_refute for part in self.parts])

    @property
    def headline(self) -> Part:
        """The part that decides: the one that supports the claim least."""
        return max(self.parts, key=lambda part: (part.p_support, -part.p_refute))

    @property
    def trial_ids(self) -> tuple[int, ...]:
        """The trials that it rests on."""
        return tuple(sorted({trial for part in self.parts for trial in part.comparison.trial_ids}))

    @property
    def missing(self) -> tuple[tuple[int, str], ...]:
        """The trials that have no value though the claim wants them."""
        return tuple(sorted({item for part in self.parts for item in part.comparison.missing}))

    def seeds_to_decide(self, alpha: float) -> int | None:
        """Seeds in all that would decide the claim with probability 0.8, were the truth what is estimated now.

        To support it all parts must be shown, to refute it one is enough. None if no number of seeds would.
        """
        outside = [part for part in self.parts if not part.inside]
        needed = [_seeds(part, part.pairs_to_decide(alpha)) for part in outside or self.parts]
        if outside:
            known = [seeds for seeds in needed if seeds is not None]
            return min(known, default=None)
        return None if None in needed else max(seeds for seeds in needed if seeds is not None)


def _seeds(part: Part, pairs: int | None) -> int | None:
    """Seeds for so many pairs, where each seed brings as many as now."""
    seeds = part.comparison.num_seeds
    if pairs is None or not seeds:
        return None
    return math.ceil(pairs * seeds / part.estimate.n)
