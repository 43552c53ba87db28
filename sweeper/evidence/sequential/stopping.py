"""Sequential stopping: seeds are run one by one for the claims that still need them.

All claims get their first seed. Then, seed by seed, each undecided claim has its turn, the one with the cheapest next
seed first: it is tested on everything that has been run so far, including runs for other claims; if it is still
undecided, its next seed is run and it is tested again. A claim stops

1. once it is supported or refuted, by p-values that are valid at whichever look one stops (`sequential_p`), adjusted by
   Holm's rule for all declared claims; comparisons of an ordering that are already shown get no more seeds;
2. with `futility`, once both verdicts have become unlikely (conditional power below `FUTILE`): it ends undecided;
3. when its seeds are used up: undecided, or untested if it has no pair.

A look without a new pair spends nothing and is skipped, unless there was no standard error before: a pooled variance
comes from all configurations that have run with two seeds, so a claim with one pair may be tested.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sweeper.evidence.claims.evidence import ALPHA, Verdict, decide
from sweeper.evidence.sequential.looks import Look, Looks, Need, PartLook, Trials
from sweeper.evidence.statistics.multiplicity import all_of, any_of, holm
from sweeper.evidence.statistics.sequential import Spending, conditional_power, sequential_p, spent

FUTILE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Stopped:
    """The trials that were run, and by claim its verdict and the number of its seeds."""

    run: Trials
    verdicts: tuple[Verdict, ...]
    seeds: tuple[int, ...]


@dataclass(slots=True)
class _Part:
    """One comparison of a claim: its trials by seed, and the p-values at its looks."""

    need: Need
    support: list[tuple[float, float]] = field(default_factory=list)
    refute: list[tuple[float, float]] = field(default_factory=list)

    def observe(self, look: PartLook, run: Trials) -> None:
        """Record a look if it brings information."""
        fraction = 1.0 if self.need.trials <= run else look.fraction(self.need.by_seed)
        if look.decides and fraction > self.fraction:
            self.support.append((fraction, look.p_support))
            self.refute.append((fraction, look.p_refute))

    @property
    def fraction(self) -> float:
        """The information at the last look."""
        return self.support[-1][0] if self.support else 0.0


@dataclass(slots=True)
class _Claim:
    """A claim while seeds are run for it."""

    position: int
    parts: tuple[_Part, ...]
    verdict: Verdict | None = None
    asked: int = 0

    def p(self, spending: Spending) -> tuple[float, float]:
        """Return the p-values of all looks so far, for and against the claim; 1 while a part could not be looked at."""
        if not self.parts or not all(part.support for part in self.parts):
            return 1.0, 1.0
        return (
            all_of([sequential_p(part.support, spending) for part in self.parts]),
            any_of([sequential_p(part.refute, spending) for part in self.parts]),
        )


def play_stopping(
    looks: Looks, kept: Trials, seconds: Mapping[int, float], *, spending: Spending, futility: bool
) -> Stopped:
    """Play sequential stopping over a study.

    Args:
        looks: the study.
        kept: the trials that may be run at all.
        seconds: the device-seconds of each trial.
        spending: how the error is spent over looks.
        futility: whether claims stop too once they are unlikely to be decided.
    """
    claims = [
        _Claim(position, tuple(_Part(need.within(kept)) for need in needs))
        for position, needs in enumerate(looks.needs)
    ]
    run: Trials = frozenset()
    for claim in claims:
        run |= _next(claim, claims, spending)
    _observe(looks, claims, claims, run, (spending, futility))
    most = max((len(part.need.by_seed) for claim in claims for part in claim.parts), default=0)
    for _ in range(1, most):
        for claim in _in_turn(claims, run, seconds, spending):
            _observe(looks, [claim], claims, run, (spending, futility))
            if claim.verdict is None:
                run |= _next(claim, claims, spending)
                _observe(looks, [claim], claims, run, (spending, futility))
    verdicts = tuple(claim.verdict or _undecided(looks.look(claim.position, run)) for claim in claims)
    return Stopped(run, verdicts, tuple(claim.asked for claim in claims))


def play_hindsight(looks: Looks, kept: Trials, seconds: Mapping[int, float], target: tuple[Verdict, ...]) -> Stopped:
    """Return the fewest seeds of each claim that give these verdicts in a single look: known only afterwards.

    Starting from all seeds, claims give up their last ones, the claim with the most expensive seeds first, as long as
    no verdict changes. The result depends on that order and may be slightly more than the minimum.
    """
    needs = [tuple(need.within(kept) for need in each) for each in looks.needs]
    seeds = [max((len(need.by_seed) for need in each), default=0) for each in needs]

    def cost(position: int) -> float:
        return sum(seconds[trial] for need in needs[position] for trial in need.trials)

    for position in sorted(range(len(needs)), key=lambda position: (-cost(position), position)):
        for fewer in range(1, seeds[position]):
            tried = [*seeds[:position], fewer, *seeds[position + 1 :]]
            if looks.verdicts(_first(needs, tried)) == target:
                seeds = tried
                break
    run = _first(needs, seeds)
    return Stopped(run, looks.verdicts(run), tuple(seeds))


def _first(needs: list[tuple[Need, ...]], seeds: list[int]) -> Trials:
    return frozenset(
        trial
        for each, number in zip(needs, seeds, strict=True)
        for need in each
        for trials in list(need.by_seed.values())[:number]
        for trial in trials
    )


def _in_turn(claims: list[_Claim], run: Trials, seconds: Mapping[int, float], spending: Spending) -> Iterator[_Claim]:
    """Yield the undecided claims, by the cost of their next seed."""

    def cost(claim: _Claim) -> float:
        return sum(seconds[trial] for trial in _wanted(claim, claims, spending) - run)

    undecided = [each for each in claims if each.verdict is None]
    for claim in sorted(undecided, key=lambda each: (cost(each), each.position)):
        if claim.verdict is None:  # another claim's look may have decided it meanwhile
            yield claim


def _wanted(claim: _Claim, claims: list[_Claim], spending: Spending) -> Trials:
    """Return the trials of a claim's next seed, for the parts that are not shown yet."""
    level = ALPHA / max(len(claims), 1)
    found: set[int] = set()
    for part in claim.parts:
        if len(claim.parts) > 1 and sequential_p(part.support, spending) < level:
            continue
        found.update(*list(part.need.by_seed.values())[claim.asked : claim.asked + 1])
    return frozenset(found)


def _next(claim: _Claim, claims: list[_Claim], spending: Spending) -> Trials:
    wanted = _wanted(claim, claims, spending)
    claim.asked += bool(wanted)
    return wanted


def _observe(
    looks: Looks, observed: list[_Claim], claims: list[_Claim], run: Trials, rule: tuple[Spending, bool]
) -> None:
    """Look at some claims, and settle every claim that can be."""
    spending, futility = rule
    for claim in observed:
        if claim.verdict is None:
            look = looks.look(claim.position, run)
            for part, seen in zip(claim.parts, look.parts, strict=False):
                part.observe(seen, run)
    support = holm([claim.p(spending)[0] for claim in claims])
    refute = holm([claim.p(spending)[1] for claim in claims])
    for claim, p_support, p_refute in zip(claims, support, refute, strict=True):
        found = decide(p_support, p_refute)
        if claim.verdict is None and found != "undecided":
            claim.verdict = found
    num_open = sum(claim.verdict not in ("supported", "refuted") for claim in claims)
    for claim in observed:
        if claim.verdict is None and futility and _is_futile(claim, ALPHA / num_open, spending):
            claim.verdict = "undecided"


def _is_futile(claim: _Claim, level: float, spending: Spending) -> bool:
    """Return whether neither verdict is likely to come, at the level that is left for the end."""
    if not claim.parts or any(not 0.0 < part.fraction < 1.0 for part in claim.parts):
        return False
    left = [level * (1.0 - spent(part.fraction, spending)) for part in claim.parts]
    supports = min(
        conditional_power(part.support[-1][1], part.fraction, own) for part, own in zip(claim.parts, left, strict=True)
    )
    refutes = max(
        conditional_power(part.refute[-1][1], part.fraction, own / len(claim.parts))
        for part, own in zip(claim.parts, left, strict=True)
    )
    return max(supports, refutes) < FUTILE


def _undecided(look: Look) -> Verdict:
    return "undecided" if look.is_tested else "untested"
