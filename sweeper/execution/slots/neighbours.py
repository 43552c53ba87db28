"""Other launchers and workers on this machine: their slots are announced, so that whoever comes next can say it.

An announcement is a file that its process holds a lock on; the kernel lets go of it when the process dies, whatever
happens. Containers with a folder for temporary files of their own do not see each other's.
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

SLACK: Final = 1.0 + 1e-6  # three thirds of a GPU are one


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A launcher or worker that runs slots here.

    Attributes:
        gpus: how much of each GPU its slots take.
        threads: what its CPU slots take together.
    """

    pid: int
    study: str
    slots: int
    gpus: Mapping[str, float]
    threads: int


def neighbour_of(study: str, places: Sequence[Slot]) -> Neighbour:
    """This process as the others see it."""
    gpus: dict[str, float] = {}
    for place in places:
        for gpu in filter(None, place.environment.get(VISIBLE, "").split(",")):
            gpus[gpu] = gpus.get(gpu, 0.0) + min(1.0, place.device_share)
    threads = sum(place.threads for place in places if place.device == "cpu")
    return Neighbour(os.getpid(), study, len(places), gpus, threads)


@contextmanager
def announced(me: Neighbour, folder: Path | None = None) -> Iterator[None]:
    """Within the block others know of these slots. Where nothing can be written, they do not."""
    lock = None
    path = (folder or _folder()) / f"{me.pid}-{id(me)}.json"
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent.stat().st_uid != os.getuid():  # somebody else's idea of our folder
            raise PermissionError(path)
        lock = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = {"pid": me.pid, "study": me.study, "slots": me.slots, "gpus": dict(me.gpus), "threads": me.threads}
        os.write(lock, json.dumps(words).encode())
    try:
        yield
    finally:
        if lock is not None:
            with suppress(OSError):
                path.unlink()
            os.close(lock)


def neighbours(folder: Path | None = None) -> list[Neighbour]:
    """Who has announced slots and lives; what the dead have left is removed."""
    found = []
    for path in sorted((folder or _folder()).glob("*.json")):
        with suppress(OSError, ValueError, TypeError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(Neighbour(**json.loads(file.read())))
            else:
                path.unlink()
    return found


def crowding(me: Neighbour, others: Sequence[Neighbour], cores: int) -> str | None:
    """What there is to say where slots of several launchers take more than the machine has; None where they do not."""
    who = ", ".join(f"{other.study} (process {other.pid}, {other.slots} slots)" for other in others)
    shared = sorted(
        gpu
        for gpu, share in me.gpus.items()
        if (taken := sum(other.gpus.get(gpu, 0.0) for other in others)) > 0 and share + taken > SLACK
    )
    if shared:
        return (
            f"also on this machine: {who}. GPU {', '.join(shared)} is taken by both: trials slow each other down and "
            f"may run out of memory. Start when that has ended, or choose other GPUs with {VISIBLE}."
        )
    threads = sum(other.threads for other in others)
    if me.threads and threads and me.threads + threads > cores:
        return (
            f"also on this machine: {who}. Together they take {me.threads + threads} threads on {cores} cores: trials "
            "slow each other down, and predictions are off. Fewer slots (--slots), or start when that has ended."
        )
    return None


def say_crowding(study: str, places: Sequence[Slot]) -> str | None:
    """`crowding` of these slots with all that is announced now."""
    return crowding(neighbour_of(study, places), neighbours(), available_cores())


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"sweeper-{os.getuid()}-slots"
