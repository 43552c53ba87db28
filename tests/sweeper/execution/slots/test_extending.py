"""What `launch --extend` changes while a slot runs: the slot takes it up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from sweeper.execution.slots import slot as slot_module
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import finishing, queue
from sweeper.store.queue.runners import Orders
from sweeper.store.schema import studies
from sweeper.store.transactions import reading
from tests.sweeper.execution.slots.studies import RETRY, enrolled, plan_of, run_loop, study_of, trials_of
from tests.sweeper.store.builders import Plan

pytestmark = pytest.mark.usefixtures("no_process_left")

SLOW = {"step_s": 0.05, "value": 0.5}


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "BACK_OFF_S", 0.0)
    monkeypatch.setattr(slot_module, "ASK_EVERY_S", 0.05)


def meanwhile(monkeypatch: pytest.MonkeyPatch, url: str, change: Callable[[], object]) -> None:
    """Change something when a slot first asks for its orders while a trial of its runs."""
    real, changed = queue.orders, []

    def ask(engine: Engine, runner_id: int) -> Orders:
        if not changed and any(trial.state == "running" for trial in trials_of(url)):
            changed.append(True)
            change()
        return real(engine, runner_id)

    monkeypatch.setattr(queue, "orders", ask)


def extend(engine: Engine, plan: Plan, **changes: Any) -> None:
    with reading(engine) as connection:
        runs_dir = connection.execute(studies.select()).one().runs_dir
    enrol(engine, plan, study_of(plan, **changes), runs_dir=Path(runs_dir), now=1.0, extend=True)


def test_a_running_slot_runs_the_trials_of_a_new_phase(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = enrolled(url, [SLOW], steps=20)
    first, second = plan_of([SLOW], steps=20), plan_of([{"value": 0.25}, {"value": 0.75}], phase="more")
    meanwhile(monkeypatch, url, lambda: extend(engine, Plan("s", first.phases + second.phases)))
    assert run_loop(url, study) == "done"
    assert [(trial.phase, trial.state) for trial in trials_of(url)] == [
        ("screen", "completed"),
        ("more", "completed"),
        ("more", "completed"),
    ]


def test_a_running_slot_takes_up_a_raised_cap(url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    # It runs for longer than the first cap, which is raised as soon as it runs.
    study = enrolled(url, [SLOW], steps=90, budget={"device_hours": 4.0 / 3600})
    plan = plan_of([SLOW], steps=90)
    meanwhile(monkeypatch, url, lambda: extend(engine, plan, budget={"device_hours": 10.0}))
    assert run_loop(url, study) == "done"
    assert [trial.state for trial in trials_of(url)] == ["completed"]


def test_a_running_slot_takes_up_changed_rules(url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = [SLOW, {"fail_attempts": 1}]
    study = enrolled(url, configs, steps=20, retry={**RETRY, "crashed": 0})
    plan = plan_of(configs, steps=20)
    meanwhile(monkeypatch, url, lambda: extend(engine, plan, retry={**RETRY, "crashed": 2}))
    assert run_loop(url, study) == "done"
    assert [trial.state for trial in trials_of(url)] == ["completed", "completed"]
