"""Directories for temporary files that only this user can enter, and that do not outlive their process for long.

Each holds a lock file. The kernel releases the lock when its process dies, whatever happens; the next one to make a
directory of the same kind removes what dead ones have left.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sweeper.execution.slots.directory_lock import NO_LOCKS

LOCK_FILE: Final = "lock"


@contextmanager
def private_directory(kind: str, parent: Path | None = None) -> Iterator[Path]:
    """Yield a new directory, which is removed after the block, and remove those of dead processes.

    Args:
        parent: an existing directory of this user's; None for the system's directory for temporary files.
    """
    prefix = f"sweeper-{os.getuid()}-{kind}-" if parent is None else f".{kind}-"
    parent = parent or Path(tempfile.gettempdir())
    _remove_abandoned(parent, prefix)
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    draft = directory / f"{LOCK_FILE}.new"  # it has its name once it is locked: others remove what nobody has locked
    lock = os.open(draft, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(lock)
        draft.rename(directory / LOCK_FILE)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def _lock(descriptor: int) -> None:
    """Lock a file, unless its file system has no locks: then nobody removes what lies there but its own process."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise


def _remove_abandoned(parent: Path, prefix: str) -> None:
    for directory in parent.glob(f"{prefix}*"):
        # Without a lock file, it is being made now.
        with suppress(OSError), (directory / LOCK_FILE).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
