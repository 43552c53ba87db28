"""A finished study as it would have run seed by seed, and with hindsight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.evidence.claims.evidence import Verdict
from sweeper.evidence.sequential.looks import Looks, Need, Trials
from sweeper.evidence.sequential.paths import ClaimPath, PartPath, Rule
from sweeper.evidence.sequential.rounds import asked, requests, seen

FIRST: Final = 2  # fewer show nothing


@dataclass(frozen=True, slots=True)
class Stopped:
    """The trials that were run, and by claim its verdict and the number of its seeds."""

    run: Trials
    verdicts: tuple[Verdict, ...]
    seeds: tuple[int, ...]


def play_stopping(
    looks: Looks, kept: Trials, costs: Mapping[int, float], rule: Rule, *, first: Sequence[int] = ()
) -> Stopped:
    """Play rounds of seeds over a finished study.

    Args:
        looks: the study.
        kept: the trials that may be run at all.
        costs: planned, of each trial.
        rule: how looks are judged.
        first: the seeds that each claim gets at once; by default two.
    """
    needs = [tuple(need.within(kept) for need in each) for each in looks.needs]
    seeds = list(first) or [FIRST] * len(needs)
    claims: tuple[ClaimPath, ...] = tuple(
        ClaimPath(
            name=name,
            parts=tuple(PartPath(most=len(need.by_seed), asked=min(own, len(need.by_seed))) for need in each),
        )
        for name, each, own in zip(looks.claim_ids, needs, seeds, strict=True)
    )
    run = _first(needs, seeds)

    def next_trials(claim: int, part: int) -> Trials:
        rounds = list(needs[claim][part].by_seed.values())
        return rounds[claims[claim].parts[part].asked] - run

    while True:
        claims = seen(claims, rule, [looks.look(place, run).parts for place in range(len(claims))])
        found = requests(claims, rule, lambda claim, part: {each: costs[each] for each in next_trials(claim, part)})
        if not found:
            break
        run |= frozenset().union(*(next_trials(each.claim, part) for each in found for part in each.parts))
        claims = asked(claims, found)
    return Stopped(
        run,
        tuple(claim.verdict or "untested" for claim in claims),
        tuple(max((part.asked for part in claim.parts), default=0) for claim in claims),
    )


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
