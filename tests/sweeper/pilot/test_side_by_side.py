"""Speeds of runs that share a GPU, over the time for which all of them ran."""

from dataclasses import replace

import pytest

from sweeper.forecast.packing import Alone
from sweeper.pilot.side_by_side import Copy, alone, reported_memory, stage_of


def copy(
    began: float = 0.0,
    *,
    step_s: float = 1.0,
    steps: int = 100,
    kind: str = "a",
    card: str = "cuda:0",
    reason: str = "completed",
) -> Copy:
    reports = tuple((began + step * step_s, float(step)) for step in range(0, steps + 1, 10))
    return Copy(
        kind=kind,
        amount=float(steps),
        card=card,
        reason=reason,
        message="Traceback\nValueError: no",
        began=began,
        seconds=steps * step_s,
        reports=reports,
    )


ALONE = Alone(rates={"a": 1.0, "b": 0.1}, amounts={"a": 100.0, "b": 10.0})


def test_only_the_time_in_which_all_ran_counts() -> None:
    first, second = copy(), copy(50.0)  # as fast as alone, but only half of the time side by side
    slowed = [(at, step if at <= 50 else 50 + (step - 50) / 2) for at, step in first.reports]
    crawling = [(at, (step / 2) if at <= 100 else step - 25) for at, step in second.reports]
    found = stage_of(2, [replace(first, reports=tuple(slowed)), replace(second, reports=tuple(crawling))], ALONE, None)
    assert (found.outcome, found.throughput) == ("measured", pytest.approx(1.0))


def test_runs_that_were_hardly_side_by_side_measure_nothing() -> None:
    found = stage_of(2, [copy(), copy(80.0)], ALONE, None)
    assert (found.outcome, found.throughput) == ("unmeasured", None)
    assert stage_of(2, [copy(), copy(70.0)], ALONE, None).outcome == "measured"


def test_each_kind_of_trial_counts_relative_to_itself_alone() -> None:
    found = stage_of(2, [copy(step_s=1.25), copy(step_s=12.5, steps=20, kind="b")], ALONE, None)
    assert found.throughput == pytest.approx(1.6)


def test_gpus_are_averaged_and_those_with_too_few_runs_left_out() -> None:
    pair = [copy(step_s=1.25), copy(step_s=1.25)]
    other = [copy(step_s=2.0, card="cuda:1"), copy(step_s=2.0, card="cuda:1")]
    assert stage_of(2, [*pair, *other], ALONE, None).throughput == pytest.approx((1.6 + 1.0) / 2)
    assert stage_of(2, [*pair, other[0]], ALONE, None).throughput == pytest.approx(1.6)


@pytest.mark.parametrize(("reason", "outcome"), [("out_of_memory", "out_of_memory"), ("crashed", "failed")])
def test_a_failure_among_them_is_the_result(reason: str, outcome: str) -> None:
    found = stage_of(2, [copy(), copy(reason=reason)], ALONE, 5)
    assert (found.outcome, found.throughput, found.memory_bytes) == (outcome, None, 5)


def test_kinds_alone_are_averaged_and_whole_trials_predicted() -> None:
    found = alone([copy(), copy(step_s=3.0), copy(kind="b", reason="crashed")], {"a": 1000.0, "b": 1000.0})
    assert found.rates == {"a": pytest.approx((1 + 1 / 3) / 2)}
    assert found.trial_seconds == pytest.approx((1000 + 3000) / 2)


def test_runs_that_were_stopped_have_a_speed_but_say_nothing_of_whole_trials() -> None:
    found = alone([copy(reason="timeout")], {"a": 1000.0})
    assert (found.rates, found.trial_seconds) == ({"a": pytest.approx(1.0)}, None)


def test_a_kind_some_of_whose_runs_have_no_steps_is_measured_by_whole_runs() -> None:
    silent = replace(copy(), reports=())
    found = alone([silent, copy(step_s=3.0)], {"a": 100.0})
    assert (found.whole, found.rates) == (("a",), {"a": pytest.approx((1 + 1 / 3) / 2)})
    assert alone([replace(silent, reason="timeout")], {"a": 100.0}).rates == {}


def test_reported_memory_adds_up_over_the_runs_of_a_gpu() -> None:
    runs = [replace(copy(), memory_bytes=number) for number in (3, 5, 4)]
    assert reported_memory(runs, 1) == 5
    assert reported_memory(runs, 2) == 9
    assert reported_memory([*runs, copy()], 2) is None
    assert reported_memory([], 1) is None
