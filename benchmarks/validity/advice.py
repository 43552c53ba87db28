"""Undecided claims run again with as many fresh seeds as their verdicts said would decide them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from benchmarks.validity.cases import Case, Target
from benchmarks.validity.planted import (
    Judged,
    Levels,
    contrast,
    noise,
    one_at_a_time,
    phase,
    study,
    two_levels,
    verdicts,
)

THREE = ("a", "b", "c")
MARGIN = 1.0
MOST_ADVISED = 50
ADVISED = {"a": "equivalence", "b": "no worse", "c": "at least"}
CLAIMS = [
    contrast("a", 0, 1, None, kind="equivalence", within=MARGIN),
    contrast("b", 0, 1, "no_worse", within=MARGIN),
    contrast("c", 0, 1, "decrease", at_least=MARGIN),
]


def advice_cases() -> Iterator[Case]:
    """With pilots of several sizes; in a grid the margin is as far from no effect in standard errors of a pair."""
    yield from (
        _advice("3 factors one at a time", "one_at_a_time", one_at_a_time(THREE), 1.0, seeds) for seeds in (2, 3, 5)
    )
    grid = [dict(zip(THREE, levels, strict=True)) for levels in product((0, 1), repeat=3)]
    yield from (_advice("a 2³ grid", "grid", grid, 2.0, seeds) for seeds in (2, 3))


def _advice(name: str, design: str, rows: Sequence[Levels], spread: float, seeds: int) -> Case:
    """The truth is that for which seeds are planned: no effect, or twice the margin."""
    factors = two_levels(THREE)
    shift = np.array([-2.0 * MARGIN * row["c"] for row in rows])[:, None]

    def judged(generator: np.random.Generator, runs: int) -> dict[str, Judged]:
        values = spread * noise(generator, len(rows), runs) + shift
        return verdicts(study(factors, phase("p", design, rows, values), claims=CLAIMS))

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = {
            key: each.seeds_needed
            for key, each in judged(generator, seeds).items()
            if each.verdict == "undecided" and each.seeds_needed is not None and each.seeds_needed <= MOST_ADVISED
        }
        decided = {key: judged(generator, runs)[key].decided for key, runs in found.items()}
        return {f"decided: {words}": decided.get(key, math.nan) for key, words in ADVISED.items()}

    return Case(
        name=f"{name}, undecided with {seeds} seeds, run anew with as many as advised", play=play,
        targets={f"decided: {words}": Target(low=0.78) for words in ADVISED.values()}, studies=700,
    )  # fmt: skip
