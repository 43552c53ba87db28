"""Other launchers and workers on this machine: each announces its slots, so that the next one can warn of crowding.

An announcement is a file that its process holds a lock on; the kernel releases the lock when the process dies,
whatever happens. Containers with their own directory for temporary files do not see each other's.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweeper.execution.gpus import VISIBLE
from sweeper.execution.slots.resources import Slot, available_cores
from sweeper.quantities import counted

FULL: Final = 1.0 + 1e-6  # three thirds of a GPU are one


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A launcher or worker with slots on this machine.

    Attributes:
        gpus: how much of each GPU its slots take.
        threads: how many threads its CPU slots take together.
    """

    pid: int
    study: str
    slots: int
    gpus: Mapping[str, float]
    threads: int


def neighbour_of(study: str, slots: Sequence[Slot]) -> Neighbour:
    """Return this process as others see it."""
    gpus: dict[str, float] = {}
    for slot in slots:
        for gpu in filter(None, slot.environment.get(VISIBLE, "").split(",")):
            gpus[gpu] = gpus.get(gpu, 0.0) + min(1.0, slot.device_share)
    threads = sum(slot.threads for slot in slots if slot.device == "cpu")
    return Neighbour(os.getpid(), study, len(slots), gpus, threads)


@contextmanager
def announced(me: Neighbour, directory: Path | None = None) -> Iterator[None]:
    """Announce these slots for the duration of the block, if the directory is writable."""
    lock = None
    path = (directory or _directory()) / f"{me.pid}-{id(me)}.json"
    draft = path.with_suffix(".new")  # it has its name once it is locked: others remove what nobody has locked
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent.stat().st_uid != os.getuid():  # another user created our directory
            raise PermissionError(path)
        lock = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        facts = {"pid": me.pid, "study": me.study, "slots": me.slots, "gpus": dict(me.gpus), "threads": me.threads}
        os.write(lock, json.dumps(facts).encode())
        draft.rename(path)
    try:
        yield
    finally:
        if lock is not None:
            with suppress(OSError):
                path.unlink()
            os.close(lock)


def neighbours(directory: Path | None = None) -> list[Neighbour]:
    """Return the living processes that have announced slots, each once; remove what dead ones have left."""
    found: dict[int, Neighbour] = {}
    for path in sorted((directory or _directory()).glob("*.json")):
        with suppress(OSError, ValueError, TypeError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                other = Neighbour(**json.loads(file.read()))
                found[other.pid] = other
            else:
                path.unlink()
    return list(found.values())


def launch_text(other: Neighbour) -> str:
    """Return which study a process runs, and on what."""
    return f"{other.study} (process {other.pid}, {counted(other.slots, 'slot')})"


def crowding(me: Neighbour, others: Sequence[Neighbour], cores: int) -> str | None:
    """Return a warning if slots of several launchers use more than the machine has; else None."""
    who = "another launch" if len(others) == 1 else f"{len(others)} other launches"
    shared = sorted(
        gpu
        for gpu, share in me.gpus.items()
        if (taken := sum(other.gpus.get(gpu, 0.0) for other in others)) > 0 and share + taken > FULL
    )
    if shared:
        return (
            f"with {who} on this machine, GPU {', '.join(shared)} is shared: trials slow each other down and may run "
            f"out of memory. Wait, or select other GPUs with {VISIBLE}. `sweeper doctor` lists launches."
        )
    threads = sum(other.threads for other in others)
    if me.threads and threads and me.threads + threads > cores:
        return (
            f"with {who}, {me.threads + threads} threads on {cores} cores: trials slow each other down. Use fewer "
            "slots (--slots), or wait. `sweeper doctor` lists launches."
        )
    return None


def crowding_now(study: str, slots: Sequence[Slot]) -> str | None:
    """Return the `crowding` of these slots with everything that others have announced now."""
    me = neighbour_of(study, slots)
    return crowding(me, [other for other in neighbours() if other.pid != me.pid], available_cores())


def _directory() -> Path:
    return Path(tempfile.gettempdir()) / f"sweeper-{os.getuid()}-slots"
