"""Planted studies whose trials are pruned or searched for."""

import numpy as np
import optuna
from numpy.typing import NDArray

from benchmarks.validity.planted import SIZE, Levels, claim, contrast, noise, one_at_a_time, phase, study, two_levels
from sweeper.evidence.data.load import StudyData
from sweeper.store.reading.reader import Curve, TrialRow
from tests.reports.studies import factor

NAMES = ("a", "b", "c", "d")
POINTS = 4
STEPS = 100
TRIALS = 20
TOP = 3


def pruned_study(generator: np.random.Generator) -> StudyData:
    """Four factors that do nothing; a run whose curve is worse than the median half-way is pruned there."""
    rows = one_at_a_time(NAMES)
    final = noise(generator, len(rows), 3)
    # Curves fall towards their end, which the value half-way foretells but for noise.
    curves = final[:, :, None] + np.linspace(6.0, 0.0, POINTS) + 0.5 * generator.normal(size=(*final.shape, POINTS))
    curves[:, :, -1] = final
    half = curves[:, :, POINTS // 2 - 1]
    outcomes = curves.min(axis=2).astype(object)
    outcomes[half > np.median(half)] = "pruned"
    places = {tuple(row.items()): place for place, row in enumerate(rows)}

    def curve(row: TrialRow) -> Curve:
        values = curves[places[tuple((row.configuration or {}).items())], row.seed]
        return curve_of(values[: POINTS // 2] if row.state == "pruned" else values)

    claims = [contrast(name, 0, 1) for name in NAMES]
    return study(two_levels(NAMES), phase("p", "one_at_a_time", rows, outcomes), claims=claims, curves=curve)


def promoted_study(generator: np.random.Generator) -> StudyData:
    """A search over two ranges that change nothing, and its best configurations run anew beside the baseline."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    factors = {name: {**factor(0.5), "levels": None, "low": 0.0, "high": 1.0} for name in ("x", "y")}
    rows, values = _searched(generator)
    best: list[Levels] = [rows[place] for place in np.argsort(values)[:TOP]]
    base: Levels = {"x": 0.5, "y": 0.5}
    runs = noise(generator, TOP + 1, 3)
    claims = [
        claim(
            f"top-{place}", "decrease",
            contrast={"from": {"phase": "base", "levels": base}, "to": {"phase": "long", "levels": row}},
        )
        for place, row in enumerate(best)
    ]  # fmt: skip
    return study(
        factors,
        phase("search", "sampler", rows, values[:, None], steps=STEPS // 2),
        phase("base", "list", [base], runs[:1], steps=STEPS),
        phase("long", "promote", best, runs[1:], steps=STEPS),
        claims=claims,
    )


def _searched(generator: np.random.Generator) -> tuple[list[Levels], NDArray[np.float64]]:
    """The configurations that TPE draws, and the values that it was told."""
    sampler = optuna.samplers.TPESampler(seed=int(generator.integers(2**31)))
    search = optuna.create_study(sampler=sampler)
    rows: list[Levels] = []
    values = SIZE + generator.normal(size=TRIALS)
    for value in values:
        trial = search.ask()
        rows.append({name: trial.suggest_float(name, 0.0, 1.0) for name in ("x", "y")})
        search.tell(trial, float(value))
    return rows, values


def curve_of(values: NDArray[np.float64], points: int = POINTS) -> Curve:
    """A curve of evenly spaced points, of which a whole trial has `points`."""
    steps = [STEPS * (place + 1) // points for place in range(len(values))]
    unknown = [float("nan")] * len(values)
    return Curve(steps=steps, tokens=unknown, device_seconds=unknown, flops=unknown, values=values.tolist())
