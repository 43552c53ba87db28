"""Studies on somebody's scheduler: what is checked before, how slots run, stop and fail there."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from sweeper.errors import UsageError
from sweeper.execution.cluster import checks, on_worker
from sweeper.execution.cluster.checks import check_workers
from sweeper.execution.cluster.connect import dask_pool
from sweeper.execution.cluster.on_worker import slot_on_worker
from sweeper.execution.cluster.options import ClusterOptions
from sweeper.execution.cluster.slot_process import end_from, task_from
from sweeper.execution.cluster.worker_slots import Needs
from sweeper.execution.slots.machine import this_machine
from sweeper.execution.slots.slot import SlotEnd, SlotTask
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from tests.sweeper.execution.cluster.conftest import launched_on
from tests.sweeper.execution.slots.studies import (
    attempts_of,
    check_each_completed_once,
    enrolled,
    plan_of,
    run_loop,
    study_of,
    task_for,
    trials_of,
)

STUDY = study_of(plan_of([{"value": 0.5}]))
SLOW = {"checkpoint": 1, "step_s": 0.05, "value": 0.5}


def needs_of(run: str, machine: str | None = None) -> Needs:
    return Needs(run=run, device="cpu", gpus_per_trial=1.0, threads_per_trial=1, sqlite_machine=machine)


@pytest.mark.usefixtures("no_process_left")
def test_the_workers_of_a_scheduler_run_a_study(scheduler: str, url: str) -> None:
    ended, pool = launched_on(
        ClusterOptions(address=scheduler),
        url,
        [{"value": 0.5}] * 4,
        resources={"device": "cpu", "slots": "auto"},
    )
    assert (ended.exit_code, ended.completed, ended.failed, ended.left) == (0, 4, 0, 0)
    check_each_completed_once(url, 4, 3)
    assert pool.where == f"Dask {scheduler}, 1 worker on 1 machine"
    assert [slot.name for slot in pool.slots] == ["cpu-0", "cpu-1"]
    with reader.connect(url) as connection:
        rows = connection.rows("SELECT DISTINCT supervisor_pid, host, slot FROM sweeper_attempts", {})
    assert {host for _, host, _ in rows} == {socket.gethostname()}
    assert os.getpid() not in {pid for pid, _, _ in rows}


@pytest.mark.usefixtures("no_process_left")
def test_the_budget_stops_slots_on_a_cluster_too(scheduler: str, url: str) -> None:
    options = ClusterOptions(address=scheduler)
    slow = [{**SLOW, "step_s": 0.2}]
    ended, _ = launched_on(options, url, slow, steps=100, slots=1, budget={"device_hours": 1.0 / 3600})
    assert (ended.exit_code, ended.left) == (3, 1)
    assert {attempt.exit_reason for attempt in attempts_of(url)} == {"budget_exhausted"}


def test_a_scheduler_that_does_not_answer_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.execution.cluster.connect.CONNECT_S", 0.2)
    pool = dask_pool(ClusterOptions(address="tcp://127.0.0.1:1"), STUDY, store=url, num_slots=None)
    with pytest.raises(UsageError, match=r"--dask-address tcp://127\.0\.0\.1:1: no Dask scheduler responds"), pool:
        pass


def test_a_scheduler_file_that_is_not_there_is_told(url: str, tmp_path: Path) -> None:
    pool = dask_pool(ClusterOptions(scheduler_file=tmp_path / "x.json"), STUDY, store=url, num_slots=None)
    with pytest.raises(UsageError, match=r"x\.json: no such file"), pool:
        pass


def test_a_scheduler_file_leads_to_its_scheduler(scheduler: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"address": scheduler, "id": "x", "type": "Scheduler"}))
    with dask_pool(ClusterOptions(scheduler_file=tmp_path / "x.json"), STUDY, store=url, num_slots=1) as pool:
        assert len(pool.slots) == 1


class Workers:
    """A client whose workers answer as a test wants; by the name of the function that they are asked to run."""

    def __init__(self, **answers: Any) -> None:
        here: dict[str, Any] = {
            "gethostname": "node1",
            "version": checks._own_version(),
            "python_version": ".".join(map(str, sys.version_info[:3])),
            "isdir": True,
            "this_machine": this_machine(),
        }
        self._answers = here | answers

    def run(self, function: Any, *arguments: Any, on_error: str) -> dict[str, Any]:
        answer = self._answers[function.__name__]
        return {} if answer is None else {"tcp://node1:1": answer}


def refusal_of(store: str = "sqlite:///s.db", **answers: Any) -> str:
    with pytest.raises(UsageError) as refusal:
        check_workers(Workers(**answers), "--dask-address tcp://a:1", store)
    return str(refusal.value)


def test_workers_like_this_process_are_fit() -> None:
    check_workers(Workers(), "here", "sqlite:///s.db")
    check_workers(Workers(this_machine="node1/boot/1"), "here", "postgresql://a@b/c")


def test_a_scheduler_without_workers_is_refused() -> None:
    assert refusal_of(gethostname=None).startswith("--dask-address tcp://a:1: the scheduler has no workers. Start some")


def test_another_version_of_sweeper_is_refused_and_so_is_none() -> None:
    assert f"sweeper is 0.0.9 on node1, but {checks._own_version()} here" in refusal_of(version="0.0.9")
    assert "sweeper is none on node1" in refusal_of(version=ImportError())


def test_another_python_is_refused_but_for_its_last_number() -> None:
    assert "Python is 2.7.18 on node1" in refusal_of(python_version="2.7.18")
    check_workers(Workers(python_version=f"{sys.version_info[0]}.{sys.version_info[1]}.99"), "here", "sqlite:///s.db")


def test_a_folder_that_workers_do_not_have_is_refused() -> None:
    assert f"the directory {Path.cwd()} does not exist on node1" in refusal_of(isdir=False)


def test_a_file_as_the_store_is_refused_for_workers_elsewhere() -> None:
    refusal = refusal_of(this_machine="node1/boot/1")
    assert refusal == (
        f"store sqlite:///s.db is a file on this machine ({socket.gethostname()}), but --dask-address tcp://a:1 runs "
        "slots on node1. Use PostgreSQL, which all of them can reach: --store postgresql://USER@HOST/DATABASE"
    )


def test_workers_without_the_extra_of_the_study_are_refused() -> None:
    check_workers(Workers(lacks=False), "here", "sqlite:///s.db", extra="trainer")
    with pytest.raises(UsageError) as refusal:
        check_workers(Workers(lacks=True), "here", "sqlite:///s.db", extra="trainer")
    assert str(refusal.value).startswith("here: the study needs sweeper[trainer], which is not installed on node1. ")


def test_a_launcher_that_is_silent_for_too_long_is_taken_for_dead(url: str) -> None:
    study_id = enrolled(url, [SLOW], steps=1000)
    assert run_loop(url, study_id, silence_s=0.1) == "stopped"
    (trial,) = trials_of(url)
    assert trial.state == "waiting"


def test_a_slot_s_task_survives_its_way_to_the_process(url: str, engine: Engine) -> None:
    study_id = enrolled(url, [{"value": 0.5}])
    task = task_for(url, study_id)
    assert task_from(json.loads(json.dumps(asdict(task)))) == task
    assert end_from(b'{"ended": "done", "error": null, "kind": null}') == SlotEnd("done")
    assert end_from(b"") is None


def test_a_relative_store_is_found_from_a_worker_s_folder_too() -> None:
    from sweeper.execution.cluster.pool import absolute_store

    assert absolute_store("sqlite:///s.db") == f"sqlite:///{Path.cwd()}/s.db"
    assert absolute_store("sqlite:////a/s.db") == "sqlite:////a/s.db"
    assert absolute_store("postgresql://a@b/c") == "postgresql://a@b/c"


class OneWorker:
    """What a slot asks of the Dask worker that it is on."""

    class state:  # noqa: N801
        nthreads = 1


@pytest.fixture
def task(url: str, monkeypatch: pytest.MonkeyPatch) -> SlotTask:
    monkeypatch.setattr("distributed.get_worker", OneWorker)
    monkeypatch.setattr(on_worker, "LOOK_S", 0.01)
    return task_for(url, enrolled(url, [{"value": 0.5}]))


def test_no_slot_starts_where_the_store_is_another_machine_s_file(task: SlotTask) -> None:
    end = slot_on_worker(task, needs_of("elsewhere", "node1/boot/1"))
    on_worker.leave("elsewhere")
    assert end.kind == "store"
    assert end.error is not None
    assert "is a file on another machine" in end.error


def test_no_slot_starts_once_the_launcher_wants_them_to_stop(task: SlotTask, engine: Engine) -> None:
    queue.request_stop(engine, task.runner_id)
    assert slot_on_worker(task, needs_of("stopping")) == SlotEnd("stopped")
    on_worker.leave("stopping")


def test_no_slot_starts_when_nothing_is_left_to_do(task: SlotTask, url: str) -> None:
    task = replace(task, study_id=enrolled(url, [], name="empty"))
    assert slot_on_worker(task, needs_of("finished")) == SlotEnd("done")
    on_worker.leave("finished")


def test_a_task_without_a_slot_gives_up_for_another_worker_to_try(
    task: SlotTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_worker, "NO_SLOT_S", 0.02)
    _, (slot,) = on_worker.offer(needs_of("full"), OneWorker)
    assert on_worker._slots["full"].take() == slot
    assert slot_on_worker(task, needs_of("full")) == SlotEnd("stopped")
    on_worker.leave("full")


def test_a_slot_whose_process_is_killed_again_and_again_says_so(
    task: SlotTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **options: Any) -> Any:
        return subprocess.Popen(["sleep", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    class Module:
        Popen = staticmethod(killed)
        PIPE = subprocess.PIPE

    monkeypatch.setattr(on_worker, "subprocess", Module)
    end = slot_on_worker(task, needs_of("killed"))
    on_worker.leave("killed")
    assert end.error == f"the slots on {socket.gethostname()} were killed 5 times in a row"
