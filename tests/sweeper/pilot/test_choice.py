"""The runs that a pilot chooses."""

from typing import Any

from sweeper.pilot.choice import MOST_CLASSES, PilotTrial, pilot_trials
from sweeper.planning.plan import make_plan
from sweeper.spec.study import Study
from tests.sweeper.documents import factor, phase, study

TRAINER: dict[str, Any] = {"program": "trainer", "config": {"model": {"layers": 2}}}


def chosen(made: Study, slots: int = 1, amount: int | None = None) -> tuple[PilotTrial, ...]:
    return pilot_trials(make_plan(made), made, slots=slots, amount=amount)


def test_how_the_trainer_regularizes_makes_no_class_and_its_size_does() -> None:
    factors = {
        "depth": factor([2, 8], path="model.layers"),
        "dropout": factor([0.0, 0.1, 0.2], path="regularization.dropout"),
        "rate": factor([0.1, 0.2], path="optimizer.learning_rate"),
    }
    found = chosen(study(factors, phase("p", "grid"), **TRAINER))
    assert sorted(trial.configuration["depth"] for trial in found) == [2, 2, 8, 8]  # each twice: they are few
    assert {trial.config["evaluation"]["times"] for trial in found} == {2}


def test_runs_fill_the_slots() -> None:
    assert len(chosen(study({"a": factor([0, 1, 2])}, phase("p", "grid")), slots=8)) == 9


def test_pilots_are_no_longer_than_the_trials() -> None:
    made = study({"a": factor([0])}, phase("short", "grid", budget={"steps": 30}))
    assert {trial.amount for trial in chosen(made)} == {30.0}
    assert {trial.amount for trial in chosen(made, amount=7)} == {7.0}
    assert {trial.amount for trial in chosen(made, amount=70)} == {30.0}


def test_long_budgets_get_longer_pilots_and_epochs_one() -> None:
    long = study({"a": factor([0])}, phase("p", "grid", budget={"steps": 50_000}))
    assert {trial.amount for trial in chosen(long)} == {1000.0}
    epochs = study({"a": factor([0])}, phase("p", "grid", budget={"epochs": 40}))
    assert {(trial.unit, trial.amount) for trial in chosen(epochs)} == {("epochs", 1.0)}


def test_of_many_configurations_of_another_program_every_level_is_seen() -> None:
    factors = {name: factor(list(range(4))) for name in "abc"}
    found = chosen(study(factors, phase("p", "grid")))
    assert len(found) <= MOST_CLASSES
    for name in "abc":
        assert {trial.configuration[name] for trial in found} == {0, 1, 2, 3}


def test_of_many_classes_of_the_trainer_the_smallest_and_the_largest_are_run() -> None:
    factors = {"depth": factor(list(range(1, 31)), path="model.layers")}
    found = [trial.configuration["depth"] for trial in chosen(study(factors, phase("p", "grid"), **TRAINER))]
    assert len(found) == MOST_CLASSES
    assert (min(found), max(found)) == (1, 30)


def test_a_study_with_claims_also_runs_one_configuration_with_other_seeds() -> None:
    factors = {"a": factor([0, 1])}
    statement = {"phase": "p", "factor": "a", "from": 0, "to": 1, "where": {}}
    without = study(factors, phase("p", "grid", seeds=[4, 5, 6]))
    found = chosen(study(factors, phase("p", "grid", seeds=[4, 5, 6]), claims=[{"id": "c", "contrast": statement}]))
    assert found[: len(chosen(without))] == chosen(without)
    assert [(trial.configuration["a"], trial.seed) for trial in found[len(chosen(without)) :]] == [(0, 5), (0, 6)]
    assert {trial.amount for trial in found} == {found[0].amount}


def test_configurations_of_a_sampler_are_drawn_within_its_ranges() -> None:
    factors = {"lr": factor(low=0.001, high=0.1, log=True)}
    found = chosen(study(factors, phase("search", {"sampler": "random", "trials": 5})))
    assert 1 < len(found) <= MOST_CLASSES
    assert all(0.001 <= trial.configuration["lr"] <= 0.1 for trial in found)
