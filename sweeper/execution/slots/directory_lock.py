"""The lock on a run directory, held by a slot and its trial's processes: while one of them lives, nobody else has it.

The kernel releases it when the last process ends that has inherited it, however the slot ends.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sweeper.execution.slots.processes import PROCESSES
from sweeper.execution.slots.regular_files import appending, reading

LOCK_FILE: Final = ".lock"
NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})  # on this file system
MOST_BYTES: Final = 4096
MOUNTS: Final = PROCESSES / "self" / "mounts"
LOCAL: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "tmpfs", "overlay"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who took a lock: a slot, and the attempt for which it did.

    Attributes:
        address: of the store; copies of a store have the same `store_uid`.
    """

    store_uid: str
    address: str
    attempt_id: int
    trial: str
    host: str
    machine: str
    pid: int


class Locked(Exception):  # noqa: N818 - a fact about the directory
    """Some process has the lock.

    Attributes:
        holder: None if it has not said who it is.
    """

    def __init__(self, holder: Holder | None) -> None:
        super().__init__()
        self.holder = holder


def lock(directory: Path, holder: Holder) -> int | None:
    """Lock a directory; return the descriptor that holds the lock, or None if its file system has no locks.

    Raises:
        Locked: another process has the lock.
        OSError: the directory cannot be written to, or is gone.
    """
    path = directory / LOCK_FILE
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                _write(descriptor, holder)
                return descriptor
        except BlockingIOError:
            found = _read(descriptor)
            os.close(descriptor)
            raise Locked(found) from None
        except OSError as error:
            os.close(descriptor)
            if error.errno in NO_LOCKS:
                return None
            raise
        os.close(descriptor)  # the file was replaced in between


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep others from a directory for a moment; who holds the lock is what it was.

    Raises:
        Locked: a process has the lock.
        OSError: the directory cannot be written to, or is gone.
    """
    with appending(directory / LOCK_FILE) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(None) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield


def is_free(directory: Path) -> bool:
    """Return whether a directory has a lock that nobody holds: whoever made it is dead."""
    with suppress(OSError), reading(directory / LOCK_FILE) as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    return False


def is_decisive(directory: Path, machine: str | None, here: str) -> bool:
    """Return whether a free lock shows that a process of a machine, as `this_machine` names it, is dead.

    It does on one kernel. Network file systems forget the locks of a machine that is silent, so elsewhere it does not,
    unless that was this machine before it was started again, and the disk is its own.
    """
    if machine is None:
        return False
    host, _, rest = machine.partition("/")
    my_host, _, my_rest = here.partition("/")
    boot, my_boot = rest.partition("/")[0], my_rest.partition("/")[0]
    if boot == my_boot:
        return bool(boot) or host == my_host
    return host == my_host and _file_system(directory) in LOCAL


def holding_processes(directory: Path) -> list[int]:
    """Return the processes of this machine that keep a directory's lock, as far as they can be seen (Linux)."""
    try:
        wanted = (directory / LOCK_FILE).stat()
    except OSError:
        return []
    me, found = os.getpid(), []
    for process in PROCESSES.glob("[0-9]*"):
        if int(process.name) != me and _has_open(process, wanted):
            found.append(int(process.name))
    return sorted(found)


def _file_system(path: Path) -> str | None:
    """Return the kind of file system that a path is on (Linux)."""
    found, longest = None, -1
    with suppress(OSError):
        resolved = path.resolve()
        for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            _, point, kind, *_ = line.split(" ")
            point = point.replace("\\040", " ")
            if resolved.is_relative_to(point) and len(point) >= longest:
                found, longest = kind, len(point)
    return found


def _has_open(process: Path, wanted: os.stat_result) -> bool:
    with suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError):
                found = descriptor.stat()
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return True
    return False


def _is_at(descriptor: int, path: Path) -> bool:
    mine = os.fstat(descriptor)
    with suppress(FileNotFoundError):
        found = path.stat()
        return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)
    return False


def _write(descriptor: int, holder: Holder) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, (json.dumps(asdict(holder)) + "\n").encode(), 0)


def _read(descriptor: int) -> Holder | None:
    with suppress(OSError, ValueError, TypeError):
        return Holder(**json.loads(os.pread(descriptor, MOST_BYTES, 0)))
    return None
