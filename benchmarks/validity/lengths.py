"""Configurations at their own best lengths: is their difference in its interval, and is a null supported?

What is planted is a mean for each configuration and length. The truth is the difference of the best means. Lengths are
chosen on validation and reported on test, which share all of a run's luck but a little.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.validity.cases import ERRS, Case, Target
from benchmarks.validity.planted import HOLD, SUPPORTED
from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.load import StudyData
from sweeper.store.reading.reader import Curve, TrialRow
from tests.reports.studies import Phase, factor, study_data

ARMS = 6  # of a phase: the two that are compared, and others that show how runs vary
BASE = 40.0
SEED_SD, TEST_SD = 3.0, 0.1  # in standard deviations of a run
COVERS_WELL = Target(low=0.93)  # a choice widens intervals, and less is known of it than that
VALID, TEST = "loss", "test_loss"
Means = NDArray[np.float64]


def length_cases() -> Iterator[Case]:
    """Flat curves of which one side has more lengths, curves with a best length, and looks that share their luck."""
    flat, bowl = np.zeros(8), 2.0 * np.log(np.geomspace(1, 128, 8) / 8.0) ** 2
    far = 2.0 * np.log(np.geomspace(1, 128, 8) / 32.0) ** 2
    for seeds in (3, 5):
        yield _lengths("8 equal lengths against 1", np.zeros(1), flat, seeds, of_look=1.0, of_run=0.0)
        yield _lengths("3 equal lengths against 1", np.zeros(1), np.zeros(3), seeds, of_look=1.0, of_run=0.0)
        yield _lengths("1 length against 8 equal ones", flat, np.zeros(1), seeds, of_look=1.0, of_run=0.0)
        yield _lengths("8 lengths each, best at different ones", bowl, far, seeds, of_look=1.0, of_run=0.0)
        yield _lengths("8 equal lengths against 8 of which one is best", bowl, flat, seeds, of_look=1.0, of_run=0.0)
        yield _lengths("8 equal looks at a run against 1", np.zeros(1), flat, seeds, of_look=0.3, of_run=1.0)


def _lengths(what: str, start: Means, to: Means, seeds: int, *, of_look: float, of_run: float) -> Case:
    truth = float(to.min() - start.min())

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        curves = {}
        shared = SEED_SD * generator.normal(size=seeds)
        for arm in range(ARMS):
            means = to if arm == 1 else start
            runs = of_run * generator.normal(size=(seeds, 1)) + of_look * generator.normal(size=(seeds, len(means)))
            true = BASE + means + shared[:, None] + runs
            curves[arm] = [true + TEST_SD * generator.normal(size=true.shape) for _ in range(2)]
        (found,) = judge_claims(_study(curves, seeds))
        return {HOLD: float(found.low <= truth <= found.high), SUPPORTED: float(found.verdict == "supported")}

    kind = "independent runs" if of_run == 0.0 else "looks at one run"
    name = f"each at its best length, {what}, {kind}, {seeds} seeds"
    return Case(name=name, play=play, targets={HOLD: COVERS_WELL, SUPPORTED: ERRS}, studies=600)


def _study(curves: Mapping[int, list[NDArray[np.float64]]], seeds: int) -> StudyData:
    contrast = {"phase": "p", "factor": "arm", "from": 0, "to": 1, "where": None}
    claim = {
        "id": "c", "text": "", "metric": {"name": TEST, "direction": "minimize"}, "contrast": contrast,
        "expect": "decrease", "at_least": 0, "within": None, "at": "best_length",
    }  # fmt: skip
    rows = [{"arm": arm} for arm in range(ARMS)]
    kept: list[TrialRow] = []

    def value(levels: Mapping[str, object], seed: int) -> float:
        return float(curves[int(str(levels["arm"]))][0][seed, -1])

    def remember(row: TrialRow) -> Mapping[str, object]:
        kept.append(row)
        return {}

    phase = Phase("p", "list", rows, value, seeds=range(seeds))
    data = study_data(
        {"arm": factor(*range(ARMS))}, phase, claims=[claim], metric=VALID, scale="linear", program="x",
        results=remember, metric_options={"value": "last"},
    )  # fmt: skip
    measured = {name: {row.id: _curve(curves, row, place) for row in kept} for place, name in enumerate((VALID, TEST))}
    return replace(data, measured=measured)


def _curve(curves: Mapping[int, list[NDArray[np.float64]]], row: TrialRow, place: int) -> Curve:
    values = curves[int(str((row.configuration or {})["arm"]))][place][row.seed]
    # One length is two looks of one value, so that it is known to be a curve.
    values = values if len(values) > 1 else np.array([values[0] + 100.0, values[0]])
    steps = [round(100 * (number + 1) / len(values)) for number in range(len(values))]
    unknown = [float("nan")] * len(steps)
    return Curve(
        steps=steps, tokens=unknown, device_seconds=[float(step) for step in steps], flops=unknown,
        values=values.tolist(),
    )  # fmt: skip
