"""What a claim has shown at its looks so far, and what that means whichever look one stops at."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from scipy import special

from sweeper.evidence.claims.evidence import Verdict
from sweeper.evidence.sequential.looks import PartLook
from sweeper.evidence.statistics.anytime import anytime_critical_value, anytime_p
from sweeper.evidence.statistics.futility import predictive_power
from sweeper.evidence.statistics.group_sequential import Looks, Spending, nominal_levels, sequential_p, spent
from sweeper.evidence.statistics.multiplicity import all_of, any_of
from sweeper.evidence.statistics.sphere_chain import rounded_df
from sweeper.spec.study import LEAST_REFUTATION

SequentialP = Callable[[Looks, Sequence[float]], float]
Stop = Literal["", "decided", "futile", "exhausted"]
Levels = tuple[float, float]  # of the tests for and against a claim
Counted = Literal["tested", "untested", "not"]

LEVEL: Final = 0.95  # of the intervals
LEAST_DF: Final = 0.5
UNKNOWN: Final = 0.5  # the chance of a decision before anything is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How looks are judged.

    Attributes:
        spending: how the error is spent over looks.
        futility: the probability of support, by the last seed, below which a claim gets no more, unless it will be
            refuted by then with probability `least_refutation`; None never gives up, nor does a claim without a last
            seed.
        sequential: the p-value of several looks; the benchmark compares others.
        order: by_cost puts the most decisions an hour first, declared follows the order of the claims.
        removed: claims that were removed after there were results; they count as untested.
    """

    spending: Spending = "kim_demets"
    futility: float | None = 0.1
    sequential: SequentialP = sequential_p
    order: Literal["by_cost", "declared"] = "by_cost"
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPath:
    """The looks at one comparison of a claim.

    Attributes:
        most: its seed rounds at most; None for no maximum.
        asked: the rounds that were asked for.
        looks: those that brought information, with the share of the planned information at each.
        p: the p-values for and against it that hold at whichever look one stops.
    """

    most: int | None
    asked: int = 0
    looks: tuple[PartLook, ...] = ()
    information: tuple[float, ...] = ()
    p: tuple[float, float] = (1.0, 1.0)

    @property
    def can_grow(self) -> bool:
        """Whether there is a further seed round."""
        return self.most is None or self.asked < self.most

    @property
    def share(self) -> float:
        """The share of the planned information at the last look; 0 before there is one."""
        return self.information[-1] if self.information else 0.0

    def seen(self, look: PartLook, rule: Rule) -> "PartPath":
        """Return the path with a further look; a look without a new pair tells nothing, unless it is the last.

        At the last round the rest of the error is spent, however many pairs are complete.
        """
        if not look.decides:
            return self
        ends = not self.can_grow
        share = 1.0 if ends else look.seeds / (self.most or look.seeds + 1)
        if not self.looks or look.seeds > self.looks[-1].seeds:
            grown = replace(self, looks=(*self.looks, look), information=(*self.information, share))
        elif ends and self.share < 1.0:
            grown = replace(self, information=(*self.information[:-1], 1.0))
        else:
            return self
        return replace(grown, p=(grown._p(rule, 0), grown._p(rule, 1)))

    def planned(self, most: int | None, rule: Rule) -> "PartPath":
        """Return the path as if this maximum, larger than the rounds that were asked for, had been the first one."""
        if most is None or most == self.most:
            return self
        grown = replace(self, most=most, information=tuple(look.seeds / most for look in self.looks))
        return replace(grown, p=(grown._p(rule, 0), grown._p(rule, 1))) if self.looks else grown

    def _p(self, rule: Rule, side: int) -> float:
        ways = max(look.ways[side] for look in self.looks)
        values = [(look.p_refute if side else look.p_support) / look.ways[side] for look in self.looks]
        plan = self.plan(rule.spending)
        if self.most is None:  # what was found before stands, so only the last look is new
            last = replace(plan, pairs=plan.pairs[-1:], df=plan.df[-1:], information=plan.information[-1:])
            return min(self.p[side], ways * anytime_p(last, values[-1:]))
        return min(1.0, ways * rule.sequential(plan, values))

    def plan(self, spending: Spending) -> Looks:
        """Return when this comparison was looked at."""
        seeds = [look.seeds for look in self.looks]
        # Rounded, so that claims share boundaries; a variance never has fewer degrees of freedom than it had before.
        df = [max(rounded_df(self.looks[0].df), LEAST_DF)]
        for place in range(1, len(seeds)):
            new = seeds[place] - seeds[place - 1]
            df.append(df[-1] + new + rounded_df(max(self.looks[place].df - self.looks[place - 1].df - new, 0.0)))
        return Looks(pairs=tuple(seeds), df=tuple(df), information=self.information, spending=spending)

    def interval(self, spending: Spending) -> tuple[float, float]:
        """Return the repeated confidence interval of the effect; NaNs before there is a standard error.

        It covers the effect at every look together with the level (Jennison and Turnbull 1989, JRSS B 51).
        """
        if not self.looks:
            return math.nan, math.nan
        last = self.looks[-1]
        value = _critical_value(self.plan(spending), self.most is None, last.df)
        half = value * last.standard_error if last.standard_error else 0.0
        return last.estimate - half, last.estimate + half

    def chance(self, side: int, level: float, until: float = 1.0) -> float:
        """Return the probability that a share of the information will decide it, for (0) or against it (1).

        Args:
            level: of the test at that moment.
            until: the share; 1 is the end of the plan.
        """
        if not self.looks:
            return UNKNOWN
        look = self.looks[-1]
        p = (look.p_refute if side else look.p_support) / look.ways[side]
        return predictive_power(p, self.share, level / look.ways[side], until)

    def next_chance(self, side: int, level: float, spending: Spending) -> float:
        """Return the probability that the next look decides it; at most what it spends of the level by then."""
        if not self.looks:
            return UNKNOWN
        until = 1.0 if self.most is None else min(1.0, (self.looks[-1].seeds + 1) / self.most)
        return self.chance(side, spent(level, until, spending), until)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPath:
    """A claim while seeds are run for it.

    Attributes:
        name: its id.
        parts: its comparisons.
        adjusted: the p-values for and against it, adjusted by Holm over all claims.
        verdict: once it has stopped.
        stop: why it stopped; empty while it goes on.
        tested: whether every comparison had a pair at the last look.
        rounds: the looks that it has had.
        p: the p-values for and against it that hold at whichever look one stops, not adjusted.
        counted: how it counts when another claim is adjusted: as it is tested; as untested, if it was changed after
            there were results; or not at all, if it was added then.
    """

    name: str
    parts: tuple[PartPath, ...]
    counted: Counted = "tested"
    adjusted: tuple[float, float] = (1.0, 1.0)
    verdict: Verdict | None = None
    stop: Stop = ""
    tested: bool = False
    rounds: int = 0
    p: tuple[float, float] = (1.0, 1.0)

    def seen(self, looks: Sequence[PartLook], rule: Rule) -> "ClaimPath":
        """Return the claim after a look at its comparisons."""
        if not looks:
            return replace(self, rounds=self.rounds + 1)
        parts = tuple(part.seen(look, rule) for part, look in zip(self.parts, looks, strict=True))
        tested = all(look.seeds for look in looks)
        return replace(self, parts=parts, p=_over_parts(parts), tested=tested, rounds=self.rounds + 1)

    def planned(self, most: int | None, rule: Rule) -> "ClaimPath":
        """Return the claim with another maximum of seeds."""
        parts = tuple(part.planned(most, rule) for part in self.parts)
        return self if parts == self.parts else replace(self, parts=parts, p=_over_parts(parts))

    def wanting(self, rule: Rule, levels: Levels) -> tuple[int, ...]:
        """Return the comparisons that get a further seed, by position.

        Those that are shown already need none. Once the claim as a whole is unlikely to be supported, only those go
        on that may well refute it.

        Args:
            levels: at which the claim would be supported, and refuted.
        """
        found = [place for place, part in enumerate(self.parts) if part.can_grow]
        if len(self.parts) > 1:
            found = [place for place in found if not self.parts[place].p[0] < levels[0]]
        endless = any(part.most is None for part in self.parts)  # then nothing says by when it should be decided
        if rule.futility is None or endless or not found:
            return tuple(found)
        if all(part.chance(0, levels[0]) >= rule.futility for part in self.parts if not part.p[0] < levels[0]):
            return tuple(found)
        own, least = levels[1] / len(self.parts), least_refutation(rule.futility)
        return tuple(place for place in found if self.parts[place].chance(1, own) >= least)

    def next_chance(self, wanted: Sequence[int], rule: Rule, levels: Levels) -> float:
        """Return the probability that the next seed round of these comparisons decides the claim."""
        if not wanted:
            return 0.0
        parts = [self.parts[place] for place in wanted]
        supports = min(part.next_chance(0, levels[0], rule.spending) for part in parts)
        refutes = max(part.next_chance(1, levels[1] / len(self.parts), rule.spending) for part in parts)
        return max(supports, refutes)


def least_refutation(futility: float) -> float:
    """Return the probability of a refutation below which a claim gets no more that is unlikely to be supported."""
    return max(futility, LEAST_REFUTATION)


def _over_parts(parts: Sequence[PartPath]) -> Levels:
    """Return the p-values for and against a claim of several comparisons."""
    if not parts or not all(part.looks for part in parts):
        return 1.0, 1.0
    return all_of([part.p[0] for part in parts]), any_of([part.p[1] for part in parts])


@lru_cache(maxsize=4096)
def _critical_value(looks: Looks, unlimited: bool, df: float) -> float:
    """Return how many standard errors an interval reaches at the last look, either way."""
    outside = (1 - LEVEL) / 2
    if unlimited:
        return anytime_critical_value(looks.df[-1], looks.pairs[-1], outside)
    level = nominal_levels(looks, outside)[-1]
    return -float(special.stdtrit(df, level)) if level > 0 else math.inf
