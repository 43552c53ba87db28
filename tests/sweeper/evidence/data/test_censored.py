"""Bounds for trials that did not end: from their curves, or from what their phase gave."""

import math

import pytest

from sweeper.evidence.data.censored import ending_bounds
from sweeper.evidence.data.runs import study_runs
from sweeper.store.reading.reader import Curve
from tests.reports.studies import Phase, factor, falling, study_data

FACTORS = {"x": factor(0, 1, 2, 3)}
ROWS = [{"x": level} for level in range(4)]


def bounds(found, trials, metric=None):
    runs = study_runs(found, metric)
    return ending_bounds(runs.endings, runs.measure, trials)


def data(ending, *, scale="linear", curves=True, direction="minimize"):
    def value(levels, seed):
        return ending if levels["x"] == 3 else 10.0 + levels["x"]

    def curve(row):
        return falling(10.0 + row.configuration["x"], stop=5 if row.state == "pruned" else None) if curves else None

    phase = Phase("p", "list", ROWS, value, seeds=(0,))
    return study_data(FACTORS, phase, metric="loss", scale=scale, curves=curve, direction=direction)


def test_a_pruned_trial_ends_between_its_best_and_the_largest_later_gain_of_others():
    found = data("pruned")
    # At half time it stood at 13 * 1.5; the others gained 5, 5.5 and 6 from there on.
    assert bounds(found, [4])[4] == pytest.approx((19.5 - 6.0, 19.5))


def test_on_a_log_scale_gains_are_factors():
    found = data("pruned", scale="log")
    assert bounds(found, [4])[4] == pytest.approx((math.log(13.0), math.log(19.5)))


def test_a_failed_trial_may_have_been_anything_that_others_were():
    found = data("failed")
    assert bounds(found, [4]) == {4: (10.0, 12.0)}


def test_a_pruned_trial_without_a_curve_may_have_been_anything_that_others_were():
    found = data("pruned", curves=False)
    assert bounds(found, [4]) == {4: (10.0, 12.0)}


def test_nothing_is_known_where_nothing_completed():
    phase = Phase("p", "list", ROWS, lambda *_: "failed", seeds=(0,))
    found = study_data(FACTORS, phase)
    assert bounds(found, [1, 2]) == {}


def test_where_more_is_better_the_bounds_turn_round():
    found = data("pruned", direction="maximize")
    low, high = bounds(found, [4])[4]
    assert low <= high
    assert low == pytest.approx(13.0 * 1.9)  # its best so far, which is now the worst that it could have been


def test_a_metric_of_the_end_is_bounded_by_the_studys_metric_and_what_lay_between_them_elsewhere():
    def value(levels, seed):
        return "pruned" if levels["x"] == 3 else 10.0 + levels["x"]

    def curve(row):
        return falling(10.0 + row.configuration["x"], stop=5 if row.state == "pruned" else None)

    def result(row):
        return {"test_loss": row.value + 0.5 + 0.1 * row.configuration["x"]} if row.state == "completed" else {}

    phase = Phase("p", "list", ROWS, value, seeds=(0,))
    found = study_data(FACTORS, phase, metric="loss", scale="linear", curves=curve, results=result)
    assert bounds(found, [4], "test_loss")[4] == pytest.approx((13.5 + 0.5, 19.5 + 0.7))


def test_where_the_last_value_counts_a_pruned_trial_may_also_have_risen():
    curves = {0: [9.0, 4.0, 5.0, 6.0], 1: [9.0, 7.0, 6.0, 6.5], 2: [9.0, 8.0, 7.0, 5.0], 3: [9.0, 8.5]}

    def curve(row):
        values = curves[row.configuration["x"]]
        unknown = [math.nan] * len(values)
        steps = [25 * (position + 1) for position in range(len(values))]
        return Curve(steps=steps, tokens=unknown, device_seconds=unknown, flops=unknown, values=values)

    phase = Phase(
        "p", "list", ROWS, lambda levels, _: curves[levels["x"]][-1] if levels["x"] < 3 else "pruned", seeds=(0,)
    )
    last = study_data(FACTORS, phase, metric="loss", scale="linear", curves=curve, metric_options={"value": "last"})
    # After step 50 the others changed by 4 to 6, 7 to 6.5 and 8 to 5.
    assert bounds(last, [4])[4] == pytest.approx((8.5 - 3.0, 8.5 + 2.0))
    best = study_data(FACTORS, phase, metric="loss", scale="linear", curves=curve)
    assert bounds(best, [4])[4] == pytest.approx((8.5 - 3.0, 8.5))
