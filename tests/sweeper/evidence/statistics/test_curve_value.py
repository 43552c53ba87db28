"""The value of a run from its curve, and how curves were evaluated."""

import math

import numpy as np
import pytest

from sweeper.evidence.statistics.curve_value import CurveValue, curve_value, evaluated_alike, evaluation_noise

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
def test_the_value_of_a_curve_is_the_point_asked_for(value, direction, expected):
    assert curve_value(CURVE, value, direction=direction) == expected


def test_a_curve_that_ends_without_a_number_has_no_last_value():
    assert math.isnan(curve_value([1.0, math.nan], CurveValue("last"), direction="minimize"))
    assert math.isnan(curve_value([1.0, math.inf, 2.0], CurveValue("mean_of_last", 2), direction="minimize"))
    assert curve_value([1.0, math.nan, 2.0], CurveValue("best"), direction="minimize") == 1.0


def test_a_curve_shorter_than_the_mean_has_no_value():
    assert math.isnan(curve_value([1.0], CurveValue("mean_of_last", 2), direction="minimize"))
    assert math.isnan(curve_value([], CurveValue("last"), direction="minimize"))
    assert math.isnan(curve_value([math.nan], CurveValue("best"), direction="minimize"))


def test_a_mean_of_no_points_is_refused():
    with pytest.raises(ValueError, match="`last >= 1` must hold"):
        CurveValue("mean_of_last", 0)


def test_a_value_says_what_it_is():
    assert [str(CurveValue("best")), str(CurveValue("last")), str(CurveValue("mean_of_last", 5))] == [
        "best", "last", "mean of the last 5",
    ]  # fmt: skip


def test_the_best_point_rewards_noise_and_the_last_does_not():
    generator = np.random.default_rng(0)
    quiet, noisy = (3.0 + sd * generator.normal(size=(500, 20)) for sd in (0.01, 0.1))
    means = {
        kind: [
            np.mean([curve_value(run, CurveValue(kind), direction="minimize") for run in arm]) for arm in (quiet, noisy)
        ]
        for kind in ("best", "last")
    }
    assert means["best"][0] - means["best"][1] > 0.15
    assert abs(means["last"][0] - means["last"][1]) < 0.015


def test_the_noise_of_evaluations_is_found_beside_their_trend():
    generator = np.random.default_rng(1)
    trend = 3.0 + 2.0 * np.exp(-np.linspace(0, 3, 400))
    assert evaluation_noise(trend + 0.05 * generator.normal(size=400)) == pytest.approx(0.05, rel=0.15)
    assert evaluation_noise(np.linspace(3, 1, 50)) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(evaluation_noise([3.0, 2.0, 1.0]))
    assert math.isnan(evaluation_noise([3.0, math.nan, 2.0, 1.0]))


def test_arms_that_were_evaluated_more_often_or_more_noisily_are_found():
    generator = np.random.default_rng(2)
    alike = [list(np.abs(generator.normal(0.01, 0.001, 5))) for _ in range(2)]
    assert evaluated_alike([[10, 10], [10, 10]], alike) == (True, True)
    assert evaluated_alike([[10, 10], [20, 20]], alike) == (False, True)
    assert evaluated_alike([[10] * 5, [10] * 5], [alike[0], [10 * each for each in alike[1]]]) == (True, False)


def test_noise_that_is_unknown_or_nil_is_alike():
    assert evaluated_alike([[2], [2]], [[math.nan], [math.nan]]) == (True, True)
    assert evaluated_alike([[9], [9]], [[0.0, 0.0], [0.0]]) == (True, True)
