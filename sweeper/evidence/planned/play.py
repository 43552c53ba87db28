"""Studies that add seeds, played with drawn looks.

The rounds, their rules and their boundaries are those of a launch (`sequential.rounds`); what a look shows is drawn: of
each comparison a difference per seed and a pooled variance, as precise as the plan makes them. So a play takes
milliseconds, where real runs would take the whole analysis. What is simplified: comparisons that share a baseline are
drawn independently, and a variance always has the degrees of freedom that it has while all claims go on.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sweeper.evidence.claims.evidence import Untestable
from sweeper.evidence.planned.assumed_effects import NothingKnown, Source, effects_of
from sweeper.evidence.planned.power import PlannedClaim, PlannedTest, tests_of
from sweeper.evidence.planned.runs import planned_runs
from sweeper.evidence.planned.spread import Spreads
from sweeper.evidence.sequential.looks import Looks, PartLook
from sweeper.evidence.sequential.paths import ClaimPath, PartPath, Rule
from sweeper.evidence.sequential.rounds import Request, asked, requests, seen
from sweeper.evidence.statistics.divergence import Worst, p_with_worst
from sweeper.evidence.statistics.paired import Estimate
from sweeper.evidence.statistics.selection import selected_p
from sweeper.planning.plan import Plan, Reference
from sweeper.spec.claim import Claim
from sweeper.spec.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of a study runs: its trials, and their device-hours as far as those are known."""

    trials: float
    device_hours: float | None


@dataclass(frozen=True, slots=True)
class Trials:
    """The trials that a study may run.

    Attributes:
        looks: the claims, with the trials that each seed of each comparison needs.
        first: those that run anyway, by their number among those that `looks` knows.
        others: those that `looks` does not know, because they have no configuration yet.
        seconds: of each trial that `looks` knows; NaN if unknown.
        other_seconds: of all others together.
    """

    looks: Looks
    first: frozenset[int]
    others: int
    seconds: Mapping[int, float]
    other_seconds: float

    @classmethod
    def of(cls, study: Study, plan: Plan, grown: Plan, seconds: Mapping[Reference, float]) -> "Trials":
        """Return the trials of a plan with its first seeds, and of one with all of them.

        Args:
            study: with all seeds.
            seconds: the predicted device-seconds of the first seeds, as far as they are known.
        """
        by_cost = {
            (trial.configuration_hash, trial.budget.key): seconds.get(reference, math.nan)
            for reference, trial in plan.by_reference.items()
        }
        first = {(trial.configuration_hash, trial.seed, trial.budget.key) for trial in plan.trials}
        known = [trial for trial in grown.trials if trial.configuration is not None]
        keys = [(trial.configuration_hash, trial.seed, trial.budget.key) for trial in known]
        drawn = [reference for reference, trial in plan.by_reference.items() if trial.configuration is None]
        return cls(
            looks=Looks(study.claims, planned_runs(study, grown)),
            first=frozenset(number for number, key in enumerate(keys) if key in first),
            others=len(drawn),
            seconds={number: by_cost.get((key[0], key[2]), math.nan) for number, key in enumerate(keys)},
            other_seconds=sum(seconds.get(reference, math.nan) for reference in drawn),
        )

    def extent(self, wanted: frozenset[int]) -> Extent:
        """Return how much runs if claims want some trials."""
        run = self.first | wanted
        total = math.fsum(self.seconds[trial] for trial in run) + self.other_seconds
        return Extent(trials=len(run) + self.others, device_hours=None if math.isnan(total) else total / 3600)

    def next_runs(self, claim: int, part: int, index: int) -> frozenset[int]:
        """Return the trials of a seed of a comparison, by its place among its seeds."""
        rounds = list(self.looks.needs[claim][part].by_seed.values())
        return rounds[index] if index < len(rounds) else frozenset()


@dataclass(frozen=True, slots=True)
class DrawnClaim:
    """A claim whose looks are drawn.

    Attributes:
        first, most: its seeds.
        parts: its comparisons, of which the effects are drawn; none if it cannot be tested.
    """

    claim: Claim
    first: int
    most: int
    parts: tuple["DrawnPart", ...]
    source: Source

    def begin(self) -> ClaimPath:
        """The claim with its first seeds."""
        return ClaimPath(
            name=self.claim.id, parts=tuple(PartPath(most=self.most, asked=self.first) for _ in self.parts)
        )


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """A comparison of which the effect is known.

    Attributes:
        sd: of the mean difference of a seed.
        df: of the variance, by seeds; the first one is that of no seed.
    """

    test: PlannedTest
    effect: float
    sd: float
    df: tuple[float, ...]

    @classmethod
    def of(cls, test: PlannedTest, effect: float, most: int, others: float) -> "DrawnPart":
        """Return the comparison of a test with an effect, for at most a number of seeds.

        Args:
            others: degrees of freedom that other configurations bring with their first seeds, and get no more.
        """
        shapes = [test.at(seeds) for seeds in range(1, most + 1)]
        last = shapes[-1]
        own = [max(shape.df + (others if shape.seeds > 1 else 0.0), float(shape.seeds - 1)) for shape in shapes]
        return cls(test, effect, test.run_sd(last) * last.error * math.sqrt(last.seeds), (0.0, *own))

    def looks(self, generator: np.random.Generator) -> Callable[[int], PartLook]:
        """Draw a study; return what it shows of the comparison with a number of seeds."""
        most = len(self.df) - 1
        differences = generator.normal(0.0, 1.0, size=most)
        # The variance has the deviations of the differences from their mean, and those of other runs.
        others = np.diff([df - max(seeds - 1, 0) for seeds, df in enumerate(self.df)])
        squares = np.cumsum([generator.chisquare(more) if more > 0 else 0.0 for more in others])
        means = np.cumsum(differences) / np.arange(1, most + 1)

        def look(seeds: int) -> PartLook:
            own = float(((differences[:seeds] - means[seeds - 1]) ** 2).sum())
            df = self.df[seeds]
            variance = (own + float(squares[seeds - 1])) / df if df > 0 else math.nan
            estimate = Estimate(
                value=self.effect + self.sd * float(means[seeds - 1]),
                standard_error=self.sd * math.sqrt(variance / seeds),
                df=df,
                n=seeds,
                method="",
            )
            return self._look(estimate)

        return look

    def _look(self, estimate: Estimate) -> PartLook:
        region, shape = self.test.region, self.test.planned
        support, refute = p_with_worst(estimate, region.low, region.high, Worst())
        return PartLook(
            p_support=selected_p(support, shape.compared),
            p_refute=selected_p(refute, shape.rivals),
            seeds=estimate.n,
            estimate=estimate.value,
            standard_error=estimate.standard_error,
            df=estimate.df,
            ways=(max(shape.compared, 1), max(shape.rivals, 1) * (2 if region.is_equivalence else 1)),
        )


def drawn_claim(one: PlannedClaim, beside: PlannedClaim, study: Study, spreads: Spreads) -> DrawnClaim:
    """Return a claim with its assumed effect.

    Args:
        one: among the configurations that claims compare.
        beside: the same among all.

    Raises:
        NothingKnown: nothing says how much runs vary, or how that compares with the claim's margin.
    """
    claim, seeds = one.claim, study.adaptive_seeds(one.claim)
    try:
        tests, among = tests_of(one), tests_of(beside)
    except Untestable:
        return DrawnClaim(claim, 0, 0, (), "no effect")
    if not all(test.spread.is_known for test in tests):
        raise NothingKnown("nothing says how much runs vary between seeds")
    if any(math.isnan(bound) for test in tests for bound in (test.region.low, test.region.high) if bound is not None):
        raise NothingKnown(f"the margin of {claim.id} and the standard deviation are in different units")
    first, most = (tests[0].planned.seeds,) * 2 if seeds is None else (seeds.first, seeds.most or seeds.first)
    effects, source = effects_of(one, tests, most, study, spreads)
    others = [max(both.at(first).df - own.at(first).df, 0.0) for own, both in zip(tests, among, strict=True)]
    pairs = zip(tests, effects, others, strict=True)
    parts = tuple(DrawnPart.of(test, effect, most, more) for test, effect, more in pairs)
    return DrawnClaim(claim, first, most, parts, source)


def play(
    claims: Sequence[DrawnClaim], trials: Trials, rule: Rule, cap: float | None, generator: np.random.Generator
) -> tuple[frozenset[int], tuple[ClaimPath, ...]]:
    """Play one study; return the trials that its claims wanted, and how the claims ended."""
    draws = [[part.looks(generator) for part in claim.parts] for claim in claims]
    paths = tuple(claim.begin() for claim in claims)
    run: frozenset[int] = frozenset()
    while True:
        shown = [
            [] if path.stop else [look(part.asked) for look, part in zip(own, path.parts, strict=True)]
            for own, path in zip(draws, paths, strict=True)
        ]
        paths = seen(paths, rule, shown)
        found = requests(paths, rule, partial(_costs, paths, trials, run))
        if not found:
            return run, paths
        run, fits = _granted(found, paths, trials, run, cap)
        if not fits:
            return run, paths
        paths = asked(paths, found)


def _costs(
    paths: Sequence[ClaimPath], trials: Trials, run: frozenset[int], claim: int, part: int
) -> Mapping[Hashable, float]:
    """Return the costs of the runs that the next seed of a comparison needs."""
    wanted = trials.next_runs(claim, part, paths[claim].parts[part].asked) - run - trials.first
    return {trial: 1.0 if math.isnan(trials.seconds[trial]) else trials.seconds[trial] for trial in wanted}


def _granted(
    found: Sequence[Request], paths: Sequence[ClaimPath], trials: Trials, run: frozenset[int], cap: float | None
) -> tuple[frozenset[int], bool]:
    """Return the trials with those of a round, in its order as far as the budget reaches, and whether it reaches."""
    for each in found:
        more = [trials.next_runs(each.claim, part, paths[each.claim].parts[part].asked) for part in each.parts]
        wanted = run.union(*more)
        hours = trials.extent(wanted).device_hours
        if cap is not None and hours is not None and hours > cap:
            return run, False
        run = wanted
    return run, True
