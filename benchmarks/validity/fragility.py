"""Studies whose verdicts rest on something, and some whose verdicts do not: which of them are called fragile."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.validity.cases import Case, Target
from benchmarks.validity.planted import contrast, noise, one_at_a_time, phase, study, two_levels
from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.load import StudyData
from sweeper.store.reading.reader import Curve, TrialRow
from tests.reports.studies import factor

SOUND = "a sound verdict called fragile"
MISSED = "supported, and not called fragile"
QUIET = Target(high=0.1)
SPEAKS = Target(high=0.2)
STUDIES = 300  # each is judged a dozen times
SIX = tuple(f"x{place}" for place in range(6))
CLAIM = contrast("x0", 0, 1)
POINTS = 40


def fragility() -> Iterator[Case]:
    """All of them."""
    for seeds in (3, 5):
        for effect in (2.0, 4.0):
            yield _sound(seeds, effect)
    yield _sound_blocks()
    yield _one_block()
    yield _best_of_noise()


def _sound(seeds: int, effect: float) -> Case:
    factors, rows = two_levels(SIX), one_at_a_time(SIX)
    shift = np.array([effect * (row["x0"] == 1) for row in rows])[:, None]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, len(rows), seeds) - shift
        return {SOUND: _of_supported(study(factors, phase("p", "one_at_a_time", rows, values), claims=[CLAIM]))}

    name = f"a gain of {effect:g} SD, 6 factors one at a time, {seeds} seeds"
    return Case(name=name, play=play, targets={SOUND: QUIET}, studies=STUDIES)


def _sound_blocks() -> Case:
    """The same gain in each of three blocks, so large that their mean is sure and that of one block is not."""

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        return {SOUND: _of_supported(_in_blocks(generator, (1.5, 1.5, 1.5), seeds=3))}

    name = "a gain of 1.5 SD in each of 3 datasets, 3 seeds"
    return Case(name=name, play=play, targets={SOUND: QUIET}, studies=STUDIES)


def _one_block() -> Case:
    def play(generator: np.random.Generator) -> Mapping[str, float]:
        return {MISSED: _is_missed(_in_blocks(generator, (4.0, 0.0), seeds=5))}

    name = "a gain of 4 SD in one of 2 datasets, 5 seeds"
    return Case(name=name, play=play, targets={MISSED: SPEAKS}, studies=STUDIES)


def _in_blocks(generator: np.random.Generator, gains: tuple[float, ...], *, seeds: int) -> StudyData:
    names, blocks = SIX[:3], [str(place) for place in range(len(gains))]
    factors = {**two_levels(names), "dataset": factor(*blocks)}
    rows = [{**row, "dataset": block} for block in blocks for row in one_at_a_time(names)]
    values = noise(generator, len(rows), seeds)
    shift = np.array([gains[int(row["dataset"])] * (row["x0"] == 1) for row in rows])[:, None]
    return study(factors, phase("p", "one_at_a_time", rows, values - shift, blocks=["dataset"]), claims=[CLAIM])


def _best_of_noise() -> Case:
    """The best of each curve counts, and that of one arm is noisier: its last values are no better."""
    factors, rows = two_levels(SIX), one_at_a_time(SIX)

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        ends = noise(generator, len(rows), 5)
        spread = np.array([3.0 if row["x0"] == 1 else 0.3 for row in rows])
        curves = ends[:, :, None] + spread[:, None, None] * generator.normal(size=(*ends.shape, POINTS))
        curves[:, :, -1] = ends  # the last evaluation is of the whole text

        def curve(row: TrialRow) -> Curve:
            return _curve(curves[rows.index(dict(row.configuration or {})), row.seed])

        best = phase("p", "one_at_a_time", rows, curves.min(axis=2))
        return {MISSED: _is_missed(study(factors, best, claims=[CLAIM], curves=curve, value="best"))}

    name = "no gain but the best of noisier evaluations, 5 seeds"
    return Case(name=name, play=play, targets={MISSED: SPEAKS}, studies=STUDIES)


def _curve(values: NDArray[np.float64]) -> Curve:
    unknown = [math.nan] * len(values)
    steps = list(range(1, len(values) + 1))
    return Curve(steps=steps, tokens=unknown, device_seconds=unknown, flops=unknown, values=values.tolist())


def _of_supported(data: StudyData) -> float:
    """1 if the claim is supported and called fragile, 0 if it is not called so, NaN if it is not supported."""
    (found,) = judge_claims(data)
    return float(bool(found.sturdiness.note)) if found.verdict == "supported" else np.nan


def _is_missed(data: StudyData) -> float:
    """1 if the claim is supported without a word, 0 if it is not supported or called fragile."""
    (found,) = judge_claims(data)
    return float(found.verdict == "supported" and not found.sturdiness.note)
