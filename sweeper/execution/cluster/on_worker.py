"""What runs inside a Dask worker: it gives slots their places and keeps a process for each.

A Dask task is a slot: it holds one of the worker's threads while the slot's process claims and supervises trials. The
process is a child of the worker, so that a worker that dies takes its slots, and they their trials, with it.
"""

import json
import os
import socket
import subprocess
import threading
import time
from dataclasses import asdict, replace
from typing import Any, Final

from sweeper.errors import StoreError, SweeperError
from sweeper.execution.cluster.places import Needs, Places, places_here, remove_lock_folder
from sweeper.execution.cluster.slot_process import end_from
from sweeper.execution.slots.machine import free_abandoned_trials, this_machine
from sweeper.execution.slots.processes import started_at
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.slot import SlotEnd, SlotTask
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.url import shown
from sweeper.subprocesses import module_command

NO_PLACE_S: Final = 10.0  # a task waits so long for a place here, then Dask may find another worker for it
LOOK_S: Final = 1.0
QUICK_S: Final = 10.0  # a slot that is killed sooner than this has something wrong with it
MOST_QUICK_DEATHS: Final = 5

_places: dict[str, Places] = {}
_running: dict[str, set[subprocess.Popen[bytes]]] = {}
_over: set[str] = set()
_lock: Final = threading.RLock()


def offer(needs: Needs, dask_worker: Any = None) -> tuple[str, list[Slot]]:
    """This worker's machine and its places for a run, claimed when first asked for.

    Raises:
        UsageError: the study asks for GPUs that the worker does not have.
    """
    with _lock:
        if needs.run not in _places:
            _places[needs.run] = places_here(needs, int(dask_worker.state.nthreads))
        return this_machine(), list(_places[needs.run].slots)


def count_running(run: str) -> int:
    """How many slots of a run have a process here."""
    return len(_running.get(run, ()))


def leave(run: str) -> None:
    """The run is over here: kill what is left of its slots, and let go of its places."""
    with _lock:
        _over.add(run)
        for process in _running.get(run, set()):
            process.kill()
        places = _places.pop(run, None)
    if places is not None:
        places.close()
        remove_lock_folder(run)


def slot_on_worker(task: SlotTask, needs: Needs) -> SlotEnd:
    """A slot on this worker, from its place to its end: the Dask task. Its errors are told, not raised."""
    from distributed import get_worker  # noqa: PLC0415 - heavy, and only there where the extra is installed

    try:
        if needs.run in _over:  # a task that comes late takes no places again
            return SlotEnd("stopped")
        offer(needs, get_worker())
        until = time.monotonic() + NO_PLACE_S
        while (end := _not_now(task, needs)) is None:
            with _lock:
                place = _places[needs.run].take() if needs.run in _places else None
            if place is not None:
                return _in_place(task, needs.run, place)
            if time.monotonic() > until:
                return SlotEnd("stopped")
            time.sleep(LOOK_S)
        return end
    except SweeperError as error:
        return SlotEnd(
            "stopped", f"worker on {socket.gethostname()}: {error}", is_store_error=isinstance(error, StoreError)
        )


def _not_now(task: SlotTask, needs: Needs) -> SlotEnd | None:
    """Why no slot is to start, if there is a reason; frees the trials that died with slots of this machine.

    Raises:
        SweeperError: the store cannot be used from here.
    """
    if needs.run in _over:
        return SlotEnd("stopped")
    if needs.sqlite_machine not in (None, this_machine()):
        raise StoreError(
            f"store {shown(task.store)} is a file of another machine. A cluster needs a store on PostgreSQL: "
            "--store postgresql://USER@HOST/DATABASE"
        )
    if not os.path.isdir(task.cwd):  # noqa: PTH112
        raise SweeperError(f"the folder {task.cwd} is not there. Start from a folder that all machines share")
    engine = open_existing(task.store)
    try:
        if queue.stop_requested(engine, task.runner_id):
            return SlotEnd("stopped")
        if queue.next_due(engine, task.study_id, time.time()) is None:
            return SlotEnd("done")
        free_abandoned_trials(engine, task.study_id)
        return None
    finally:
        engine.dispose()


def _in_place(task: SlotTask, run: str, place: Slot) -> SlotEnd:
    """Keep the slot's process until it ends by itself."""
    pid = os.getpid()
    task = replace(task, slot=place, launcher_pid=pid, launcher_started_at=started_at(pid))
    quick = 0
    try:
        while True:
            began = time.monotonic()
            end = _one_process(task, run)
            if end is None and run not in _over:
                quick = quick + 1 if time.monotonic() - began < QUICK_S else 0
                if quick < MOST_QUICK_DEATHS:
                    continue
                return SlotEnd("stopped", f"the slots on {socket.gethostname()} were killed {quick} times in a row")
            if time.monotonic() - began < QUICK_S and end is not None and end.ended in ("stopped", "orphaned"):
                time.sleep(LOOK_S)  # not too fast, should the same happen again and again
            return end or SlotEnd("stopped")
    finally:
        with _lock:
            if run in _places:
                _places[run].give_back(place)


def _one_process(task: SlotTask, run: str) -> SlotEnd | None:
    """Run the slot's process; None if it died without a word."""
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
