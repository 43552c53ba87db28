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
    judged,
    noise,
    one_at_a_time,
    phase,
    two_levels,
)

THREE = ("a", "b", "c")
MOST_ADVISED = 50
ADVISED = {"a": "equivalence", "b": "no worse", "c": "at least"}


def advice_cases() -> Iterator[Case]:
    """With pilots of several sizes, and margins that need 5 to 25 seeds.

    Where the truth needs nearly as many as are ever advised, those pilots that name a number are the ones that see too
    small a spread.
    """
    singles, grid = one_at_a_time(THREE), [dict(zip(THREE, row, strict=True)) for row in product((0, 1), repeat=3)]
    for seeds, margin in ((2, 1.5), (3, 1.0), (5, 1.0)):
        yield _advice("3 factors one at a time", "one_at_a_time", singles, margin, seeds)
    for seeds, margin in ((2, 1.0), (3, 0.75)):
        yield _advice("a 2³ grid", "grid", grid, margin, seeds)


def _advice(name: str, design: str, rows: Sequence[Levels], margin: float, seeds: int) -> Case:
    """The truth is that for which seeds are planned: no effect, or twice the margin."""
    factors = two_levels(THREE)
    shift = np.array([-2.0 * margin * row["c"] for row in rows])[:, None]
    claims = [
        contrast("a", 0, 1, None, kind="equivalence", within=margin),
        contrast("b", 0, 1, "no_worse", within=margin),
        contrast("c", 0, 1, "decrease", at_least=margin),
    ]

    def run(generator: np.random.Generator, runs: int) -> dict[str, Judged]:
        values = noise(generator, len(rows), runs) + shift
        return judged(factors, phase("p", design, rows, values), claims=claims)

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = {
            key: each.seeds_needed
            for key, each in run(generator, seeds).items()
            if each.verdict == "undecided" and each.seeds_needed is not None and each.seeds_needed <= MOST_ADVISED
        }
        decided = {key: run(generator, runs)[key].decided for key, runs in found.items()}
        return {f"decided: {words}": decided.get(key, math.nan) for key, words in ADVISED.items()}

    return Case(
        name=f"{name}, undecided with {seeds} seeds, run anew with as many as advised", play=play,
        targets={f"decided: {words}": Target(low=0.78) for words in ADVISED.values()}, studies=1000,
    )  # fmt: skip
