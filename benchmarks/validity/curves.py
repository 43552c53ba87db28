"""Two configurations that end alike, one of which is evaluated with more noise, or more often."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.validity.cases import ERRS, Case
from benchmarks.validity.planted import SIZE, SUPPORTED, contrast, noise, one_at_a_time, phase, study, two_levels
from benchmarks.validity.searches import curve_of
from sweeper.evidence.claims.judge import judge_claims
from sweeper.store.reading.reader import Curve, TrialRow

SEEDS = 5
FEW, MANY = 20, 80  # points of a curve
UNWARNED = "a null claim supported without a warning"


def curve_cases() -> Iterator[Case]:
    """By the last value, which neither changes; and by the best one, of which the claim must warn."""
    yield _curves("evaluated with 10 times the noise", (0.05, 0.5), (FEW, FEW), "last")
    yield _curves("evaluated 4 times as often", (0.2, 0.2), (FEW, MANY), "last")
    yield _curves("evaluated with 10 times the noise", (0.05, 0.5), (FEW, FEW), "best")
    yield _curves("evaluated 4 times as often", (0.2, 0.2), (FEW, MANY), "best")


def _curves(how: str, spread: tuple[float, float], points: tuple[int, int], value: str) -> Case:
    factors, rows = two_levels(["a"]), one_at_a_time(["a"])
    quantity = SUPPORTED if value == "last" else UNWARNED

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        final = 0.2 * (noise(generator, 2, SEEDS) - SIZE) + SIZE
        curves = [final[arm][:, None] + spread[arm] * generator.normal(size=(SEEDS, points[arm])) for arm in range(2)]
        outcomes = np.array([each[:, -1] if value == "last" else each.min(axis=1) for each in curves])
        data = study(
            factors, phase("p", "grid", rows, outcomes), claims=[contrast("a", 0, 1)],
            curves=lambda row: _curve(curves, row), value=value,
        )  # fmt: skip
        (found,) = judge_claims(data)
        warned = value == "best" and any("not evaluated" in note for note in found.notes)
        return {quantity: float(found.verdict == "supported" and not warned)}

    words = f"the {value} value of curves of which one is {how}, {SEEDS} seeds"
    return Case(name=words, play=play, targets={quantity: ERRS})


def _curve(curves: list[NDArray[np.float64]], row: TrialRow) -> Curve:
    values = curves[int(str((row.configuration or {})["a"]))][row.seed]
    return curve_of(values, len(values))
