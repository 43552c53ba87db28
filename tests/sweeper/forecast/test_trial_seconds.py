"""Predictions of the device-seconds of planned trials."""

from dataclasses import replace
from typing import Any

import pytest

from sweeper.forecast.trial_seconds import PastRun, Prediction, TrialDevice, expected_seconds, total, trial_seconds
from sweeper.planning.plan import make_plan
from sweeper.spec.study import Study
from tests.sweeper.documents import COMMAND, factor, phase, study

TRAINER: dict[str, Any] = {"program": "trainer", "config": {"model": {"layers": 2}}}
DEPTH = {"depth": factor([2, 8], path="model.layers")}


def predictions(
    made: Study, history: list[PastRun] | None = None, device: TrialDevice = "cpu"
) -> dict[tuple[str, int], Prediction]:
    return trial_seconds(make_plan(made), made, history or [], device=device)


def past(made: Study, seconds: float, place: int = 0, **changes: Any) -> PastRun:
    trial = make_plan(made).trials[place]
    run = PastRun(
        study="earlier",
        program=made.trial.program,
        config=trial.config or {},
        configuration_hash=trial.configuration_hash,
        budget=trial.budget.as_dict(),
        step=None,
        completed=True,
        device="cpu",
        device_seconds=seconds,
    )
    return replace(run, **changes)


def test_a_program_that_has_never_run_has_no_prediction() -> None:
    assert predictions(study({"a": factor([0, 1])}, phase("p", "grid"))) == {}


def test_runs_of_another_program_are_measured_by_their_budget() -> None:
    made = study({"a": factor([0, 1])}, phase("p", "grid"), phase("long", "grid", budget={"steps": 1000}))
    found = expected_seconds(predictions(made, [past(made, 10.0), past(made, 12.0, 1)]))
    assert found["p", 0] == pytest.approx(10.0, rel=0.05)
    assert found["p", 1] == pytest.approx(12.0, rel=0.05)
    assert found["long", 0] == pytest.approx(100.0, rel=0.1)


def test_runs_of_another_program_device_or_unit_are_ignored() -> None:
    made = study({"a": factor([0, 1])}, phase("p", "grid"))
    other = {**COMMAND, "command": ["python", "other.py"]}
    history = [past(made, 10.0, program=other), past(made, 10.0, device="cuda")]
    assert predictions(made, history) == {}
    assert predictions(made, [past(made, 10.0, budget={"epochs": 2})]) == {}


def test_the_trainer_is_predicted_by_its_operations_with_a_wide_interval() -> None:
    found = predictions(study(DEPTH, phase("p", "grid"), **TRAINER))
    shallow, deep = found["p", 0], found["p", 1]
    assert shallow.basis == "operations"
    assert shallow.low < shallow.seconds < shallow.high
    assert shallow.high / shallow.low > 5
    assert deep.seconds > 1.5 * shallow.seconds


def test_a_gpu_is_assumed_faster_but_not_below_the_launch_of_its_kernels() -> None:
    made = study(DEPTH, phase("p", "grid", budget={"steps": 1000}), **TRAINER)
    cpu, gpu = predictions(made)["p", 0], predictions(made, device="cuda")["p", 0]
    assert gpu.seconds < cpu.seconds
    assert gpu.seconds > 1000 * 3e-3


def test_runs_whose_configuration_is_refused_by_now_say_nothing() -> None:
    """An earlier version may have accepted an option that has no effect."""
    made = study(DEPTH, phase("p", "grid"), **TRAINER)
    config = make_plan(made).trials[0].config or {}
    data = config["data"]
    assert isinstance(data, dict)
    refused = past(made, 50.0, config={**config, "data": {**data, "random_noise_rate": True}})
    assert {each.basis for each in predictions(made, [refused]).values()} == {"operations"}
    assert predictions(made, [refused, past(made, 170.0, 1)])["p", 1].seconds == pytest.approx(170.0, rel=0.05)


def test_history_on_the_same_device_is_preferred_to_assumptions() -> None:
    made = study(DEPTH, phase("p", "grid"), **TRAINER)
    found = predictions(made, [past(made, 50.0), past(made, 170.0, 1)])
    assert {prediction.basis for prediction in found.values()} == {"history"}
    assert found["p", 0].seconds == pytest.approx(50.0, rel=0.05)
    assert found["p", 1].seconds == pytest.approx(170.0, rel=0.05)


def test_a_pruned_run_counts_by_how_far_it_came() -> None:
    made = study(DEPTH, phase("p", "grid"), **TRAINER)
    found = predictions(made, [past(made, 5.0, completed=False, step=10)])
    assert found["p", 0].seconds == pytest.approx(50.0, rel=0.05)


def test_reference_hours_are_used_until_the_study_has_runs_of_its_own() -> None:
    hours = phase("p", "grid", budget={"reference_hours": 0.5})
    made = study(DEPTH, hours, calibration={"steps_per_hour": 1000.0}, **TRAINER)
    assert [each.seconds for each in predictions(made).values()] == [1800.0, 1800.0]
    foreign = study({"depth": factor([3], path="model.layers")}, phase("q", "grid"), **TRAINER)
    assert predictions(made, [past(foreign, 9.0)])["p", 0].basis == "reference_hours"
    assert predictions(made, [past(made, 900.0)])["p", 0].seconds == pytest.approx(900.0)
    assert predictions(made, [past(foreign, 9.0, study="s")])["p", 0].basis == "history"


def test_a_sampler_s_trial_costs_between_the_cheapest_and_the_most_expensive() -> None:
    search = phase("search", {"sampler": "tpe", "trials": 3})
    grid = phase("grid", "grid")
    found = predictions(study(DEPTH, grid, search, phase("long", {"promote": "search", "top": 1}), **TRAINER))
    shallow, deep = found["grid", 0], found["grid", 1]
    for place in (("search", 0), ("long", 0)):
        assert shallow.seconds < found[place].seconds < deep.seconds
        assert (found[place].low, found[place].high) == (shallow.low, deep.high)


def test_a_promotion_of_known_configurations_is_predicted_from_them() -> None:
    long = phase("long", {"promote": "grid", "top": 1}, budget={"steps": 1000})
    found = predictions(study(DEPTH, phase("grid", "grid"), long, **TRAINER))
    assert found["long", 0].seconds > 3 * found["grid", 0].seconds


def test_a_pruner_may_end_trials_early() -> None:
    made = study(DEPTH, phase("p", "grid"), phase("q", "grid", seeds=[1], pruner="asha"), **TRAINER)
    found = predictions(made)
    assert found["q", 0].high == found["p", 0].high
    assert found["q", 0].low < found["p", 0].low


def test_a_sum_adds_seconds_and_both_ends() -> None:
    both = total([Prediction(1.0, 0.5, 2.0, "history"), Prediction(3.0, 2.5, 4.0, "history")])
    assert both == Prediction(4.0, 3.0, 6.0, "history")
    assert total([]) is None


def test_tokens_and_epochs_are_steps_for_the_trainer() -> None:
    by_steps = study(DEPTH, phase("p", "grid", budget={"steps": 100}), **TRAINER)
    by_tokens = study(DEPTH, phase("p", "grid", budget={"tokens": 100 * 16 * 32}), **TRAINER)
    one, two = predictions(by_steps), predictions(by_tokens)
    assert one["p", 0].seconds == pytest.approx(two["p", 0].seconds)
