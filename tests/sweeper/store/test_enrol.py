"""A plan in the store: whole and once, and what an edited study file leads to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from sweeper.errors import UsageError
from sweeper.planning.plan import make_plan
from sweeper.spec.load import parse_study
from sweeper.spec.metric import BEST
from sweeper.store.enrolment.differences import differences
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.optuna_mirror import create_study
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.transactions import writing
from tests.sweeper.store.builders import (
    RETRY,
    SLOT,
    Budget,
    Plan,
    PlannedPhase,
    completed,
    document,
    enrolled,
    levels,
    phase,
    study_from,
)

HELPS = {"id": "helps", "text": "It helps.", "ordering": {"phase": "screen", "order": ["rate", "depth"]}}
FIVE = {"design": {"sampler": "random", "trials": 5}}


def rows(url: str, study_id: int) -> list[tuple[str, int, str, int]]:
    with reader.connect(url) as connection:
        return [(row.phase, row.number, row.state, row.seed) for row in reader.trials(connection, study_id)]


def members(url: str, study_id: int) -> dict[str, list[tuple[str, int]]]:
    with reader.connect(url) as connection:
        names = {row.id: (row.phase, row.number) for row in reader.trials(connection, study_id)}
        return {name: [names[trial] for trial in found] for name, found in reader.members(connection, study_id).items()}


def refusal(engine: Engine, *phases: PlannedPhase, **changes: Any) -> str:
    with pytest.raises(UsageError) as error:
        enrolled(engine, *phases, **changes)
    return str(error.value)


def complete_one(engine: Engine, study_id: int) -> None:
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0)
    assert lease is not None
    queue.finish(engine, lease, completed(), retry=RETRY, now=1.0)


def test_a_study_is_written_as_planned(engine: Engine, url: str) -> None:
    screen, search = phase("screen", levels(2), seeds=(0, 1)), phase("search", [None, None], design="sampler")
    enrolment = enrolled(engine, screen, search, now=12.0)
    assert (enrolment.created, enrolment.added) == (True, 6)
    with reader.connect(url) as connection:
        study = reader.study(connection, "s")
        assert [(found.position, found.name, found.design) for found in reader.phases(connection, study.id)] == [
            (0, "screen", "list"),
            (1, "search", "sampler"),
        ]
        assert reader.counts(connection, study.id) == {
            "screen": {"waiting": 4, "running": 0, "completed": 0, "pruned": 0, "failed": 0},
            "search": {"waiting": 2, "running": 0, "completed": 0, "pruned": 0, "failed": 0},
        }
    assert (study.source, study.source_path, study.metric, study.direction) == (
        "study: s\n",
        "s.yaml",
        "loss",
        "minimize",
    )
    assert (study.budget_device_hours, study.runs_dir, study.created_at) == (1.0, "/runs", 12.0)
    assert [each["name"] for each in study.spec["phases"]] == ["screen", "search"]


def test_predictions_go_with_their_trials(engine: Engine, url: str) -> None:
    one = phase("screen", levels(2))
    enrolment = enrol(
        engine,
        Plan("s", (one,)),
        study_from(document(one)),
        runs_dir=Path("/runs"),
        now=0.0,
        predicted={("screen", 1): 60.0},
    )
    with reader.connect(url) as connection:
        trials = reader.trials(connection, enrolment.study_id)
    assert [trial.predicted_device_seconds for trial in trials] == [None, 60.0]


def test_a_shared_trial_is_one_trial_wanted_by_two_phases(engine: Engine, url: str) -> None:
    first = phase("first", levels(2))
    second = PlannedPhase("second", "list", {}, (), (("first", 1),))
    study = enrolled(engine, first, second).study_id
    assert members(url, study) == {"first": [("first", 0), ("first", 1)], "second": [("first", 1)]}


def test_the_same_study_again_changes_nothing(engine: Engine, url: str) -> None:
    screen = phase("screen", levels(2))
    first = enrolled(engine, screen)
    complete_one(engine, first.study_id)
    before = rows(url, first.study_id)
    for extend in (False, True):
        again = enrolled(engine, screen, extend=extend)
        assert (again.study_id, again.created, again.added, again.changes) == (first.study_id, False, 0, ())
    assert rows(url, first.study_id) == before


def test_a_study_that_cannot_be_written_leaves_nothing(engine: Engine, url: str) -> None:
    broken = PlannedPhase("second", "list", {}, (), (("nowhere", 0),))
    with pytest.raises(KeyError):
        enrolled(engine, phase("first", levels(3)), broken)
    with reader.connect(url) as connection:
        assert reader.studies(connection) == ()
        assert connection.rows("SELECT count(*) FROM trials", {}) == [(0,)]


def test_an_edited_file_is_refused_with_what_changed(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2)), claims=[{**HELPS, "at_least": "1%"}]).study_id
    claims = [{**HELPS, "at_least": "2%"}]
    message = refusal(engine, phase("screen", levels(3)), phase("more", [{"depth": 4}]), claims=claims)
    lines = [line.partition(": added")[0] if ": added" in line else line for line in message.splitlines()]
    assert lines == [
        "study 's' is already in the store, and s.yaml differs from it:",
        "  factors.depth",
        "  phases.more",
        '  claims.helps.at_least: "1%" → "2%"',
        "Rename the study (study: NAME), or add what is new to it: sweeper launch s.yaml --extend",
    ]
    assert len(rows(url, study)) == 2


def test_of_many_changes_the_first_ten_are_shown(engine: Engine) -> None:
    enrolled(engine, phase("screen", levels(1)), trial={"config": {str(key): 0 for key in range(30)}})
    message = refusal(engine, phase("screen", levels(1)), trial={"config": {str(key): 1 for key in range(30)}})
    assert len(message.splitlines()) == 13
    assert message.splitlines()[-2] == "  … and 20 more"


def test_what_leaves_the_trials_alone_is_taken_over(engine: Engine, url: str) -> None:
    screen = phase("screen", levels(1))
    study = enrolled(engine, screen).study_id
    changed: dict[str, Any] = {
        "budget": {"device_hours": 4.0},
        "description": "Longer.",
        "resources": {"slots": 2},
        "retry": {"crashed": 9},
        "strata": [],
        "arms": {"bare": {}},
    }
    again = enrolled(engine, screen, now=9.0, **changed)
    assert (again.created, again.added, again.study_id) == (False, 0, study)
    with reader.connect(url) as connection:
        row = reader.study(connection, "s")
        assert (row.budget_device_hours, row.spec["retry"]["crashed"]) == (4.0, 9)
        ((when, lines),) = reader.changes(connection, study)
    assert when == 9.0
    assert lines == (
        'description: "" → "Longer."',
        'resources.slots: "auto" → 2',
        "budget.device_hours: 1.0 → 4.0",
        "retry.crashed: 2 → 9",
        "strata: added ([])",
        'arms: added ({"bare": {}})',
    )


def test_extending_adds_trials_and_keeps_all_that_were_there(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    complete_one(engine, study)
    more = phase("screen", levels(3), seeds=(0, 1), spec={"seeds": [0, 1]})
    long = phase("long", levels(1), budget=Budget(99))
    enrolment = enrolled(engine, long, more, extend=True)
    assert (enrolment.created, enrolment.added, enrolment.unwanted) == (False, 5, ())
    assert rows(url, study) == [
        ("long", 0, "waiting", 0),
        ("screen", 0, "completed", 0),
        ("screen", 1, "waiting", 0),
        ("screen", 2, "waiting", 0),
        ("screen", 3, "waiting", 1),
        ("screen", 4, "waiting", 1),
        ("screen", 5, "waiting", 1),
    ]
    with reader.connect(url) as connection:
        numbers = connection.rows(
            "SELECT t.number FROM trials t JOIN studies s ON s.study_id = t.study_id"
            " WHERE s.study_name = 's/screen' ORDER BY t.trial_id",
            {},
        )
    assert [number for (number,) in numbers] == [0, 1, 2, 3, 4, 5]
    assert enrolled(engine, long, more, extend=True).added == 0


def test_trials_no_longer_wanted_stay_and_are_said(engine: Engine, url: str) -> None:
    gone = phase("gone", levels(1), budget=Budget(5))
    study = enrolled(engine, phase("screen", levels(3)), gone).study_id
    enrolment = enrolled(engine, phase("screen", levels(2)[::-1], spec={"repeats": 2}), extend=True)
    assert enrolment.added == 0
    assert enrolment.unwanted == ("screen/2", "gone/0")
    assert len(rows(url, study)) == 4
    assert members(url, study) == {"screen": [("screen", 1), ("screen", 0), ("screen", 2)], "gone": [("gone", 0)]}


def test_extending_a_search_adds_trials_to_those_drawn_already(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("search", [None, None], design="sampler")).study_id
    lease = queue.claim_trial(engine, study, SLOT, lease_s=30.0, now=0.0)
    assert lease is not None
    assert queue.set_configuration(engine, lease, {"rate": 0.3}, {"r": 0.3}, "hash", 7)
    enrolment = enrolled(
        engine,
        phase("search", [None] * 5, design="sampler", spec={"design": {"sampler": "random", "trials": 5}}),
        extend=True,
    )
    assert (enrolment.added, enrolment.unwanted) == (3, ())
    assert [number for _, number, _, _ in rows(url, study)] == [0, 1, 2, 3, 4]


def test_extending_a_cancelled_study_goes_on_with_what_is_new(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    queue.cancel(engine, study, 1.0)
    enrolled(engine, phase("screen", levels(2), spec={"repeats": 2}), extend=True)
    lease = queue.claim_trial(engine, study, SLOT, lease_s=30.0, now=2.0)
    assert lease is not None
    assert lease.number == 1


def test_an_optuna_study_of_the_same_name_is_not_touched(engine: Engine, url: str) -> None:
    with writing(engine) as connection:
        create_study(connection, "s/screen", "minimize", {"mine": True})
    message = refusal(engine, phase("screen", levels(1)))
    assert message == (
        "the store holds an Optuna study 's/screen' that sweeper did not create. "
        "Rename your study (study: NAME), or use another store (--store)"
    )
    with reader.connect(url) as connection:
        assert reader.studies(connection) == ()


@pytest.mark.parametrize(("said", "accepted"), [("", True), (", value: best", True), (", value: last", False)])
def test_a_study_keeps_the_value_that_it_was_launched_with_unless_the_file_says_otherwise(
    engine: Engine, said: str, accepted: bool
) -> None:
    text = (
        f"study: s\nmetric: {{name: loss, direction: minimize{said}}}\ntrial: {{program: {{python: 'a:b'}}}}\n"
        "factors: {a: {levels: [1, 2]}}\nphases: [{name: p, design: grid, budget: {steps: 10}}]\n"
    )
    now = parse_study(text)
    launched = replace(now, metric=replace(now.metric, value=BEST))  # by a version with another default
    enrol(engine, make_plan(launched), launched, runs_dir=Path("/runs"), now=0.0)
    if accepted:
        assert enrol(engine, make_plan(now), now, runs_dir=Path("/runs"), now=1.0).changes == ()
        return
    with pytest.raises(UsageError, match=r'metric\.value: added \("last"\)'):
        enrol(engine, make_plan(now), now, runs_dir=Path("/runs"), now=1.0)


def test_another_metric_needs_another_study(engine: Engine) -> None:
    screen = phase("screen", levels(1))
    enrolled(engine, screen)
    message = refusal(engine, screen, extend=True, metric={"name": "accuracy", "direction": "maximize"})
    assert message.splitlines()[1:] == [
        '  metric.name: "loss" → "accuracy"',
        '  metric.direction: "minimize" → "maximize"',
        "Its results are in the old metric. Rename the study (study: NAME)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, ["a: 1 → 1.0"]),
        ({"a": True}, {"a": 1}, ["a: true → 1"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["a.b: [1, 2] → [1, 3]"]),
        ({"a": 1}, {"b": 2}, ["b: added (2)", "a: removed (was 1)"]),
        ({"a": "x" * 99}, {"a": ""}, [f'a: "{"x" * 58}… → ""']),
        ({"p": [{"name": "x", "n": 1}]}, {"p": [{"name": "x", "n": 2}]}, ["p.x.n: 1 → 2"]),
        ({"p": [{"name": "x"}, {"name": "y"}]}, {"p": [{"name": "y"}, {"name": "x"}]}, ["p: order: x, y → y, x"]),
        (
            {"trial": {"environment": {"HF_TOKEN": "hf_abcdef", "MODE": "a"}}},
            {"trial": {"environment": {"HF_TOKEN": "${HF_TOKEN}", "MODE": "b"}}},
            ['trial.environment.HF_TOKEN: *** → "${HF_TOKEN}"', 'trial.environment.MODE: "a" → "b"'],
        ),
        ({"c": []}, {"c": [{"id": "k"}]}, ['c.k: added ({"id": "k"})']),
        ({"r": [{"lr": 1}]}, {"r": [{"lr": 2}]}, ['r: [{"lr": 1}] → [{"lr": 2}]']),
    ],
)
def test_differences_are_named_by_their_path(old: object, new: object, lines: list[str]) -> None:
    assert [str(change) for change in differences(old, new)] == lines
