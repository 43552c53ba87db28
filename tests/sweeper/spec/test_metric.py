"""Metrics, and which point of a curve is the value of a run."""

import math

import numpy as np
import pytest

from sweeper.spec.metric import CurveValue, Direction, Metric, metric_named

CURVE = [3.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("value", "direction", "expected"),
    [
        (CurveValue("best"), "minimize", 1.0),
        (CurveValue("best"), "maximize", 3.0),
        (CurveValue("last"), "minimize", 2.0),
        (CurveValue("mean_of_last", 2), "minimize", 1.5),
        (CurveValue("mean_of_last", 3), "maximize", 2.0),
    ],
)
def test_the_value_of_a_curve_is_the_point_asked_for(value: CurveValue, direction: Direction, expected: float) -> None:
    assert value.of(CURVE, direction) == expected


def test_a_curve_that_ends_without_a_number_has_no_last_value() -> None:
    assert math.isnan(CurveValue("last").of([1.0, math.nan], "minimize"))
    assert math.isnan(CurveValue("mean_of_last", 2).of([1.0, math.inf, 2.0], "minimize"))
    assert CurveValue("best").of([1.0, math.nan, 2.0], "minimize") == 1.0


def test_a_curve_shorter_than_the_mean_has_no_value() -> None:
    assert math.isnan(CurveValue("mean_of_last", 2).of([1.0], "minimize"))
    assert math.isnan(CurveValue("last").of([], "minimize"))
    assert math.isnan(CurveValue("best").of([math.nan], "minimize"))


def test_a_mean_of_no_points_is_refused() -> None:
    with pytest.raises(ValueError, match="`last >= 1` must hold"):
        CurveValue("mean_of_last", 0)


def test_a_value_says_what_it_is() -> None:
    assert [str(CurveValue("best")), str(CurveValue("last")), str(CurveValue("mean_of_last", 5))] == [
        "best", "last", "mean of the last 5",
    ]  # fmt: skip


def test_the_best_point_rewards_noise_and_the_last_does_not() -> None:
    generator = np.random.default_rng(0)
    quiet, noisy = (3.0 + sd * generator.normal(size=(500, 20)) for sd in (0.01, 0.1))
    means = {
        kind: [np.mean([CurveValue(kind).of(run, "minimize") for run in arm]) for arm in (quiet, noisy)]
        for kind in ("best", "last")
    }
    assert means["best"][0] - means["best"][1] > 0.15
    assert abs(means["last"][0] - means["last"][1]) < 0.015


OWN = Metric(name="valid_perplexity", direction="minimize", scale="log", value=CurveValue("last"))


def test_a_metric_is_known_by_its_name_if_the_study_or_the_trainer_declares_it() -> None:
    assert metric_named("valid_perplexity", OWN, is_trainer=False) is OWN
    loss = metric_named("test_loss", OWN, is_trainer=True)
    assert (loss.direction, loss.scale, loss.declared, loss.value) == ("minimize", "linear", True, OWN.value)


@pytest.mark.parametrize(("name", "is_trainer"), [("accuracy", False), ("test_loss", False), ("learning_rate", True)])
def test_the_direction_of_any_other_metric_is_unknown(name: str, is_trainer: bool) -> None:
    assert not metric_named(name, OWN, is_trainer=is_trainer).declared
