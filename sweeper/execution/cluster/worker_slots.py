"""The slots that one Dask worker has, so that no other worker of the machine uses them, too.

Several workers may see the same GPU, under different numbers. The one that holds the lock on the GPU's file has it; the
kernel releases the lock when the worker dies, and the next worker takes over.
"""

import fcntl
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sweeper.execution.gpus import VISIBLE, gpus_of_machine
from sweeper.execution.slots.resources import Slot, find_slots
from sweeper.spec.study import Device

MOST_SLOTS: Final = 1024  # of a machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a slot of a run needs of its worker.

    Attributes:
        run: identifies the run; each has its own slots.
        sqlite_machine: the machine that the store is a file on; None for a store on a server.
    """

    run: str
    device: Device
    gpus_per_trial: float
    threads_per_trial: int
    sqlite_machine: str | None = None


@dataclass(slots=True)
class WorkerSlots:
    """The slots of this process for one run."""

    slots: list[Slot] = field(default_factory=list)
    _free: list[Slot] = field(default_factory=list)
    _locks: list[int] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, candidates: Iterable[Slot], most: int, directory: Path, identities: Mapping[str, str]) -> None:
        """Claim this many of the candidates, of those that no other process of this machine has."""
        with self._guard:
            for slot in candidates:
                if len(self.slots) >= most:
                    return
                locks = _lock_all([directory / name for name in lock_names(slot, identities)])
                if locks is not None:
                    self._locks += locks
                    self.slots.append(slot)
                    self._free.append(slot)

    def take(self) -> Slot | None:
        """Return a free slot; None if there is none."""
        with self._guard:
            return self._free.pop(0) if self._free else None

    def give_back(self, slot: Slot) -> None:
        """Free a slot that has ended."""
        with self._guard:
            self._free.append(slot)

    def close(self) -> None:
        """Release the slots to other processes."""
        with self._guard:
            for lock in self._locks:
                os.close(lock)
            self._locks.clear()
            self._free.clear()


def claim_slots(needs: Needs, num_threads: int) -> WorkerSlots:
    """Claim slots for a worker with this many threads: each runs one slot.

    Raises:
        UsageError: the study requires GPUs that the worker does not have.
    """
    gpus, threads = needs.gpus_per_trial, needs.threads_per_trial
    candidates, most = find_slots(needs.device, None, gpus_per_trial=gpus, threads_per_trial=threads), num_threads
    if candidates[0].device == "cpu":
        candidates = find_slots("cpu", MOST_SLOTS, gpus_per_trial=gpus, threads_per_trial=threads)
        most = max(1, num_threads // threads)
    slots = WorkerSlots()
    slots.claim(candidates, most, lock_directory(needs.run), gpu_identities())
    return slots


def lock_directory(run: str) -> Path:
    """Return where this machine's processes lock the slots of a run; only this user can read it."""
    directory = _lock_directory(run)
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def remove_lock_directory(run: str) -> None:
    """Clean up after a run on this machine."""
    shutil.rmtree(_lock_directory(run), ignore_errors=True)


def _lock_directory(run: str) -> Path:
    return Path(tempfile.gettempdir()) / f"sweeper-{os.getuid()}-{run}"


def lock_names(slot: Slot, identities: Mapping[str, str]) -> list[str]:
    """Return the files whose locks a slot needs: one per GPU, or per share of one; a CPU slot has just its name.

    Args:
        identities: the UUIDs of GPUs by their indices.
    """
    visible = slot.environment.get(VISIBLE)
    if slot.device == "cpu" or visible is None:
        return [slot.name]
    part = f"-{slot.name.rpartition('-')[2]}" if slot.device_share < 1 else ""
    return [re.sub(r"[^\w.-]", "_", identities.get(gpu, gpu)) + part for gpu in visible.split(",")]


def gpu_identities() -> dict[str, str]:
    """Return each GPU's UUID by its index; empty if nvidia-smi does not list them."""
    return {gpu.index: gpu.uuid for gpu in gpus_of_machine() if gpu.uuid}


def _lock_all(paths: list[Path]) -> list[int] | None:
    """Return descriptors that hold the locks of all files; None if another process has one of them."""
    locks: list[int] = []
    for path in paths:
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        locks.append(lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            for taken in locks:
                os.close(taken)
            return None
    return locks
