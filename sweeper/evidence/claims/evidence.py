"""Evidence on a claim: its parts, the region in which the claim puts each effect, and what they show together.

A claim holds if every part has its effect above `low` and below `high`. Most claims have one part; "the largest of
four" has three, the differences from the other gains.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

from sweeper.evidence.data.cells import Cell, level_text
from sweeper.evidence.data.comparison import Comparison
from sweeper.evidence.data.failures import failed_share, share_of_outcomes
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.data.runs import PhaseRuns
from sweeper.evidence.statistics.divergence import Share, Worst, p_with_worst, worst_case
from sweeper.evidence.statistics.multiplicity import all_of, any_of
from sweeper.evidence.statistics.paired import Estimate
from sweeper.evidence.statistics.sample_size import Design, seeds_to_decide
from sweeper.evidence.statistics.selection import selected_p
from sweeper.spec.claim import ALPHA, Claim, Margin

Verdict = Literal["supported", "refuted", "undecided", "untested"]


class Untestable(Exception):  # noqa: N818 - a fact about the study rather than an error
    """A claim names something of which the study has no trials."""


def require(condition: bool, message: str) -> None:
    """Raise `Untestable` with a message unless a condition holds."""
    if not condition:
        raise Untestable(message)


def require_levels(phase: PhaseRuns, change: tuple[str, str, str]) -> None:
    """Refuse a change from or to a level that no run of a phase has."""
    factor, *keys = change
    known = list(dict.fromkeys(cell.levels[factor] for cell in phase.cells if factor in cell.levels))
    for key in keys:
        levels = ", ".join(map(level_text, known))
        has_it = key in known or not known
        require(has_it, f"no trial of phase {phase.name} has {factor} = {level_text(key)}; its levels there: {levels}")


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

    @property
    def is_equivalence(self) -> bool:
        """Whether both sides are bounded."""
        return self.low is not None and self.high is not None

    @property
    def is_beyond(self) -> bool:
        """Whether the region holds only effects beyond a margin, so that no effect is outside."""
        return (self.low is not None and self.low > 0) or (self.high is not None and self.high < 0)

    @property
    def margin(self) -> float:
        """How far the truth for which a study is planned lies from the bound; 0 if the claim names no margin.

        That truth is no effect if the region holds it, and else twice the margin.
        """
        return min(abs(bound) for bound in (self.low, self.high) if bound is not None)


ABOVE_ZERO: Final = Region(low=0.0)


@dataclass(frozen=True, kw_only=True)  # no slots: what follows from the pairs is computed once
class Part:
    """One effect and the region in which a claim puts it.

    Attributes:
        label: what is compared, as text.
        comparison: the pairs; for a fractional design a single unit with all runs.
        estimate: of the effect, before `offset` is subtracted.
        mean_from: the mean, as measured, to which a percentage is relative.
        started: the cells of that mean.
        region: where the effect must lie.
        offset: a constant to which the effect is relative.
        worsens: what turns an effect into a worsening of the metric: 1 where less is better, else -1.
        considered: cells that chose what is compared, such as those of a factor's other levels.
        compared: among how many levels each side of an ordering was chosen.
        exact: the p-values for and against it by a test of its own; None if they are those of the estimate.
        per: what the effect is a change per, e.g. `` per doubling of depth``; empty if it is none.
        apart: of a fractional design, whose comparison has no pairs, the effect in each of several strata.
    """

    label: str
    comparison: Comparison
    estimate: Estimate
    mean_from: float
    region: Region = ABOVE_ZERO
    offset: float = 0.0
    worsens: float = 1.0
    started: tuple[Cell, ...] = ()
    considered: tuple[Cell, ...] = ()
    compared: tuple[int, int] = (1, 1)
    exact: tuple[float, float] | None = None
    per: str = ""
    apart: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def effect(self) -> Estimate:
        """The estimate relative to the constant."""
        return replace(self.estimate, value=self.estimate.value - self.offset)

    @property
    def p_support(self) -> float:
        """The p-value of the part's denial. Runs that failed count as the worst, and a choice of levels is paid for."""
        return self._declared_p[0]

    @property
    def p_refute(self) -> float:
        """The p-value of the part itself."""
        return self._declared_p[1]

    @cached_property
    def _declared_p(self) -> tuple[float, float]:
        return self._p_values(self.worst)

    @property
    def if_converged(self) -> tuple[float, float]:
        """Both p-values by the complete pairs only, as if no run had failed."""
        return self._p_values(Worst())

    @cached_property
    def worst(self) -> Worst:
        """Where runs that diverged or failed push the effect."""
        lacking = [unit for unit in self.comparison.units if not unit.complete]
        pairs = ([(weight, cell.is_failed) for cell, weight in unit.terms] for unit in lacking)
        return worst_case(pairs, self.worsens)

    @property
    def pushing(self) -> tuple[Cell, ...]:
        """The cells of the sides, complete or not, on which runs failed."""
        worst = self.worst
        return tuple(
            cell
            for unit in self.comparison.units
            for cell, weight in unit.terms
            if (worst.up if weight * self.worsens > 0 else worst.down)
        )

    @property
    def failed(self) -> tuple[Share, Share]:
        """How many trials diverged or failed on the sides from which and to which a change leads."""
        cells = [(cell, weight) for unit in self.comparison.units for cell, weight in unit.terms]
        start, end = ([cell for cell, weight in cells if (weight > 0) == up] for up in (False, True))
        share = share_of_outcomes if self.exact is not None else failed_share
        return share(start), share(end)

    def _p_values(self, worst: Worst) -> tuple[float, float]:
        if self.exact is not None:
            return self.exact
        support, refute = p_with_worst(self.effect, self.region.low, self.region.high, worst)
        first, second = self.compared
        return selected_p(support, first), selected_p(refute, second)

    def seeds_to_decide(self, alpha: float) -> int | None:
        """Return the total of seeds that show the part with probability 0.8 if the truth is a margin from its bound.

        It assumes that each seed adds as many pairs as now. None if the claim has no margin, or the spread is unknown.
        """
        effect, seeds = self.effect, self.comparison.num_seeds
        if not effect.decides or not seeds:
            return None
        averaged, share = self.comparison.is_between, self.comparison.share_by_seed
        design = Design(
            pairs_per_seed=effect.n / seeds,
            df_per_seed=(self.comparison.pooled_df if averaged or share < 1.0 else effect.df) / max(seeds - 1, 1),
            averaged=averaged,
            spans=self.comparison.spans,
            share_by_seed=share,
        )
        sd, is_both = effect.standard_error * math.sqrt(effect.n), self.region.is_equivalence
        return seeds_to_decide(self.region.margin, sd, effect.df, design, alpha=alpha, equivalence=is_both)


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
    def stated(self) -> Part:
        """The part that has the claim's margin: the slope of a trend, else the one that decides."""
        return next((part for part in self.parts if part.per), self.headline)

    @property
    def if_converged(self) -> tuple[float, float]:
        """The p-values for and against the claim by complete pairs only, as if no run had failed."""
        found = [part.if_converged for part in self.parts]
        return all_of([support for support, _ in found]), any_of([refute for _, refute in found])

    @property
    def has_failed(self) -> bool:
        """Whether runs that failed count as the worst."""
        return any(part.worst.any for part in self.parts)

    @property
    def failed(self) -> Share:
        """How many of all trials that are compared diverged or failed."""
        share = share_of_outcomes if self.headline.exact is not None else failed_share
        return share(cell for part in self.parts for unit in part.comparison.units for cell, _ in unit.terms)

    @property
    def trial_ids(self) -> tuple[int, ...]:
        """The trials on which it rests."""
        return tuple(sorted({trial for part in self.parts for trial in part.comparison.trial_ids}))

    @property
    def missing(self) -> tuple[tuple[int, str], ...]:
        """The trials that the claim needs but that have no value, with their state."""
        return tuple(sorted({item for part in self.parts for item in part.comparison.missing}))

    def seeds_to_decide(self, alpha: float) -> int | None:
        """Return the total of seeds that would show all parts with probability 0.8; None if it cannot be said.

        A number above `MOST_SEEDS` stands for more than that.
        """
        needed = [part.seeds_to_decide(alpha) for part in self.parts]
        known = [seeds for seeds in needed if seeds is not None]
        return max(known) if known and len(known) == len(needed) else None


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
        case "grows" | "shrinks":
            falls = (claim.expect == "grows") == (
                measure.sign > 0
            )  # the effect, where the gain is a fall of the metric
            bound = -fall(beyond, measure, reference) if falls else rise(beyond, measure, reference)
            return Region(high=bound) if falls else Region(low=bound)
        case "no_worse" | "persists" if measure.sign > 0:
            return Region(high=rise(claim.within, measure, reference))
        case "no_worse" | "persists":
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
