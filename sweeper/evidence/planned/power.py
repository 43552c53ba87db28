"""What a plan's claims can detect: the power of the tests that will judge them, at Holm's first step.

A difference is planned by the noncentral t of its own degrees of freedom; an equivalence by the joint power of its two
one-sided tests, the truth being no effect. Both are the formulas that say after a study how many seeds would decide
(`statistics.sample_size`), on the structure that the runs will have (`planned.runs`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from sweeper.evidence.claims.evidence import ABOVE_ZERO, Part, Region, Untestable, region_of, rise
from sweeper.evidence.claims.statements import gather
from sweeper.evidence.data.claim_runs import runs_key
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.planned.runs import planned_runs
from sweeper.evidence.planned.shape import Shape, along, shape_of
from sweeper.evidence.planned.spread import Spread, Spreads
from sweeper.evidence.statistics.divergence import fewest_that_differ
from sweeper.evidence.statistics.power import POWER, power_one_sided
from sweeper.evidence.statistics.sample_size import (
    FEWEST_SEEDS,
    MOST_SEEDS,
    fewest_seeds,
    power_equivalence,
    power_of_seeds,
    smallest_with_power,
)
from sweeper.forecast.claim_power import ClaimPower
from sweeper.planning.plan import Plan, Reference
from sweeper.spec.claim import ALPHA, Claim, Constant, Divergence, Ordering, Trend, phases_of
from sweeper.spec.study import Study

CURVE: Final = (2, 3, 5, 8, 10, 20)  # numbers of seeds
ANCHORS: Final = (5, 10)  # numbers of seeds, in which all that a plan gives is linear
ANCHORS_OF_MANY: Final = (2, 3)  # the same for plans that are large enough to have residuals with so few
MANY_TRIALS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What a claim can detect.

    Attributes:
        pairs, seeds: of its weakest comparison.
        df: degrees of freedom of that comparison.
        region: in which the claim puts the effect that is hardest to show.
        distance: on the metric's scale, how far beyond the bound of its region the truth must lie to be shown with
            probability 0.8; NaN if no power is computed.
        spread: with which; None if no power is computed.
        seeds_needed: the fewest seeds that show an effect the margin away from its bound; above `MOST_SEEDS` for more.
            None if the claim names no margin, or the planned seeds are enough.
        more_hours: the device-hours that they cost beyond the plan's; None if unknown.
        curve: distances by the number of seeds.
        cancels: whether what the runs of a seed share cancels within its pairs.
        reason: why no power is computed; empty otherwise.
    """

    claim: Claim
    pairs: int | None
    seeds: int = 0
    df: float = math.nan
    region: Region = ABOVE_ZERO
    distance: float = math.nan
    spread: Spread | None = None
    seeds_needed: int | None = None
    more_hours: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    cancels: bool = True
    reason: str = ""

    @property
    def margin(self) -> float:
        """The distance that the claim names; 0 if it names none, NaN if it is not known on the metric's scale."""
        return self.region.margin

    @property
    def is_enough(self) -> bool | None:
        """Whether an effect the margin away from its bound would be shown; None without a margin or power."""
        if math.isnan(self.distance) or not self.margin > 0:
            return None
        return self.distance <= self.margin

    def size(self, distance: float) -> float:
        """Return the size of the effect, or of the margin, that is shown at a distance, on the metric's scale."""
        if self.spread is None or not self.spread.is_known:
            return distance
        beyond = self.margin if self.region.is_beyond and not math.isnan(self.margin) else 0.0
        return beyond + distance


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPower:
    """What all claims of a study can detect.

    Attributes:
        hours: device-hours of the study by the number of seeds of the phases that claims rest on; None if unknown.
    """

    claims: tuple[Detection, ...]
    hours: tuple[tuple[int, float | None], ...] = ()

    @property
    def alpha(self) -> float:
        """The level of a claim at Holm's first step."""
        return ALPHA / max(len(self.claims), 1)

    @property
    def computed(self) -> tuple[Detection, ...]:
        """The claims whose power is computed, at the plan's seeds or others."""
        return tuple(each for each in self.claims if each.spread is not None)

    @property
    def is_unknown(self) -> bool:
        """Whether nothing says how much the runs of some claim vary."""
        return any(each.spread is not None and not each.spread.is_known for each in self.claims)


def planned_power(
    study: Study,
    plan: Plan,
    testable: Sequence[ClaimPower],
    spreads: Spreads,
    seconds: Mapping[Reference, float],
) -> PlannedPower:
    """Return what the claims of a study can detect with its plan.

    Args:
        testable: for each claim, whether its trials can test it.
        spreads: how much runs vary.
        seconds: the predicted device-seconds of trials, as far as they are known.
    """
    if not study.claims:
        return PlannedPower(claims=())
    planned = planned_claims(study, plan, spreads)
    found = [_priced(_detection(one, known), plan, seconds) for one, known in zip(planned, testable, strict=True)]
    phases = {name for each in found if each.spread is not None for name in phases_of(each.claim.statement)}
    hours = tuple((seeds, device_hours(plan, seconds, phases, seeds)) for seeds in CURVE) if phases else ()
    return PlannedPower(claims=tuple(found), hours=hours)


def planned_claims(study: Study, plan: Plan, spreads: Spreads) -> tuple["PlannedClaim", ...]:
    """Return the claims of a study with the runs that its plan gives."""
    planned = planned_runs(study, plan)
    numbers = ANCHORS if len(plan.trials) <= MANY_TRIALS else ANCHORS_OF_MANY
    anchors = [planned_runs(study, plan, seeds=seeds) for seeds in numbers]
    alpha = ALPHA / max(len(study.claims), 1)
    names = [runs_key(claim) for claim in study.claims]
    return tuple(
        PlannedClaim(claim, alpha, spreads, planned[name], (anchors[0][name], anchors[1][name]))
        for claim, name in zip(study.claims, names, strict=True)
    )


def device_hours(
    plan: Plan, seconds: Mapping[Reference, float], phases: set[str], seeds: int | None = None
) -> float | None:
    """Return the device-hours of a plan some of whose phases have another number of seeds; None if unknown."""
    if len(seconds) < len(plan.trials):
        return None
    shares = dict.fromkeys(plan.by_reference, 1.0)
    for phase in plan.phases:
        if phase.name in phases and seeds is not None:
            share = seeds / len({trial.seed for trial in plan.wanted(phase)})
            shares |= dict.fromkeys(phase.members, share)
    return sum(share * seconds[reference] for reference, share in shares.items()) / 3600


@dataclass(frozen=True, slots=True)
class PlannedClaim:
    """A claim with the runs that its plan gives, and those with the numbers of seeds of `ANCHORS`."""

    claim: Claim
    alpha: float
    spreads: Spreads
    runs: Runs
    anchors: tuple[Runs, Runs]


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """One comparison of a claim: its shape at any number of seeds, and the test that judges it."""

    planned: Shape
    anchors: tuple[Shape, Shape]
    region: Region
    spread: Spread
    alpha: float
    power: float

    def at(self, seeds: int) -> Shape:
        """Return the shape at a number of seeds."""
        return along(*self.anchors, seeds)

    def power_at(self, shape: Shape, distance: float) -> float:
        """Return the power of a shape where the truth lies a distance from the bound."""
        return _power(shape, distance, self.run_sd(shape), self.alpha, is_equivalence=self.region.is_equivalence)

    def distance(self, shape: Shape) -> float:
        """Return the smallest distance that a shape shows with the wanted power."""
        return _smallest(
            shape, self.run_sd(shape), self.alpha, is_equivalence=self.region.is_equivalence, power=self.power
        )

    def run_sd(self, shape: Shape) -> float:
        """Return the standard deviation of one run that the comparison is planned with."""
        deviation = self.spread.paired if shape.cancels else self.spread.alone
        return deviation.planned


@lru_cache(maxsize=4096)  # many claims of a study have the same shape
def _smallest(shape: Shape, run_sd: float, alpha: float, *, is_equivalence: bool, power: float) -> float:
    sd = run_sd * shape.pair_sd
    if sd == 0:
        return 0.0
    return smallest_with_power(
        lambda size: _power(shape, size, run_sd, alpha, is_equivalence=is_equivalence), sd, power=power
    )


def _power(shape: Shape, distance: float, run_sd: float, alpha: float, *, is_equivalence: bool) -> float:
    """Return the power of a shape where the truth lies a distance from the bound and runs have a standard deviation."""
    if shape.df <= 0:
        return 0.0
    sd, level = run_sd * shape.pair_sd, alpha / shape.compared
    beyond = distance - shape.looks_better * run_sd
    if shape.seeds < FEWEST_SEEDS:  # a fraction, whose residuals show how runs vary
        error = sd / math.sqrt(shape.pairs)
        if is_equivalence:
            return power_equivalence(0.0, beyond, error, shape.df, alpha=level)
        return power_one_sided(beyond, error, 1, alpha=level, df=shape.df)
    return power_of_seeds(shape.seeds, beyond, sd, shape.design, alpha=level, equivalence=is_equivalence)


def _detection(one: PlannedClaim, known: ClaimPower) -> Detection:
    found = Detection(claim=one.claim, pairs=known.pairs, reason=known.reason)
    if not known.pairs:
        return found
    if isinstance(one.claim.statement, Divergence):
        return replace(found, reason=known.reason or _divergence(one))
    try:
        tests = tests_of(one)
    except Untestable as reason:
        return replace(found, reason=known.reason or f"no power is computed: {reason}")
    weakest = max(tests, key=lambda test: test.distance(test.planned))
    shape = weakest.planned
    found = replace(
        found,
        seeds=shape.seeds,
        df=shape.df,
        cancels=shape.cancels,
        region=weakest.region,
        spread=weakest.spread,
        curve=tuple((seeds, max(test.distance(test.at(seeds)) for test in tests)) for seeds in CURVE),
    )
    if shape.df <= 0:
        few = "one seed does not show" if shape.seeds < FEWEST_SEEDS else "too few degrees of freedom to show"
        return replace(found, reason=known.reason or f"no power is computed: {few} how runs vary")
    found = replace(found, distance=weakest.distance(shape))
    return found if found.is_enough in (None, True) else replace(found, seeds_needed=_seeds_needed(tests))


def tests_of(one: PlannedClaim) -> list[PlannedTest]:
    """Return the tests of a claim's parts; all of them must succeed, so each gets its share of the lost power.

    Raises:
        Untestable: its precision is not known.
    """
    parts = gather(one.claim, one.runs).parts
    others = [gather(one.claim, runs).parts for runs in one.anchors]
    power = 1.0 - (1.0 - POWER) / len(parts)
    tests = []
    for place, part in enumerate(parts):
        statement = one.claim.statement
        shapes = [shape_of(each[place], statement, runs) for each, runs in zip(others, one.anchors, strict=True)]
        spread = one.spreads.of(one.claim.metric, _budgets(part))
        is_other = isinstance(statement, Trend) and not part.per  # that there is a gain, besides its slope
        region = part.region if is_other else _region(one.claim, one.runs, spread)
        shape = shape_of(part, statement, one.runs)
        tests.append(PlannedTest(shape, (shapes[0], shapes[1]), region, spread, one.alpha, power))
    return tests


def _region(claim: Claim, runs: Runs, spread: Spread) -> Region:
    """Return where a claim puts its effect, in units of the spread; bounds that cannot be known there are NaN."""
    reference = spread.mean
    if isinstance(claim.statement, Constant) and not spread.is_relative:
        reference = float(claim.statement.value)
    if isinstance(claim.statement, Ordering):
        region = Region(low=rise(claim.at_least, runs.measure, reference))
    else:
        region = region_of(claim, runs.measure, reference)
    if spread.is_known and not (spread.is_relative and _has_absolute_margin(claim)):
        return region
    return Region(*(None if bound is None else 0.0 if bound == 0 else math.nan for bound in (region.low, region.high)))


def _has_absolute_margin(claim: Claim) -> bool:
    return any(isinstance(margin, int | float) and margin != 0 for margin in (claim.at_least, claim.within))


def _budgets(part: Part) -> frozenset[str]:
    return frozenset(cell.stratum[0] for unit in part.comparison.complete for cell, _ in unit.terms)


def _seeds_needed(tests: Sequence[PlannedTest]) -> int:
    return fewest_seeds(
        lambda seeds: all(test.power_at(test.at(seeds), test.region.margin) >= test.power for test in tests)
    )


def _divergence(one: PlannedClaim) -> str:
    """Say in how many seeds pairs must differ; the power depends on shares of failed runs, which are unknown."""
    least = fewest_that_differ(one.alpha)
    seeds = gather(one.claim, one.runs).headline.comparison.num_seeds
    text = f"counts failed runs: shown if pairs of at least {least} seeds differ, all of them one way"
    return text if seeds >= least else f"{text}, but there are only {seeds}"


def _priced(found: Detection, plan: Plan, seconds: Mapping[Reference, float]) -> Detection:
    if found.seeds_needed is None or found.seeds_needed > MOST_SEEDS:
        return found
    phases = phases_of(found.claim.statement)
    now, then = device_hours(plan, seconds, phases), device_hours(plan, seconds, phases, found.seeds_needed)
    return found if now is None or then is None else replace(found, more_hours=then - now)
