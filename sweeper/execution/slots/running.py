"""Run slots on a study in the store: what launchers and workers have in common."""

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import Engine

from sweeper.errors import Interrupted, StoreError, SweeperError, UsageError
from sweeper.execution.provenance import facts
from sweeper.execution.slots.attendant import Attendant
from sweeper.execution.slots.decider import Decider
from sweeper.execution.slots.failing_fast import FailureWatch
from sweeper.execution.slots.fork_server import fork_server_for
from sweeper.execution.slots.kept_checkpoints import Keeper
from sweeper.execution.slots.launcher import Launcher
from sweeper.execution.slots.machine import free_abandoned_trials
from sweeper.execution.slots.neighbours import announced, neighbour_of
from sweeper.execution.slots.nodes import node_slots
from sweeper.execution.slots.pool import LokyPool, Pool
from sweeper.execution.slots.processes import started_at
from sweeper.execution.slots.programs import missing_variables
from sweeper.execution.slots.resources import Slot, find_gpus, find_slots, shared_slots
from sweeper.execution.slots.slot import SlotEnd, SlotTask
from sweeper.extras import require
from sweeper.spec.study import Resources, Study
from sweeper.store.file_check import StoreFileCheck
from sweeper.store.queue import queue
from sweeper.store.queue.failing import last_attempt
from sweeper.store.records import LEASE_S
from sweeper.store.retry import for_seconds, patiently, warn
from sweeper.store.same_store import uid_of
from sweeper.subprocesses import one_blas_thread, safe_path

SILENT_LEASES: Final = 2  # without a heartbeat, after which slots elsewhere consider their launcher dead

RunEnd = Literal["nothing", "done", "interrupted", "budget", "failing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """The study to run.

    Attributes:
        lease_s: how long a silent slot keeps its trial.
        keep_going: start trials although those before failed alike.
        since: the store's last attempt of before it began.
    """

    store: str
    study: str
    study_id: int
    lease_s: float = LEASE_S
    keep_going: bool = False
    since: int = 0


def check_program(study: Study) -> None:
    """Check that a study's program is installed here, as far as it is ours.

    Raises:
        MissingExtraError: it is the built-in trainer, whose extra is not installed.
    """
    if study.trial.is_trainer:
        require("trainer", f"{study.name}: trial.program: 'trainer'")


def check_variables(study: Study) -> None:
    """Check that the variables that a study takes from the environment are set here.

    Raises:
        UsageError: one is not.
    """
    missing = missing_variables(study.trial, os.environ)
    if missing:
        raise UsageError(
            f"{study.name}: trial.environment: not set here: {', '.join(missing)}. Set it, e.g. export {missing[0]}=…"
        )


def slots_for(study: Study, num_slots: int | None) -> tuple[Slot, ...]:
    """Return this machine's slots for a study.

    Args:
        num_slots: how many; None for as many as the study names, or as the machine can carry.

    Raises:
        UsageError: the machine lacks what the study requires.
    """
    check_program(study)
    check_variables(study)
    resources = study.resources
    if resources.nodes_per_trial > 1:
        return node_slots(resources, number_of_slots(resources, num_slots), os.environ)
    if resources.gpus_per_trial == "auto" and resources.device != "cpu" and (gpus := find_gpus()):
        whole = dict.fromkeys(gpus, 1)
        number = number_of_slots(resources, num_slots)
        return shared_slots(whole, number, threads_per_trial=resources.threads_per_trial)
    return find_slots(
        resources.device,
        number_of_slots(resources, num_slots),
        gpus_per_trial=resources.gpus,
        threads_per_trial=resources.threads_per_trial,
    )


def number_of_slots(resources: Resources, num_slots: int | None) -> int | None:
    """Return the number of slots: the given one, else the study's, else None for as many as the machine can carry."""
    if num_slots is not None:
        return num_slots
    return None if resources.slots == "auto" else resources.slots


def run_slots(
    engine: Engine,
    run: StudyRun,
    study: Study,
    slots: tuple[Slot, ...],
    on_tick: Callable[[], None],
    *,
    pool: Pool | None = None,
) -> RunEnd:
    """Run slots until nothing is left; return why they ended.

    Args:
        pool: starts the slots; None for joblib's loky backend.

    Raises:
        SweeperError: slots failed, with their errors.
    """
    keeper = Keeper(engine, study)
    run = replace(run, since=patiently(lambda: last_attempt(engine), for_seconds(), say=warn))
    watch = None if run.keep_going else FailureWatch(engine, run.study, run.study_id, run.since, warn)

    def tick() -> None:
        keeper.look()
        on_tick()
        if watch is not None:
            watch.look()

    def run_once() -> RunEnd:
        return _run_slots(engine, run, study, slots, tick, pool=pool)

    try:
        ran = last = run_once()
        while last == "done" and (pool is None or pool.shares_machine) and _has_trials_left(engine, run):
            # `retry` or `--extend` has queued them when the last slot had just ended.
            last = run_once()
            ran = ran if last == "nothing" else last
    except Interrupted:
        raise
    except SweeperError as error:
        keeper.look(now=True)
        if _has_trials_left(engine, run):
            raise
        warn(f"{run.study}: every trial has ended, but: {error}")
        return "done"
    except BaseException:
        keeper.look(now=True)
        raise
    keeper.look(now=True)
    if watch is not None and ran == "failing":
        patiently(watch.look, for_seconds(), say=warn)
    return ran


def _run_slots(
    engine: Engine,
    run: StudyRun,
    study: Study,
    slots: tuple[Slot, ...],
    on_tick: Callable[[], None],
    *,
    pool: Pool | None,
) -> RunEnd:
    host, pid = socket.gethostname(), os.getpid()
    free_abandoned_trials(engine, run.study_id)
    if queue.next_due(engine, run.study_id) is None:
        return "nothing"
    pid_started_at = started_at(pid)
    runner_id = queue.register_runner(
        engine, run.study_id, host=host, pid=pid, pid_started_at=pid_started_at, slots=len(slots)
    )
    try:
        pool = pool or LokyPool()
        me = announced(neighbour_of(run.study, slots)) if pool.shares_machine else nullcontext()
        server_here = fork_server_for(study.trial, slots) if pool.shares_machine else None
        with safe_path(), one_blas_thread(), me, server_here or nullcontext() as server:
            launcher_process = (pid, pid_started_at)
            tasks = _tasks(run, slots, runner_id, launcher_process, None if server is None else str(server.path))
            tasks = [replace(task, store_uid=uid_of(engine)) for task in tasks]
            if not pool.shares_machine:  # they cannot check the launcher's process
                tasks = [replace(task, silence_s=SILENT_LEASES * run.lease_s) for task in tasks]
            decider = Decider(engine, run.store, run.study, run.study_id) if study.adds_seeds else None
            attendant = Attendant(engine, run.study_id, runner_id, StoreFileCheck(run.store), on_tick, decider)
            launcher = Launcher(attendant, pool)
            ends = launcher.run(tasks)
    except Interrupted:
        raise  # the store does not answer
    except BaseException:
        with suppress(StoreError):  # if the store refuses, its error was reported already
            queue.end_runner(engine, runner_id)
        raise
    if launcher.interrupts > 0 or _was_stopped(engine, run, ends):
        return "interrupted"
    ended = {end.ended for end in ends}
    if "failing" in ended and _has_trials_left(engine, run):
        return "failing"
    return "budget" if "budget" in ended else "done"


def _was_stopped(engine: Engine, run: StudyRun, ends: Sequence[SlotEnd]) -> bool:
    """Return whether `cancel` stopped the slots although trials are left: `retry` has put them back meanwhile."""
    return any(end.ended == "stopped" for end in ends) and _has_trials_left(engine, run)


def _has_trials_left(engine: Engine, run: StudyRun) -> bool:
    return patiently(lambda: queue.next_due(engine, run.study_id), for_seconds(), say=warn) is not None


def _tasks(
    run: StudyRun,
    slots: tuple[Slot, ...],
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
            fails_fast_since=None if run.keep_going else run.since,
        )
        for slot in slots
    ]
