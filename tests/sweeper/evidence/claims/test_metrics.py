"""Claims on another metric than the study's: its direction, its scale and the point of its curve."""

from dataclasses import replace

import pytest

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.runs import study_runs
from sweeper.store.reading.reader import Curve
from tests.reports.studies import Phase, study_data
from tests.sweeper.evidence.claims.claim_studies import FACTORS, contrast, judge, screen

ACCURACY = {"name": "accuracy", "direction": "maximize", "scale": "linear"}


def accuracy(row):
    """It falls by five points where a is on, which the study's own metric does not show."""
    return {"accuracy": 91.0 - 5.0 * (row.configuration["a"] > 0) + 0.05 * ((row.seed * 7 + row.id) % 5)}


def test_a_metric_is_judged_by_its_own_direction():
    worse, less = judge(
        contrast("a", "no_worse", within=0.1, metric=ACCURACY),
        {**contrast("a", "decrease", at_least=4.0, metric=ACCURACY), "id": "y"},
        results=accuracy,
    )
    assert worse.estimate == pytest.approx(-5.0, abs=0.2)
    assert (worse.verdict, less.verdict) == ("refuted", "supported")


def test_a_metric_without_a_known_direction_decides_nothing_that_rests_on_it():
    worse, less = judge(
        contrast("a", "no_worse", within=0.1, metric="accuracy"),
        {**contrast("a", "decrease", at_least=4.0, metric="accuracy"), "id": "y"},
        results=accuracy,
    )
    assert (worse.verdict, less.verdict) == ("untested", "supported")
    assert worse.sentence.startswith("Nothing says whether lower or higher values of accuracy are better; declare it")


def test_an_ordering_by_declared_levels_compares_those():
    def value(levels, seed):
        gains = {"a": {0.0: 0.0, 0.1: 0.5, 0.2: 0.1}, "b": {0.0: 0.0, 0.3: 0.3}}
        return 9.0 - sum(gains[name][levels[name]] for name in gains) + 0.01 * seed

    base = {"a": 0.0, "b": 0.0}
    rows = [base, {**base, "a": 0.1}, {**base, "a": 0.2}, {**base, "b": 0.3}]
    factors = {"a": {**FACTORS["a"], "levels": [0.0, 0.1, 0.2]}, "b": FACTORS["b"]}

    def ordering(**levels):
        order = {"phase": "screen", "largest": "a", "among": ["b"], **levels}
        return {"id": "x", "text": "", "ordering": order}

    def noisy(levels, seed):
        return value(levels, seed) + 0.001 * ((seed * 7 + round(10 * levels["a"]) * 3 + round(10 * levels["b"])) % 5)

    phase = Phase("screen", "one_at_a_time", rows, noisy)
    best, declared = (
        judge_claims(study_data(factors, phase, metric="loss", claims=[claim]))[0]
        for claim in (ordering(), ordering(levels={"a": 0.2}))
    )
    assert best.estimate == pytest.approx(0.2, abs=0.01)
    assert declared.estimate == pytest.approx(-0.2, abs=0.01)
    assert (best.verdict, declared.verdict) == ("supported", "refuted")


@pytest.mark.parametrize(
    ("value", "expected"), [("best", 1.0), ("last", 2.0), ({"mean_of_last": 2}, 1.5), ({"mean_of_last": 4}, None)]
)
def test_the_value_of_another_metric_is_the_point_of_its_curve_that_is_declared(value, expected):
    curve = Curve(steps=[1, 2, 3], tokens=[0.0] * 3, device_seconds=[0.0] * 3, flops=[0.0] * 3, values=[3.0, 1.0, 2.0])
    data = study_data(
        FACTORS,
        screen(),
        claims=[contrast("a", metric={"name": "other", "direction": "minimize", "scale": "linear", "value": value})],
    )
    data = replace(data, measured={"other": {1: curve}})
    assert study_runs(data, "other").measure.raw.get(1) == expected
