"""Plan a study, write it to the store and run its slots: what `sweeper launch` does."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from sweeper.errors import SweeperError
from sweeper.execution.exit_codes import exit_code_of
from sweeper.execution.hooks import run_hooks
from sweeper.execution.slots.pool import Pool
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.run_root import settle_root
from sweeper.execution.slots.running import RunEnd, StudyRun, run_slots, slots_for
from sweeper.planning.plan import Plan, Reference
from sweeper.spec.study import Study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import Enrolment, enrol
from sweeper.store.queue import queue
from sweeper.store.queue.ledger import spent_device_seconds
from sweeper.store.queue.run_dirs import study_root
from sweeper.store.records import LEASE_S
from sweeper.store.retry import for_seconds, patiently, warn
from sweeper.store.url import sqlite_path

Pack = Callable[[Engine, int], tuple[Slot, ...] | None]  # by the study's id; None if the user interrupted it


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """How a launch ended.

    Attributes:
        exit_code: 0 all done, 1 trials failed for good or alike, 3 the budget is spent, 130 interrupted.
    """

    exit_code: int
    enrolment: Enrolment
    completed: int
    pruned: int
    failed: int
    left: int  # trials that wait, or run elsewhere
    device_hours: float
    hook_failures: tuple[str, ...] = ()  # of the commands in `on_finish`


def launch(
    study: Study,
    plan: Plan,
    *,
    store: str,
    num_slots: int | None,
    extend: bool,
    predicted: Mapping[Reference, float] | None = None,
    on_enrolled: Callable[[Enrolment, tuple[Slot, ...]], None],
    on_tick: Callable[[], None],
    keep_going: bool = False,
    lease_s: float = LEASE_S,
    pool: Pool | None = None,
    slots: tuple[Slot, ...] | None = None,
    pack: Pack | None = None,
) -> Launched:
    """Run a study to its end, or until it is stopped; the same call resumes it.

    Args:
        num_slots: number of slots; None for the study's own number.
        predicted: device-seconds of planned trials, as far as they are known.
        on_enrolled: called with what was written and the slots, before they start.
        on_tick: called about once a second.
        keep_going: start trials although those before failed alike.
        pool: starts the slots; None for processes of this machine.
        slots: the slots to run; None for this machine's.
        pack: chooses the slots once the study is in the store, for trials that share GPUs; None if they are known.

    Raises:
        UsageError: the study in the store is another one, or the machine lacks what it requires.
        Interrupted: the user did not want to wait, and the store does not answer.
        StoreError: the store cannot be used, or has not answered for a minute.
        SweeperError: the run directories cannot be written to, or slots failed.
    """
    slots = slots_for(study, num_slots) if slots is None else slots
    engine = patiently(lambda: open_store(store, create=True), for_seconds(), say=warn)
    try:
        enrolment = enrol(
            engine, plan, study, runs_dir=runs_dir(store), now=time.time(), extend=extend, predicted=predicted
        )
        enrolment = replace(enrolment, run_root=_moved_root(engine, enrolment.study_id, pool))
        if pack is not None:
            packed = pack(engine, enrolment.study_id)
            if packed is None:
                return patiently(lambda: _result(engine, enrolment, "interrupted"), for_seconds(), say=warn)
            slots = packed
        on_enrolled(enrolment, slots)
        run = StudyRun(
            store=store, study=plan.study, study_id=enrolment.study_id, lease_s=lease_s, keep_going=keep_going
        )
        ran = run_slots(engine, run, study, slots, on_tick, pool=pool)
        result = patiently(lambda: _result(engine, enrolment, ran), for_seconds(), say=warn)
        if ran in ("nothing", "interrupted"):
            return result
        facts = {"study": plan.study, "store": store, **_counts(result)}
        return replace(result, hook_failures=tuple(run_hooks(study.on_finish, facts)))
    finally:
        engine.dispose()


def runs_dir(store: str) -> Path:
    """Return where run directories go: $SWEEPER_RUNS, else beside a SQLite store, else the working directory."""
    named = os.environ.get("SWEEPER_RUNS")
    if named:
        return Path(named).absolute()
    path = sqlite_path(store)
    return (path.absolute().parent if path is not None else Path.cwd()) / "sweeper-runs"


def _moved_root(engine: Engine, study_id: int, pool: Pool | None) -> Path | None:
    """Claim the directory of a study's runs; return it if it is not the usual one.

    Raises:
        SweeperError: it cannot be written to, and the slots are on this machine.
    """
    try:
        root = patiently(lambda: settle_root(engine, study_id), for_seconds(), say=warn)
    except OSError as error:
        if pool is not None and not pool.shares_machine:
            return None  # slots elsewhere claim it when they need it
        place = error.filename or study_root(engine, study_id).path
        raise SweeperError(
            f"run directories: {place}: {error.strerror or error}. Make room, make it writable, or set $SWEEPER_RUNS "
            "to another directory before a study's first launch"
        ) from error
    return None if root.path == root.usual else root.path


def _result(engine: Engine, enrolment: Enrolment, ran: RunEnd) -> Launched:
    counts = queue.counts(engine, enrolment.study_id)
    return Launched(
        exit_code=exit_code_of(counts, ran, undecided=queue.undecided(engine, enrolment.study_id)),
        enrolment=enrolment,
        completed=counts["completed"],
        pruned=counts["pruned"],
        failed=counts["failed"],
        left=counts["waiting"] + counts["running"],
        device_hours=spent_device_seconds(engine, enrolment.study_id) / 3600,
    )


def _counts(result: Launched) -> dict[str, object]:
    """Return what the commands in `on_finish` are passed."""
    names = ("exit_code", "completed", "pruned", "failed", "left", "device_hours")
    return {name: getattr(result, name) for name in names}
