"""The places that one Dask worker has for slots, so that no other worker of the machine uses them too.

A GPU may be seen by several workers, under different numbers. Whoever holds the lock of its file has it; the kernel
lets go of the lock when the worker dies, and the next worker takes the place over.
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

from sweeper.execution.gpus import gpus_of_machine
from sweeper.execution.slots.resources import Device, Slot, find_slots

MOST_PLACES: Final = 1024  # of a machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a slot of a run needs of its worker.

    Attributes:
        run: tells runs apart; each has its own places.
        sqlite_machine: the machine that the store is a file of; None for a store on a server.
    """

    run: str
    device: Device
    gpus_per_trial: float
    threads_per_trial: int
    sqlite_machine: str | None = None


@dataclass(slots=True)
class Places:
    """The places of this process for one run."""

    slots: list[Slot] = field(default_factory=list)
    _free: list[Slot] = field(default_factory=list)
    _locks: list[int] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, candidates: Iterable[Slot], most: int, folder: Path, identities: Mapping[str, str]) -> None:
        """Get so many of the candidates that nobody on this machine has."""
        with self._guard:
            for slot in candidates:
                if len(self.slots) >= most:
                    return
                locks = _lock_all([folder / name for name in lock_names(slot, identities)])
                if locks is not None:
                    self._locks += locks
                    self.slots.append(slot)
                    self._free.append(slot)

    def take(self) -> Slot | None:
        """A place where no slot runs; None if there is none."""
        with self._guard:
            return self._free.pop(0) if self._free else None

    def give_back(self, slot: Slot) -> None:
        """The slot has ended."""
        with self._guard:
            self._free.append(slot)

    def close(self) -> None:
        """Let other processes have the places."""
        with self._guard:
            for lock in self._locks:
                os.close(lock)
            self._locks.clear()
            self._free.clear()


def places_here(needs: Needs, num_threads: int) -> Places:
    """Claim places for a worker with so many threads: each runs one slot.

    Raises:
        UsageError: the study asks for GPUs that the worker does not have.
    """
    gpus, threads = needs.gpus_per_trial, needs.threads_per_trial
    candidates, most = find_slots(needs.device, None, gpus_per_trial=gpus, threads_per_trial=threads), num_threads
    if candidates[0].device == "cpu":
        candidates = find_slots("cpu", MOST_PLACES, gpus_per_trial=gpus, threads_per_trial=threads)
        most = max(1, num_threads // threads)
    places = Places()
    places.claim(candidates, most, lock_folder(needs.run), gpu_identities())
    return places


def lock_folder(run: str) -> Path:
    """Where this machine's processes lock the places of a run; for this user alone."""
    folder = Path(tempfile.gettempdir()) / f"sweeper-{os.getuid()}-{run}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def remove_lock_folder(run: str) -> None:
    """The run is over on this machine."""
    shutil.rmtree(Path(tempfile.gettempdir()) / f"sweeper-{os.getuid()}-{run}", ignore_errors=True)


def lock_names(slot: Slot, identities: Mapping[str, str]) -> list[str]:
    """The files whose locks a slot needs: one a GPU, or a share of one; a CPU slot has a name and nothing else.

    Args:
        identities: what each GPU is for the whole machine, by what this process calls it.
    """
    visible = slot.environment.get("CUDA_VISIBLE_DEVICES")
    if slot.device == "cpu" or visible is None:
        return [slot.name]
    part = f"-{slot.name.rpartition('-')[2]}" if slot.device_share < 1 else ""
    return [re.sub(r"[^\w.-]", "_", identities.get(gpu, gpu)) + part for gpu in visible.split(",")]


def gpu_identities() -> dict[str, str]:
    """What each GPU is for the whole machine, by its index; empty where nvidia-smi does not tell."""
    return {gpu.index: gpu.uuid for gpu in gpus_of_machine() if gpu.uuid}


def _lock_all(paths: list[Path]) -> list[int] | None:
    """Descriptors that hold the locks of all files; None if somebody has one of them."""
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
