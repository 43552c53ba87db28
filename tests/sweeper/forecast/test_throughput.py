"""Fits of run times."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.forecast.throughput import TimedRun, Work, fit_throughput


def run(amount: float, operations: float | None, seconds: float, key: str | None = None) -> TimedRun:
    return TimedRun(Work(amount, operations), seconds, key)


@settings(max_examples=40)
@given(st.floats(0, 20), st.floats(0, 0.1), st.floats(1e-10, 1e-8))
def test_times_that_follow_the_rule_are_predicted_within_the_interval(start: float, step: float, each: float) -> None:
    works = [(steps, steps * size) for steps in (100, 300, 1000) for size in (1e7, 1e8, 1e9)]
    runs = [run(n, flops, start + step * n + each * flops) for n, flops in works]
    throughput = fit_throughput(runs)
    assert throughput is not None
    expected, low, high = throughput.seconds(Work(500, 500 * 3e8), None)
    assert low < start + step * 500 + each * 500 * 3e8 < high
    assert expected == pytest.approx(start + step * 500 + each * 500 * 3e8, rel=0.1)


def test_one_run_scales_with_its_operations_with_a_wide_interval() -> None:
    throughput = fit_throughput([run(100, 1e9, 10.0)])
    assert throughput is not None
    expected, low, high = throughput.seconds(Work(200, 4e9), None)
    assert expected == pytest.approx(40.0)
    assert low < 20
    assert high > 80


def test_without_operations_amounts_are_used() -> None:
    throughput = fit_throughput([run(100, None, 10.0), run(200, None, 20.0), run(400, None, 40.0)])
    assert throughput is not None
    assert throughput.seconds(Work(300), None)[0] == pytest.approx(30.0)


def test_a_configuration_that_ran_is_predicted_by_its_own_runs() -> None:
    runs = [run(100, 1e9, 10.0, "a"), run(100, 1e9, 11.0, "a"), run(100, 1e9, 20.0, "b"), run(100, 1e9, 20.0, "b")]
    throughput = fit_throughput(runs)
    assert throughput is not None
    assert throughput.seconds(Work(100, 1e9), "a")[0] == pytest.approx(10.5, rel=0.02)
    assert throughput.seconds(Work(100, 1e9), "b")[0] == pytest.approx(20.0, rel=0.02)


def test_a_configuration_that_ran_has_a_narrower_interval() -> None:
    runs = [run(100, 1e9, seconds, key) for key, seconds in (("a", 10.0), ("b", 40.0), ("c", 20.0), ("d", 80.0))]
    throughput = fit_throughput(runs)
    assert throughput is not None
    assert throughput.seconds(Work(100, 1e9), "a")[2] == pytest.approx(10.0 * math.exp(0.3))
    _, low, high = throughput.seconds(Work(100, 1e9), "new")
    assert high / low > 10
    twice = fit_throughput([*runs, run(100, 1e9, 10.1, "a")])
    assert twice is not None
    assert twice.seconds(Work(100, 1e9), "b")[2] == pytest.approx(40.0 * math.exp(0.1), rel=0.01)


def test_the_interval_widens_outside_the_fitted_range() -> None:
    rng = np.random.default_rng(0)
    throughput = fit_throughput(
        [run(n, n * 1e7, 0.01 * n * math.exp(rng.normal(0, 0.1))) for n in range(100, 1100, 100)]
    )
    assert throughput is not None

    def width(steps: float) -> float:
        _, low, high = throughput.seconds(Work(steps, steps * 1e7), None)
        return high / low

    assert width(500) < width(5000) < width(50_000)


def test_without_usable_runs_there_is_no_fit() -> None:
    assert fit_throughput([]) is None
    assert fit_throughput([run(0, None, 1.0), run(10, None, 0.0)]) is None
