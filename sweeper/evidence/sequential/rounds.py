"""Rounds of seeds: which claims get their next seed, in which order, and when each is decided.

All claims get their first seeds. Then rounds follow one another. Once all trials that a round asked for have ended,
each claim that is still undecided is looked at; those that are decided, or unlikely to be, stop; the others ask for one
more seed of what they compare. Nothing is looked at within a round, so whichever trial ends first, or dies, the looks,
the verdicts and the seeds are the same.

A claim stops

1. once it is supported or refuted, by p-values that hold at whichever look one stops, adjusted by Holm's rule over all
   declared claims; comparisons of an ordering that are already shown get no more seeds;
2. once a decision has become unlikely (futility): it ends undecided, which costs no error;
3. when its seeds are used up: undecided, or untested if it has no pair.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.evidence.claims.evidence import Verdict, decide
from sweeper.evidence.claims.family import UNTESTED, Counted, Family
from sweeper.evidence.sequential.looks import PartLook
from sweeper.evidence.sequential.paths import ClaimPath, Levels, Rule
from sweeper.spec.claim import ALPHA

# The planned costs of the runs that the next seed of a comparison needs and that there are not yet; both by position.
NextRuns = Callable[[int, int], Mapping[Hashable, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The next seed of a claim.

    Attributes:
        claim: by position.
        parts: its comparisons that get one, by position.
        chance: the probability that it decides the claim.
        cost: planned; what several claims need is shared between them.
    """

    claim: int
    parts: tuple[int, ...]
    chance: float
    cost: float

    @property
    def rate(self) -> float:
        """Decisions for the cost."""
        return self.chance / self.cost if self.cost else math.inf


def seen(claims: Sequence[ClaimPath], rule: Rule, looks: Sequence[Sequence[PartLook] | None]) -> tuple[ClaimPath, ...]:
    """Return the claims after a round: each that went on has been looked at, and those that are done have stopped.

    Args:
        looks: by claim; None for one that is not looked at.
    """
    found = [
        each if each.stop or own is None else each.seen(own, rule) for each, own in zip(claims, looks, strict=True)
    ]
    family = _family(found, rule)
    found = [_decided(replace(each, adjusted=family.adjusted(place, *each.p))) for place, each in enumerate(found)]
    return tuple(
        each if each.stop or own is None else _given_up(each, rule, levels_for(found, place, rule))
        for place, (each, own) in enumerate(zip(found, looks, strict=True))
    )


def levels_for(claims: Sequence[ClaimPath], place: int, rule: Rule) -> Levels:
    """Return the levels at which a claim is supported, and refuted, by Holm's rule as the others are (`Family`)."""
    is_added = claims[place].counted == "not"  # then all others count, and by their own
    others = [each for number, each in enumerate(claims) if number != place and (is_added or each.counted != "not")]
    support, refute = (
        1
        + rule.removed
        + sum(each.verdict != verdict or (each.counted == "untested" and not is_added) for each in others)
        for verdict in ("supported", "refuted")
    )
    return ALPHA / support, ALPHA / refute


def _family(claims: Sequence[ClaimPath], rule: Rule) -> Family:
    """Return the claims over which each is adjusted: what was declared before there were results, and itself."""
    counted: list[Counted] = [
        each.p if each.counted == "tested" else UNTESTED if each.counted == "untested" else None for each in claims
    ]
    return Family.of([each.p for each in claims], removed=rule.removed, counted=counted)


def requests(claims: Sequence[ClaimPath], rule: Rule, next_runs: NextRuns) -> tuple[Request, ...]:
    """Return what the next round asks for, in order; nothing once all claims have stopped."""
    levels = [levels_for(claims, place, rule) for place in range(len(claims))]
    wanted = {place: each.wanting(rule, levels[place]) for place, each in enumerate(claims) if not each.stop}
    runs = {
        place: {run: cost for part in parts for run, cost in next_runs(place, part).items()}
        for place, parts in wanted.items()
    }
    users = Counter(run for each in runs.values() for run in each)
    found = [
        Request(
            claim=place,
            parts=parts,
            chance=claims[place].next_chance(parts, rule, levels[place]),
            cost=math.fsum(cost / users[run] for run, cost in runs[place].items()),
        )
        for place, parts in wanted.items()
    ]
    if rule.order == "by_cost":
        found.sort(key=lambda each: (-each.rate, claims[each.claim].name))
    return tuple(found)


def asked(claims: Sequence[ClaimPath], found: Sequence[Request]) -> tuple[ClaimPath, ...]:
    """Return the claims once these requests are met."""
    parts = {each.claim: set(each.parts) for each in found}
    return tuple(
        replace(
            each,
            parts=tuple(
                replace(part, asked=part.asked + (number in parts.get(place, ())))
                for number, part in enumerate(each.parts)
            ),
        )
        for place, each in enumerate(claims)
    )


def _decided(claim: ClaimPath) -> ClaimPath:
    """Return a claim with its verdict if it has one now; one that was given up may get it as others are decided."""
    verdict = decide(*claim.adjusted)
    if claim.stop == "decided" or verdict == "undecided":
        return claim
    return replace(claim, verdict=verdict, stop="decided")


def _given_up(claim: ClaimPath, rule: Rule, levels: Levels) -> ClaimPath:
    if claim.wanting(rule, levels):
        return claim
    exhausted = not any(part.can_grow for part in claim.parts)
    verdict: Verdict = "undecided" if claim.tested else "untested"
    return replace(claim, verdict=verdict, stop="exhausted" if exhausted else "futile")
