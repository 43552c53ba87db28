"""Ways to spend seeds on claims: each plays a study and says what it decided, and for how many runs."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.decide.adastop import adastop
from benchmarks.decide.planted import Planted, looks_at
from sweeper.evidence.sequential.paths import ClaimPath, PartPath, Rule
from sweeper.evidence.sequential.rounds import asked, requests, seen
from sweeper.evidence.statistics.group_sequential import Looks
from sweeper.evidence.statistics.multiplicity import holm
from sweeper.spec.claim import ALPHA

Flags = NDArray[np.bool_]
KIM_DEMETS: Final = {"obrien_fleming": 3.0, "kim_demets": 2.0, "pocock": 1.0}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a policy decided: which claims it supports and refutes, and the runs that it took."""

    supported: Flags
    refuted: Flags
    runs: int


Policy = Callable[[Planted, np.random.Generator], Outcome]


def fixed(seeds: int) -> Policy:
    """All arms with N seeds, one test, Holm's adjustment."""

    def play(study: Planted, _: np.random.Generator) -> Outcome:
        claims = len(study.effects)
        looks = looks_at(study, np.full(claims, seeds))
        supported, refuted = _shown(looks)
        return Outcome(supported, refuted, seeds * (claims + 1))

    return play


def peeking(first: int, most: int) -> Policy:
    """Holm's adjusted tests after every seed as if each were the only one, until all claims are decided."""

    def play(study: Planted, _: np.random.Generator) -> Outcome:
        claims = len(study.effects)
        seeds = np.full(claims, first)
        found = np.zeros((2, claims), dtype=bool)
        for _look in range(first, most + 1):
            shown = np.array(_shown(looks_at(study, seeds)))
            found |= shown & ~found.any(axis=0)
            seeds += ~found.any(axis=0) & (seeds < most)
        return Outcome(found[0], found[1], int(seeds.sum() + seeds.max()))

    return play


def rounds(first: int, most: int | None, rule: Rule, *, cap: int | None = None) -> Policy:
    """Rounds of seeds as a launch plays them; with a cap on the runs, the most promising seeds come first."""

    def play(study: Planted, _: np.random.Generator) -> Outcome:
        claims: tuple[ClaimPath, ...] = tuple(
            ClaimPath(name=f"{place:02}", parts=(PartPath(most=most, asked=first),))
            for place in range(len(study.effects))
        )
        while True:
            seeds = np.array([each.parts[0].asked for each in claims])
            claims = seen(claims, rule, [[look] for look in looks_at(study, seeds)])
            next_runs = functools.partial(_next_runs, seeds)
            found = requests(claims, rule, next_runs)
            runs = int(seeds.sum() + seeds.max())
            if not found or (cap is not None and runs >= cap) or seeds.max() >= study.values.shape[1]:
                break
            claims = asked(claims, found)
        verdicts = np.array([each.verdict for each in claims])
        return Outcome(verdicts == "supported", verdicts == "refuted", runs)

    return play


def permutations(runs: int, interims: int) -> Policy:
    """AdaStop; its error is two-sided, so it gets that of both verdicts together."""

    def play(study: Planted, generator: np.random.Generator) -> Outcome:
        found, used = adastop(study.values, generator, runs=runs, interims=interims, alpha=2 * ALPHA)
        return Outcome(found > 0, found < 0, used)

    return play


def summed_shares(looks: Looks, p_values: Sequence[float]) -> float:
    """Return the p-value of several looks by the sum of what they spend, as replays did before boundaries were exact.

    Spending functions of Kim and DeMets (1987, Biometrika 74): the information to the third or first power.
    """
    best, before = 1.0, 0.0
    for information, p in zip(looks.information, p_values, strict=False):
        share = information ** KIM_DEMETS[looks.spending]
        if share > before:
            best = min(best, p / (share - before))
            before = share
    return best


def _shown(looks: Sequence[object]) -> tuple[Flags, Flags]:
    support, refute = (np.array(holm([getattr(look, name) for look in looks])) for name in ("p_support", "p_refute"))
    return support < ALPHA, refute < ALPHA


def _next_runs(seeds: NDArray[np.int64], claim: int, _: int) -> Mapping[object, float]:
    number = int(seeds[claim])
    found: dict[object, float] = {(claim + 1, number): 1.0}
    if number >= seeds.max():
        found[0, number] = 1.0
    return found
