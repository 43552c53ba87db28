"""Studies whose users look at results, and add seeds until a claim is decided: why such verdicts are exploratory."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from benchmarks.validity.cases import NEVER, Case, Target
from benchmarks.validity.planted import Judged, contrast, judged, noise, phase, study, two_levels
from sweeper.evidence.claims.judge import judge_claims
from sweeper.spec.declared import declared_claims, declared_phases
from sweeper.store.reading.declarations import Declaration

FACTORS, ROWS = two_levels(["a"]), [{"a": 0}, {"a": 1}]
FIRST, MOST = 3, 20
MOST_ADVISED = 50
UNMARKED = "the same on added seeds, and not called exploratory"
EVER = "a null claim supported at any look"
MARGIN = 1.0


def extending() -> Iterator[Case]:
    """Both ways to go on: one seed after another, or as many as an undecided verdict says."""
    yield _seed_by_seed()
    yield _as_advised()


def _seed_by_seed() -> Case:
    claims = [contrast("a", 0, 1)]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, len(ROWS), MOST)
        found = {seeds: _judge(values[:, :seeds], claims) for seeds in range(FIRST, MOST + 1)}
        return _rates({seeds for seeds, each in found.items() if each.verdict == "supported"})

    return Case(
        name=f"one null claim, looked at after each of {FIRST} to {MOST} seeds, which are added", play=play,
        targets={EVER: Target(), UNMARKED: NEVER}, studies=1000,
    )  # fmt: skip


def _as_advised() -> Case:
    """The effect is at the margin, where a claim of at least that much errs most."""
    claims = [contrast("a", 0, 1, at_least=MARGIN)]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, len(ROWS), MOST_ADVISED) - MARGIN * np.array([[0.0], [1.0]])
        seeds, supported = FIRST, set()
        while seeds <= MOST_ADVISED:
            found = _judge(values[:, :seeds], claims)
            supported |= {seeds} if found.verdict == "supported" else set()
            if found.verdict != "undecided" or found.seeds_needed is None:
                break
            seeds = max(seeds + 1, found.seeds_needed)
        return _rates(supported)

    return Case(
        name=f"one null claim, extended from {FIRST} seeds to as many as its verdict names until it is decided",
        play=play, targets={EVER: Target(), UNMARKED: NEVER}, studies=1000,
    )  # fmt: skip


def _judge(values: np.ndarray[tuple[int, int], np.dtype[np.float64]], claims: list[dict[str, object]]) -> Judged:
    return judged(FACTORS, phase("p", "grid", ROWS, values), claims=claims)["a"]


def _rates(supported: set[int]) -> Mapping[str, float]:
    """Return whether the claim was supported with any number of seeds, and with more than declared without a mark."""
    added = {seeds for seeds in supported if seeds > FIRST}
    return {EVER: float(bool(supported)), UNMARKED: float(any(not _is_exploratory(seeds) for seeds in added))}


@cache
def _is_exploratory(seeds: int) -> bool:
    """Return whether a verdict on N seeds is exploratory, the first of which were declared; whatever the values are."""
    data = study(FACTORS, phase("p", "grid", ROWS, np.ones((len(ROWS), seeds))), claims=[contrast("a", 0, 1)])
    late = tuple(data.trials.loc[data.trials["seed"] >= FIRST, "trial_id"].astype(int))
    declared = Declaration(
        claims=declared_claims(data.study), phases=declared_phases(data.study), late={"p": late} if late else {}
    )
    return judge_claims(replace(data, declaration=declared))[0].is_exploratory
