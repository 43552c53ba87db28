"""Workers: more slots for whatever a store has left to do."""

import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from sweeper.cli.main import cli
from sweeper.errors import StoreError, UsageError
from sweeper.execution.worker import Worked, work
from sweeper.store.engine import open_store
from sweeper.store.queue import queue
from sweeper.store.records import SlotIdentity
from tests.sweeper.execution.slots.conftest import no_process_left
from tests.sweeper.execution.slots.studies import enrolled, trials_of

__all__ = ["no_process_left"]
pytestmark = pytest.mark.usefixtures("no_process_left")


def run(url: str, **changes: Any) -> Worked:
    options: dict[str, Any] = {"study": None, "num_slots": 1, "on_study": lambda *_: None, "on_tick": lambda _: None}
    return work(url, **(options | changes))


def test_a_worker_goes_through_all_studies_of_the_store(url: str) -> None:
    ids = [enrolled(url, [{"value": 0.5}] * 2, name=name) for name in ("first", "second")]
    joined: list[str] = []
    worked = run(url, on_study=lambda name, _: joined.append(name))
    assert (worked.exit_code, worked.studies) == (0, ("first", "second"))
    assert joined == ["first", "second"]
    assert [trial.state for study in ids for trial in trials_of(url, study)] == ["completed"] * 4


def test_a_worker_for_one_study_leaves_the_others_alone(url: str) -> None:
    first, second = [enrolled(url, [{"value": 0.5}], name=name) for name in ("first", "second")]
    assert run(url, study="second").studies == ("second",)
    assert trials_of(url, first)[0].state == "waiting"
    assert trials_of(url, second)[0].state == "completed"


def test_trials_that_failed_for_good_and_budgets_show_in_the_exit_code(url: str) -> None:
    enrolled(url, [{"crash_at": 1}], name="failing", retry={"crashed": 0})
    assert run(url).exit_code == 1
    enrolled(url, [{"step_s": 5.0}], name="poor", budget={"device_hours": 0.2 / 3600})
    assert run(url).exit_code == 3


def test_a_cancelled_study_is_left_alone(url: str, engine: Engine) -> None:
    study = enrolled(url, [{"value": 0.5}])
    queue.cancel(engine, study, time.time())
    assert run(url) == Worked(exit_code=0, studies=())


def test_a_study_that_is_not_there_is_named(url: str) -> None:
    enrolled(url, [{}], name="first")
    with pytest.raises(UsageError, match=r"no study 'fist' in the store.*Did you mean 'first'"):
        run(url, study="fist")


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at"):
        run(f"sqlite:///{tmp_path / 'absent.db'}")
    assert not (tmp_path / "absent.db").exists()


def test_a_study_that_this_machine_cannot_run_is_left_out_and_the_others_run(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    enrolled(url, [{"value": 0.5}], name="first", trial={"environment": {"OWN": "${NOT_SET_HERE}"}})
    enrolled(url, [{"value": 0.5}], name="second", resources={"device": "cuda", "gpus_per_trial": 64})
    enrolled(url, [{"value": 0.5}], name="third")
    told: dict[str, str] = {}
    worked = run(url, on_left_out=told.__setitem__)
    assert (worked.exit_code, worked.studies, worked.left_out) == (2, ("third",), ("first", "second"))
    assert list(told) == ["first", "second"]
    assert "NOT_SET_HERE" in told["first"]
    with pytest.raises(UsageError, match="NOT_SET_HERE"):
        run(url, study="first")


def test_the_command_says_what_it_joined_and_when_nothing_is_left(url: str) -> None:
    enrolled(url, [{"value": 0.5}], name="first")
    done = CliRunner().invoke(cli, ["worker", "--store", url, "--slots", "1"])
    assert (done.exit_code, done.stderr.splitlines()[0]) == (0, "first: joined with 1 slot on cpu")
    again = CliRunner().invoke(cli, ["worker", "--store", url])
    assert (again.exit_code, again.stdout) == (0, "No trials left to run in the store.\n")


def test_a_worker_takes_over_what_another_machine_left(url: str) -> None:
    study = enrolled(url, [{"value": 0.5}])
    engine = open_store(url, create=False)
    elsewhere = SlotIdentity(
        host="another machine",
        machine="another machine",
        slot="cuda-0",
        device="cuda:0",
        device_share=1.0,
        supervisor_pid=1,
        supervisor_started_at=1.0,
    )
    assert queue.claim_trial(engine, study, elsewhere, lease_s=0.5, now=time.time()) is not None
    engine.dispose()
    assert run(url).exit_code == 0
    assert (trials_of(url)[0].state, trials_of(url)[0].attempts) == ("completed", 2)
