"""Frames whose designs pair nothing: fractions without some runs, searches, and seeds whose pairs fail together."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.validity.cases import COVERS, ERRS, Case
from benchmarks.validity.frames import judged_frame
from benchmarks.validity.planted import HOLD, SEED_SD, SIZE, SUPPORTED
from sweeper.evidence.claims.judge import ClaimVerdict

Arms = list[dict[str, int]]

HALF: Arms = [{"a": a, "b": b, "c": c, "d": (a + b + c) % 2} for a, b, c in product((0, 1), repeat=3)]
GRID: Arms = [{"a": a, "b": b, "c": c} for a, b, c in product((0, 1), repeat=3)]
TRIALS = 20
LEVELS = 5


def design_cases() -> Iterator[Case]:
    """All of them."""
    yield from (_lost_run(seeds, lost) for seeds, lost in ((3, 1), (5, 1), (5, 4), (10, 1)))
    yield from (_one_pair(seeds, varies) for varies in (0.0, 1.0, 3.0) for seeds in (3, 8))
    yield from (_two_arms(names, form, 3) for names in ("ab", "abc") for form in ("contrast", "ordering"))
    yield _searched()
    yield from (_failing_seeds(seeds) for seeds in (1, 5, 8))


def _judged(frame: pd.DataFrame, form: str) -> ClaimVerdict:
    return judged_frame(frame, {form: {"factor": "a", "from": 0, "to": 1}, "expect": "decrease"})


def _frame(arms: Arms, seeds: int, generator: np.random.Generator, varies: float = 0.0) -> pd.DataFrame:
    """Runs in which `a` does nothing on average, but something else with each seed."""
    common, change = SEED_SD * generator.normal(size=seeds), varies * generator.normal(size=seeds)
    rows = [
        {**arm, "seed": seed, "loss": SIZE + common[seed] + change[seed] * arm["a"] + generator.normal()}
        for arm, seed in product(arms, range(seeds))
    ]
    return pd.DataFrame(rows)


def _lost_run(seeds: int, lost: int) -> Case:
    """A half fraction without some of its runs; an effect varies with the seed by one standard deviation of a run."""

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        frame = _frame(HALF, seeds, generator, varies=1.0)
        gone = generator.choice(len(frame), lost, replace=False)
        found = _judged(frame.drop(index=gone.tolist()), "contrast")
        return {HOLD: float(found.low <= 0.0 <= found.high), SUPPORTED: float(found.verdict == "supported")}

    runs = "a run" if lost == 1 else f"{lost} runs"
    return Case(
        name=f"a half fraction of 2⁴ without {runs}, an effect varies with the seed, {seeds} seeds",
        play=play, targets={HOLD: COVERS, SUPPORTED: ERRS},
    )  # fmt: skip


def _one_pair(seeds: int, varies: float) -> Case:
    """One pair of the four of a 2³ grid; its change varies with the seed by some standard deviations of a run."""
    claim = {"contrast": {"factor": "a", "from": 0, "to": 1, "where": {"b": 0, "c": 0}}, "expect": "decrease"}

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged_frame(_frame(GRID, seeds, generator, varies=varies), claim)
        return {HOLD: float(found.low <= 0.0 <= found.high), SUPPORTED: float(found.verdict == "supported")}

    how = f"varies with the seed, by {varies:g} times the spread of a run" if varies else "does not vary with the seed"
    return Case(
        name=f"one pair of a 2³ grid whose effect {how}, {seeds} seeds",
        play=play, targets={HOLD: COVERS, SUPPORTED: ERRS},
    )  # fmt: skip


def _two_arms(names: str, form: str, seeds: int) -> Case:
    """Arms that differ in two factors of a grid, the effect of one of which varies with the seed by three run SDs."""
    arms = [dict(zip(names, levels, strict=True)) for levels in product((0, 1), repeat=len(names))]
    claims: dict[str, dict[str, Any]] = {
        "contrast": {
            "contrast": {"from": {"levels": {"a": 0, "b": 0}}, "to": {"levels": {"a": 1, "b": 1}}},
            "expect": "decrease",
        },
        "ordering": {"ordering": {"largest": "a", "among": ["b"], "levels": {"a": 1, "b": 1}}},
    }

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged_frame(_frame(arms, seeds, generator, varies=3.0), claims[form])
        return {HOLD: float(found.low <= 0.0 <= found.high), SUPPORTED: float(found.verdict == "supported")}

    what = "two arms that differ in two factors" if form == "contrast" else "the larger of two gains"
    return Case(
        name=f"{what} of a 2{'²' if len(names) == 2 else '³'} grid, an effect varies with the seed, {seeds} seeds",
        play=play, targets={HOLD: COVERS, SUPPORTED: ERRS},
    )  # fmt: skip


def _searched() -> Case:
    """A random search over `a` and four factors of five levels, two of which do much."""

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        names = {"lr": 1.0, "wd": 0.7, "do": 0.0, "wu": 0.0}
        arms: Arms = [
            {"a": int(generator.integers(2)), **{name: int(generator.integers(LEVELS)) for name in names}}
            for _ in range(TRIALS)
        ]
        frame = _frame(arms, 3, generator)
        frame["loss"] += sum(3.0 * size * frame[name] for name, size in names.items())
        return {SUPPORTED: float(_judged(frame, "contrast").verdict == "supported")}

    return Case(name=f"a random search of {TRIALS} trials, 3 seeds", play=play, targets={SUPPORTED: ERRS})


def _failing_seeds(seeds: int) -> Case:
    """Runs of a 2³ grid of which all of a seed fail at a level or none, as often with either level."""

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        frame, fails = _frame(GRID, seeds, generator), generator.uniform(size=(2, seeds)) < 0.3
        frame["loss"] = frame["loss"].mask(fails[frame["a"], frame["seed"]])
        frame["state"] = np.where(frame["loss"].isna(), "failed", "completed")
        return {SUPPORTED: float(_judged(frame, "divergence").verdict == "supported")}

    name = f"a 2³ grid whose runs of a seed fail together, {seeds} seed{'' if seeds == 1 else 's'}"
    return Case(name=name, play=play, targets={SUPPORTED: ERRS})
