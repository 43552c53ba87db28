"""Plan a study, write it into the store, run its slots: what `sweeper launch` does."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from sweeper.errors import StoreError
from sweeper.provenance import facts
from sweeper.slots.fork_server import fork_server_for
from sweeper.slots.launcher import Launcher
from sweeper.slots.processes import started_at
from sweeper.slots.resources import Slot, find_slots
from sweeper.slots.slot import LEASE_S, SlotTask
from sweeper.slots.sweep import sweep
from sweeper.store import queue
from sweeper.store.engine import open_store
from sweeper.store.enrol import Enrolment, enrol
from sweeper.store.ledger import spent_device_seconds
from sweeper.store.presence import Presence
from sweeper.store.url import sqlite_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sweeper.plan import Plan
    from sweeper.spec import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """How a launch ended.

    Attributes:
        exit_code: 0 all done, 1 trials failed for good, 3 the budget is spent, 130 interrupted.
    """

    exit_code: int
    enrolment: Enrolment
    completed: int
    pruned: int
    failed: int
    left: int  # waiting or running elsewhere
    device_hours: float


def launch(
    study: "Study",
    plan: "Plan",
    *,
    store: str,
    slots: int | None,
    extend: bool,
    predicted: "Mapping[tuple[str, int], float] | None" = None,
    on_enrolled: Callable[[Enrolment, tuple[Slot, ...]], None],
    on_tick: Callable[[], None],
    lease_s: float = LEASE_S,
) -> Launched:
    """Run a study to its end, or until it is stopped; the same call goes on from wherever it was.

    Raises:
        UsageError: the study in the store is another one, or the machine lacks what it asks for.
        StoreError: the store cannot be used.
    """
    resources = study.document["resources"]
    places = find_slots(
        resources["device"],
        slots if slots is not None else _number(resources["slots"]),
        gpus_per_trial=resources["gpus_per_trial"],
        threads_per_trial=resources["threads_per_trial"],
    )
    engine = open_store(store, create=True)
    try:
        enrolment = enrol(
            engine, plan, study, runs_dir=runs_dir(store), now=time.time(), extend=extend, predicted=predicted
        )
        on_enrolled(enrolment, places)
        run = StudyRun(store=store, study=plan.study, study_id=enrolment.study_id, lease_s=lease_s)
        interrupted, stopped_by_budget = run_slots(engine, run, study.document, places, on_tick)
        return _result(engine, enrolment, interrupted=interrupted, stopped_by_budget=stopped_by_budget)
    finally:
        engine.dispose()


def runs_dir(store: str) -> Path:
    """Where run directories go: $SWEEPER_RUNS, else beside a SQLite store, else in the working directory."""
    named = os.environ.get("SWEEPER_RUNS")
    if named:
        return Path(named).absolute()
    path = sqlite_path(store)
    return (path.absolute().parent if path is not None else Path.cwd()) / "sweeper-runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """Which study is run, and for how long a slot that says nothing keeps its trial, in seconds."""

    store: str
    study: str
    study_id: int
    lease_s: float = LEASE_S


def run_slots(
    engine: Engine,
    run: StudyRun,
    document: "Mapping[str, Any]",
    places: tuple[Slot, ...],
    on_tick: Callable[[], None],
) -> tuple[bool, bool]:
    """Run slots until nothing is left; whether the run was interrupted, and whether the budget stopped it."""
    host, pid = socket.gethostname(), os.getpid()
    sweep(engine, run.study_id, host)
    if queue.next_due(engine, run.study_id, time.time()) is None:
        return False, False
    pid_started_at = started_at(pid)
    runner_id = queue.register_runner(
        engine, run.study_id, host=host, pid=pid, pid_started_at=pid_started_at, slots=len(places), now=time.time()
    )
    try:
        with fork_server_for(document, places) or nullcontext() as server:
            launcher_process = (pid, pid_started_at)
            tasks = _tasks(run, places, runner_id, launcher_process, None if server is None else str(server.path))
            launcher = Launcher(engine, run.study_id, runner_id, host, Presence(run.store), on_tick, server)
            ends = launcher.run(tasks)
    finally:
        with suppress(StoreError):  # a store that refuses has said so already
            queue.end_runner(engine, runner_id, now=time.time())
    # Asked to stop by ^C, or from elsewhere by `sweeper cancel`: both leave with what they have.
    return launcher.interrupts > 0, any(end.ended == "budget" for end in ends)


def _tasks(
    run: StudyRun,
    places: tuple[Slot, ...],
    runner_id: int,
    launcher: tuple[int, float],
    fork_server: str | None,
) -> list[SlotTask]:
    environment = facts(Path.cwd())
    return [
        SlotTask(
            store=run.store,
            study_id=run.study_id,
            study=run.study,
            slot=slot,
            runner_id=runner_id,
            launcher_pid=launcher[0],
            launcher_started_at=launcher[1],
            cwd=str(Path.cwd()),
            environment=environment,
            fork_server=fork_server,
            lease_s=run.lease_s,
        )
        for slot in places
    ]


def _result(engine: Engine, enrolment: Enrolment, *, interrupted: bool, stopped_by_budget: bool) -> Launched:
    counts = queue.counts(engine, enrolment.study_id)
    left = counts["waiting"] + counts["running"]
    if interrupted and left:
        exit_code = 130
    elif stopped_by_budget and left:
        exit_code = 3
    else:
        exit_code = 1 if counts["failed"] else 0
    return Launched(
        exit_code=exit_code,
        enrolment=enrolment,
        completed=counts["completed"],
        pruned=counts["pruned"],
        failed=counts["failed"],
        left=left,
        device_hours=spent_device_seconds(engine, enrolment.study_id, time.time()) / 3600,
    )


def _number(slots: object) -> int | None:
    return slots if isinstance(slots, int) else None
