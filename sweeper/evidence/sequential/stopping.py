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
    """The trials that were run, and by claim its verdict and the number of its seeds.

    Attributes:
        unknown: whether the claim would have requested further seeds, which the study never ran.
    """

    run: Trials
    verdicts: tuple[Verdict, ...]
    seeds: tuple[int, ...]
    unknown: tuple[bool, ...] = ()


def play_stopping(
    looks: Looks,
    kept: Trials,
    costs: Mapping[int, float],
    rule: Rule,
    *,
    first: Sequence[int] = (),
    most: Sequence[int | None] = (),
) -> Stopped:
    """Play rounds of seeds over a finished study.

    Args:
        looks: the study.
        kept: the trials that may be run at all.
        costs: planned, of each trial.
        rule: how looks are judged.
        first: the seeds that each claim gets at once; by default two.
        most: the seeds that each claim may get, None for no maximum; by default those that were run.
    """
    needs = [tuple(need.within(kept) for need in each) for each in looks.needs]
    seeds = list(first) or [FIRST] * len(needs)
    claims = tuple(
        ClaimPath(
            name=name,
            parts=tuple(
                PartPath(
                    most=most[place] if most else len(need.by_seed),
                    asked=min(seeds[place], len(need.by_seed)),
                )
                for need in needs[place]
            ),
        )
        for place, name in enumerate(looks.claim_ids)
    )
    run = _first(needs, seeds)

    def was_run(claim: int, part: int) -> bool:
        return claims[claim].parts[part].asked < len(needs[claim][part].by_seed)

    def next_trials(claim: int, part: int) -> Trials:
        rounds = list(needs[claim][part].by_seed.values())
        return rounds[claims[claim].parts[part].asked] - run if was_run(claim, part) else frozenset()

    while True:
        claims = seen(claims, rule, [looks.look(place, run).parts for place in range(len(claims))])
        wanted = requests(claims, rule, lambda claim, part: {each: costs[each] for each in next_trials(claim, part)})
        found = [each for each in wanted if all(was_run(each.claim, part) for part in each.parts)]
        if not found:
            break
        run |= frozenset().union(*(next_trials(each.claim, part) for each in found for part in each.parts))
        claims = asked(claims, found)
    return Stopped(
        run,
        tuple(verdict_so_far(claim) for claim in claims),
        tuple(max((part.asked for part in claim.parts), default=0) for claim in claims),
        tuple(not claim.stop for claim in claims),
    )


def verdict_so_far(claim: ClaimPath) -> Verdict:
    """Return a claim's verdict; one that has not stopped is undecided so far, or untested."""
    return claim.verdict or ("undecided" if claim.tested else "untested")


def stopped_by(claims: Sequence[ClaimPath], looks: Looks) -> Stopped:
    """Return the rounds of a study as they were."""
    run = frozenset(
        trial
        for claim, needs in zip(claims, looks.needs, strict=True)
        for part, need in zip(claim.parts, needs, strict=True)
        for trials in list(need.by_seed.values())[: part.asked]
        for trial in trials
    )
    return Stopped(
        run,
        tuple(map(verdict_so_far, claims)),
        tuple(max((part.asked for part in claim.parts), default=0) for claim in claims),
        tuple(not claim.stop for claim in claims),
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
