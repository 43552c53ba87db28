"""The forecast of a plan, as text and as JSON."""

import io
from typing import Any

import pytest
from rich.console import Console

from sweeper.cli.plan_text import forecast_parts
from sweeper.forecast.forecast import Forecast, forecast, forecast_json, slot_seconds
from sweeper.forecast.trial_seconds import Prediction, trial_seconds
from sweeper.planning.plan import make_plan
from tests.sweeper.designs.factors import two_level
from tests.sweeper.documents import factor, phase, study

HOUR = Prediction(3600.0, 1800.0, 7200.0, "history")


def made(*phases: dict[str, Any], known: bool = True, **changes: Any) -> Forecast:
    factors = changes.pop("factors", {"a": factor([0, 1])})
    planned = study(factors, *phases, **changes)
    plan = make_plan(planned)
    predicted = {(trial.phase, trial.number): HOUR for trial in plan.trials} if known else {}
    return forecast(plan, planned, predicted, slots=2, slots_note="resources.slots")


def text(found: Forecast, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, soft_wrap=True, highlight=False)
    for part in forecast_parts(found, width=width):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_shared_trials_count_once_and_the_total_is_the_sum() -> None:
    found = forecast_json(made(phase("one", "grid"), phase("two", "one_at_a_time", seeds=[0, 1])))
    assert [(each["name"], each["design"], each["trials"], each["device_hours"]) for each in found["phases"]] == [
        ("one", "grid", 2, 2.0),
        ("two", "one_at_a_time", 2, 2.0),
    ]
    assert (found["study"], found["trials"], found["device_hours"]) == ("s", 4, 4.0)
    assert list(found)[:4] == ["study", "trials", "device_hours", "phases"]
    assert (found["device_hours_known"], found["low"], found["high"]) == (True, 2.0, 8.0)
    assert found["finish_seconds"] == 2 * 3600


def test_an_unknown_run_time_is_reported_and_counts_as_zero() -> None:
    found = made(phase("one", "grid"), known=False)
    json = forecast_json(found)
    assert (json["device_hours"], json["device_hours_known"], json["low"], json["finish_seconds"]) == (
        0.0,
        False,
        None,
        None,
    )
    assert json["phases"][0]["device_hours_known"] is False
    assert "unknown" in text(found)
    assert "The program's run time is unknown, as no trial has completed" in text(found)


def test_a_phase_without_own_trials_costs_nothing() -> None:
    found = forecast_json(made(phase("one", "grid"), phase("two", "grid")))
    assert (found["phases"][1]["trials"], found["phases"][1]["device_hours"]) == (0, 0.0)
    assert found["phases"][1]["device_hours_known"] is True


@pytest.mark.parametrize(
    ("cap", "words"), [(0.5, "too little; `sweeper launch` refuses"), (3.0, "may be too little"), (9.0, "is enough")]
)
def test_the_budget_is_compared_with_the_interval(cap: float, words: str) -> None:
    assert words in text(made(phase("one", "grid"), budget={"device_hours": cap}))


def test_the_aliases_of_a_fraction_are_shown() -> None:
    found = made(phase("frac", {"fractional": {"resolution": 4}}), factors=two_level(4))
    shown = text(found)
    assert "frac: 8 configurations, resolution 4." in shown
    assert "f0 x f1 = f2 x f3" in shown
    assert forecast_json(found)["phases"][0]["aliasing"]["defining_relation"] == ["f0 x f1 x f2 x f3"]


def test_claims_are_shown_with_their_pairs() -> None:
    claims = [
        {"id": "yes", "contrast": {"phase": "p", "factor": "a", "from": 0, "to": 1, "where": {}}},
        {"id": "no", "contrast": {"phase": "p", "factor": "a", "from": 0, "to": 5, "where": {}}},
    ]
    shown = text(made(phase("p", "grid", seeds=[0, 1]), claims=claims))
    assert "1 of 2 claims can be tested:" in shown
    assert "yes  yes: on 2 pairs" in shown
    assert "NO   no: no trials: a from 0 to 5 in phase p" in shown


def test_names_with_markup_are_printed_literally() -> None:
    assert "[red]p[/red]" in text(made(phase("[red]p[/red]", "grid")))


def test_narrow_terminals_get_fewer_columns() -> None:
    found = made(phase("p", "grid"))
    assert "configurations" in text(found, 100).splitlines()[0]
    assert "configurations" not in text(found, 80).splitlines()[0]
    left_out = "A terminal of 100 columns also shows configurations, seeds and shared trials."
    assert left_out in text(found, 80)
    assert left_out not in text(found, 100)


def test_the_trainers_memory_and_disk_are_estimated_for_its_largest_trial_and_all() -> None:
    factors = {"width": factor([32, 512], path="model.d_model")}
    large = study(factors, phase("p", "grid", seeds=[0, 1]), program="trainer")
    plan = make_plan(large)
    found = forecast(plan, large, trial_seconds(plan, large), slots=1)
    small = study(factors, phase("p", {"list": [{}]}), program="trainer")
    less = forecast(make_plan(small), small, {}, slots=1)
    assert found.footprint is not None
    assert less.footprint is not None
    assert found.footprint.memory > less.footprint.memory
    assert found.footprint.disk > 4 * less.footprint.disk


def test_a_trial_on_a_share_of_a_gpu_occupies_its_slot_longer() -> None:
    shared = study({}, resources={"gpus_per_trial": 0.5})
    assert slot_seconds(shared, {("p", 0): HOUR}, "cuda") == {("p", 0): 7200.0}
    assert slot_seconds(shared, {("p", 0): HOUR}, "cpu") == {("p", 0): 3600.0}
