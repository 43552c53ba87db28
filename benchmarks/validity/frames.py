"""Frames of runs as people have them, judged by `sweeper.judge`."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.validity.cases import ERRS, Case
from benchmarks.validity.planted import SEED_SD, SIZE, SUPPORTED
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.judge_frame import judge_frame

Rows = Sequence[Mapping[str, float]]


def frame_cases() -> Iterator[Case]:
    """All of them."""
    yield _bad_repeats_diverge(seeds=5, repeats=3, above=0.5)
    yield _bad_repeats_diverge(seeds=10, repeats=2, above=1.0)
    yield _unequal_repeats()
    for share, spread in ((-50, 10.0), (-20, 10.0), (5, 30.0), (-1, 0.3)):
        yield _share_of_a_mean(share, spread)
    yield _share_of_a_mean(5, 30.0, arms=7)


def judged_frame(frame: pd.DataFrame, claim: Mapping[str, Any], factors: Sequence[str] | None = None) -> ClaimVerdict:
    """The verdict on one claim about the column `loss`."""
    (verdict,) = judge_frame(frame, metric="loss", factors=factors, claims=[{"id": "c", **claim}])
    return verdict


def _supported(rows: Rows, claim: Mapping[str, Any]) -> Mapping[str, float]:
    return {SUPPORTED: float(judged_frame(pd.DataFrame(rows), claim, ["a"]).verdict == "supported")}


def _bad_repeats_diverge(*, seeds: int, repeats: int, above: float) -> Case:
    """An arm that does nothing, each of whose seeds has exact repeats, of which those diverge that go badly."""
    claim = {"contrast": {"factor": "a", "from": 0, "to": 1}, "expect": "decrease"}

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        common, own = SEED_SD * generator.normal(size=seeds), generator.normal(size=(2, seeds, repeats))
        values = SIZE + common[None, :, None] + own
        values[1][own[1] > above] = np.nan
        places = product(range(2), range(seeds), range(repeats))
        return _supported([{"a": a, "seed": s, "loss": float(values[a, s, r])} for a, s, r in places], claim)

    name = f"an arm whose bad runs diverge, {seeds} seeds of {repeats} repeats"
    return Case(name=name, play=play, targets={SUPPORTED: ERRS}, studies=500)


def _unequal_repeats() -> Case:
    """A tenth of all runs diverges; one side has one run of a seed, the other ten."""
    claim = {"divergence": {"factor": "a", "from": 0, "to": 1}, "expect": "increase"}
    seeds = 20
    places = [(0, seed) for seed in range(seeds)] + [(1, seed) for seed in range(seeds)] * 10

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        failed = generator.uniform(size=len(places)) < 0.1
        values = np.where(failed, np.nan, SIZE + generator.normal(size=len(places))).tolist()
        rows = [{"a": a, "seed": seed, "loss": value} for (a, seed), value in zip(places, values, strict=True)]
        return _supported(rows, claim)

    name = f"runs diverge as often with either level, {seeds} seeds of 1 and of 10 repeats"
    return Case(name=name, play=play, targets={SUPPORTED: ERRS}, studies=500)


def _share_of_a_mean(percent: int, spread: float, *, arms: int = 2) -> Case:
    """A change by just the percentage that is claimed, of a mean that varies with the seed more than the change does.

    Args:
        spread: of the seeds, in percent of the mean; that of a run is 1%.
        arms: of which all but two give the pooled variance.
    """
    margin = {"at_least": f"{-percent}%"} if percent < 0 else {"within": f"{percent}%"}
    expect = "decrease" if percent < 0 else "no_worse"
    claim = {"contrast": {"factor": "a", "from": 0, "to": 1}, "expect": expect, **margin}
    seeds = 5

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        common, own = spread * generator.normal(size=seeds), generator.normal(size=(arms, seeds))
        values = 100.0 + common + own
        values[1] += percent
        places = product(range(arms), range(seeds))
        return _supported([{"a": a, "seed": s, "loss": float(values[a, s])} for a, s in places], claim)

    words = "at least" if percent < 0 else "no worse within"
    name = f"{words} {abs(percent)}% of a mean that seeds change by {spread:g}%, right on the margin, {arms} arms"
    return Case(name=name, play=play, targets={SUPPORTED: ERRS}, studies=500)
