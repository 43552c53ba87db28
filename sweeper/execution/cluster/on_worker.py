"""What runs inside a Dask worker: it assigns slots to tasks and keeps a process for each.

A Dask task is a slot: it holds one of the worker's threads while the slot's process claims and supervises trials. The
process is a child of the worker, so a worker that dies takes its slots with it, and they their trials.
"""

import json
import os
import socket
import subprocess
import threading
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from sweeper.errors import StoreError, SweeperError
from sweeper.execution.cluster.slot_process import end_from
from sweeper.execution.cluster.worker_slots import Needs, WorkerSlots, claim_slots, remove_lock_directory
from sweeper.execution.slots.machine import free_abandoned_trials, this_machine
from sweeper.execution.slots.processes import started_at
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.slot import SlotEnd, SlotTask, end_of
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.retry import patiently
from sweeper.store.url import shown
from sweeper.subprocesses import module_command

if TYPE_CHECKING:
    from distributed import Worker

NO_SLOT_S: Final = 10.0  # a task waits this long for a slot here; then Dask may find another worker for it
LOOK_S: Final = 1.0
QUICK_S: Final = 10.0  # a slot that is killed sooner has a problem that does not go away
MOST_QUICK_DEATHS: Final = 5

_slots: dict[str, WorkerSlots] = {}
_running: dict[str, set[subprocess.Popen[bytes]]] = {}
_over: set[str] = set()
_lock: Final = threading.RLock()


def offer(needs: Needs, dask_worker: "Worker | None" = None) -> tuple[str, list[Slot]]:
    """Return this worker's machine and its slots for a run, claimed on the first call.

    Raises:
        UsageError: the study requires GPUs that the worker does not have.
    """
    with _lock:
        if needs.run not in _slots:
            assert dask_worker is not None  # `Client.run` passes it
            _slots[needs.run] = claim_slots(needs, int(dask_worker.state.nthreads))
        return this_machine(), list(_slots[needs.run].slots)


def count_running(run: str) -> int:
    """Return how many slots of a run have a process here."""
    return len(_running.get(run, ()))


def leave(run: str) -> None:
    """End a run here: kill what is left of its slots, and release them."""
    with _lock:
        _over.add(run)
        for process in _running.get(run, set()):
            process.kill()
        slots = _slots.pop(run, None)
    if slots is not None:
        slots.close()
        remove_lock_directory(run)


def slot_on_worker(task: SlotTask, needs: Needs) -> SlotEnd:
    """Run a slot on this worker, from its assignment to its end: the Dask task. Errors are returned, not raised."""
    from distributed import get_worker  # noqa: PLC0415 - slow to import, and an optional extra

    try:
        if needs.run in _over:  # a task that comes late must not claim slots again
            return SlotEnd("stopped")
        offer(needs, get_worker())
        until = time.monotonic() + NO_SLOT_S
        while (end := patiently(lambda: _not_now(task, needs), lambda: needs.run in _over)) is None:
            with _lock:
                slot = _slots[needs.run].take() if needs.run in _slots else None
            if slot is not None:
                return _run_in(slot, task, needs.run)
            if time.monotonic() > until:
                return SlotEnd("stopped")
            time.sleep(LOOK_S)
        return end
    except SweeperError as error:
        return replace(end_of(error), error=f"worker on {socket.gethostname()}: {error}")


def _not_now(task: SlotTask, needs: Needs) -> SlotEnd | None:
    """Return why no slot is to start, if there is a reason; free the trials that died with slots of this machine.

    Raises:
        SweeperError: the store cannot be used from here.
    """
    if needs.run in _over:
        return SlotEnd("stopped")
    if needs.sqlite_machine not in (None, this_machine()):
        raise StoreError(
            f"store {shown(task.store)} is a file on another machine. A cluster needs a store on PostgreSQL: "
            "--store postgresql://USER@HOST/DATABASE"
        )
    if not os.path.isdir(task.cwd):  # noqa: PTH112
        raise SweeperError(f"the directory {task.cwd} does not exist. Start from one that all machines share")
    engine = open_existing(task.store, task.store_uid)
    try:
        if queue.stop_requested(engine, task.runner_id):
            return SlotEnd("stopped")
        if queue.next_due(engine, task.study_id) is None:
            return SlotEnd("done")
        free_abandoned_trials(engine, task.study_id)
        return None
    finally:
        engine.dispose()


def _run_in(slot: Slot, task: SlotTask, run: str) -> SlotEnd:
    """Run the slot's process, again if it is killed, until it ends by itself."""
    pid = os.getpid()
    task = replace(task, slot=slot, launcher_pid=pid, launcher_started_at=started_at(pid))
    quick = 0
    try:
        while True:
            began = time.monotonic()
            end = _one_process(task, run)
            if end is None and run not in _over:
                quick = quick + 1 if time.monotonic() - began < QUICK_S else 0
                if quick < MOST_QUICK_DEATHS:
                    continue
                return SlotEnd(
                    "stopped", f"the slots on {socket.gethostname()} were killed {quick} times in a row", "user"
                )
            if time.monotonic() - began < QUICK_S and end is not None and end.ended in ("stopped", "orphaned"):
                time.sleep(LOOK_S)  # not too fast, in case it happens again and again
            return end or SlotEnd("stopped")
    finally:
        with _lock:
            if run in _slots:
                _slots[run].give_back(slot)


def _one_process(task: SlotTask, run: str) -> SlotEnd | None:
    """Run the slot's process; return None if it died without an answer."""
    command = module_command("sweeper.execution.cluster.slot_process")
    with _lock:
        if run in _over:
            return None
        process = subprocess.Popen(
            command, cwd=task.cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        _running.setdefault(run, set()).add(process)
    try:
        answer, _ = process.communicate(json.dumps(asdict(task)).encode())
        return end_from(answer)
    finally:
        with _lock:
            _running[run].discard(process)
        process.wait()
