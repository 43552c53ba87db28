"""Predictions from a pilot's short runs."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.forecast.forecast import study_footprint
from sweeper.forecast.pilot_throughput import BLIND_SPREAD, PilotRun, Pilots, PilotThroughput, Report, throughput_of
from sweeper.forecast.trial_seconds import PastRun, trial_seconds
from sweeper.planning.plan import make_plan
from sweeper.spec.study import Keep, Study
from tests.sweeper.documents import factor, phase, study

TRAINER: dict[str, Any] = {"program": "trainer", "config": {"model": {"layers": 2}}}
DEPTH = {"depth": factor([2, 4, 8], path="model.layers")}
times = st.floats(0.001, 100.0)


def run_of(made: Study, place: int, unit_s: float, **changes: Any) -> PilotRun:
    run = PilotRun(
        study="s",
        program=made.trial.program,
        config=make_plan(made).trials[place].config or {},
        host="here",
        device="cpu",
        device_share=1.0,
        threads=1,
        slots=2,
        unit="steps",
        amount=100.0,
        device_seconds=100.0 * unit_s,
        throughput=PilotThroughput(2.0, unit_s, 3.0, 0.05),
        peak_memory_bytes=1000,
        disk_bytes=50,
        measured_at=7.0,
    )
    return replace(run, **changes)


def pilots(made: Study, *runs: PilotRun) -> Pilots:
    return Pilots(made.trial.program, runs)


@given(start=times, unit=times, evaluation=times)
def test_the_parts_of_a_run_s_time_are_recovered(start: float, unit: float, evaluation: float) -> None:
    reports, clock = [], start
    for line in range(1, 21):
        clock += 5 * unit + (evaluation if line in (10, 20) else 0.0)
        reports.append(Report(5.0 * line, clock, line in (10, 20)))
    found = throughput_of(reports, clock, 100.0)
    assert (found.unit, found.evaluation, found.start) == pytest.approx((unit, evaluation, start), rel=1e-6, abs=1e-6)


def test_a_slow_start_does_not_count_as_steps() -> None:
    found = throughput_of([Report(10, 61.0), Report(20, 62.0), Report(30, 63.0)], 63.0, 30.0)
    assert (found.unit, found.start) == pytest.approx((0.1, 60.0))


def test_a_program_that_reports_once_is_measured_as_a_whole_with_a_wide_interval() -> None:
    assert throughput_of([Report(100, 50.0)], 50.0, 100.0) == PilotThroughput(0.0, 0.5, 0.0, BLIND_SPREAD)


def test_a_pilot_predicts_its_class_at_other_lengths_with_a_narrow_interval() -> None:
    made = study({"a": factor([0, 1])}, phase("p", "grid", budget={"steps": 5000}))
    found = trial_seconds(make_plan(made), made, pilots=pilots(made, run_of(made, 0, 0.1), run_of(made, 1, 0.2)))
    assert [each.seconds for each in found.values()] == pytest.approx([502.0, 1002.0])
    assert {each.basis for each in found.values()} == {"pilot"}
    assert all(0.8 < each.low / each.seconds < 1 < each.high / each.seconds < 1.2 for each in found.values())


def test_evaluations_of_the_trainer_count_as_often_as_a_run_has_them() -> None:
    made = study(DEPTH, phase("p", "grid", budget={"steps": 1000}), **TRAINER)
    found = trial_seconds(make_plan(made), made, pilots=pilots(made, run_of(made, 0, 0.1)))
    assert found["p", 0].seconds == pytest.approx(2.0 + 1000 * 0.1 + 20 * 3.0)


def test_a_class_that_was_not_run_lies_between_those_that_were_with_a_wider_interval() -> None:
    made = study(DEPTH, phase("p", "grid", budget={"steps": 1000}), **TRAINER)
    known = pilots(made, run_of(made, 0, 0.1), run_of(made, 2, 0.4))
    shallow, middle, deep = trial_seconds(make_plan(made), made, pilots=known).values()
    assert shallow.seconds < middle.seconds < deep.seconds
    assert middle.high / middle.seconds > deep.high / deep.seconds


def test_a_pilot_of_a_configuration_that_is_refused_by_now_says_nothing() -> None:
    made = study(DEPTH, phase("p", "grid", budget={"steps": 1000}), **TRAINER)
    run = run_of(made, 0, 0.1)
    data = run.config["data"]
    assert isinstance(data, dict)
    refused = replace(run, config={**run.config, "data": {**data, "folder": "texts"}})
    assert {each.basis for each in trial_seconds(make_plan(made), made, pilots=pilots(made, refused)).values()} == {
        "operations"
    }


def test_an_evaluation_of_a_class_that_was_not_run_takes_as_long_as_it_reads() -> None:
    looks = {"tokens": factor([4000, 1000], path="evaluation.tokens")}
    made = study(looks, phase("p", "grid", budget={"steps": 1000}), **TRAINER)
    found = trial_seconds(make_plan(made), made, pilots=pilots(made, run_of(made, 0, 0.1)))
    assert found["p", 0].seconds == pytest.approx(2.0 + 1000 * 0.1 + 20 * 3.0)
    assert found["p", 1].seconds == pytest.approx(2.0 + 1000 * 0.1 + 20 * 3.0 / 4)


def test_an_unknown_configuration_of_another_program_is_as_the_nearest() -> None:
    made = study({"a": factor([0, 1]), "b": factor([0, 1])}, phase("p", "grid"))
    known = pilots(made, *(run_of(made, place, unit) for place, unit in ((0, 0.1), (1, 0.2), (2, 0.3))))
    found = trial_seconds(make_plan(made), made, pilots=known)
    assert found["p", 3].seconds == pytest.approx(2.0 + 100 * 0.25)  # both neighbours share one value with it
    assert found["p", 3].high / found["p", 3].seconds > found["p", 0].high / found["p", 0].seconds


def test_how_far_runs_of_a_class_are_apart_widens_its_interval() -> None:
    made = study({"a": factor([0, 1])}, phase("p", "grid"))
    near = trial_seconds(make_plan(made), made, pilots=pilots(made, run_of(made, 0, 0.2), run_of(made, 0, 0.2)))
    far = trial_seconds(make_plan(made), made, pilots=pilots(made, run_of(made, 0, 0.1), run_of(made, 0, 0.3)))
    assert near["p", 0].seconds == pytest.approx(far["p", 0].seconds)
    assert far["p", 0].high > near["p", 0].high


def test_a_newer_pilot_replaces_an_older_one() -> None:
    made = study({"a": factor([0])}, phase("p", "grid"))
    known = pilots(made, run_of(made, 0, 0.1), run_of(made, 0, 0.5, measured_at=9.0))
    assert trial_seconds(make_plan(made), made, pilots=known)["p", 0].seconds == pytest.approx(52.0)


def test_completed_trials_of_the_study_know_better_than_its_pilot() -> None:
    made = study({"a": factor([0, 1])}, phase("p", "grid"))
    trial = make_plan(made).trials[0]
    done = PastRun(
        "s", made.trial.program, trial.config or {}, trial.configuration_hash, {"steps": 100}, 100, True, "cpu", 80.0
    )
    found = trial_seconds(
        make_plan(made), made, [done], pilots=pilots(made, run_of(made, 0, 0.1), run_of(made, 1, 0.1))
    )
    assert [found["p", place].basis for place in (0, 1)] == ["history", "pilot"]
    assert found["p", 0].seconds == pytest.approx(80.0)


def test_a_pilot_in_another_unit_says_nothing() -> None:
    made = study({"a": factor([0])}, phase("p", "grid", budget={"epochs": 3}))
    assert trial_seconds(make_plan(made), made, pilots=pilots(made, run_of(made, 0, 0.1))) == {}


@pytest.mark.parametrize(("rule", "disk"), [("all", 400), ("last", 400), ("best", 300), ("none", 200)])
def test_disk_space_is_that_of_checkpoints_that_are_there_at_once(rule: Any, disk: float) -> None:
    made = replace(study({"a": factor([0, 1])}, phase("p", "grid", seeds=[0, 1])), keep=Keep(checkpoints=rule))
    known = pilots(made, *(run_of(made, number, 0.1, peak_memory_bytes=1, disk_bytes=100) for number in (0, 1)))
    found = study_footprint(make_plan(made), made, known, slots=1)
    assert found is not None
    assert found.disk == disk


def test_memory_is_the_largest_and_disk_the_sum_of_what_was_measured() -> None:
    made = study({"a": factor([0, 1])}, phase("p", "grid", seeds=[0, 1]))
    known = pilots(made, run_of(made, 0, 0.1), run_of(made, 1, 0.1, peak_memory_bytes=3000, disk_bytes=10))
    found = study_footprint(make_plan(made), made, known, slots=1)
    assert found is not None
    assert (found.memory, found.disk, found.measured) == (3000, 120, True)
    assert study_footprint(make_plan(made), made, pilots(made), slots=1) is None
