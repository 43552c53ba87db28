"""Turns at a file's write lock, in the order of the requests.

SQLite lets those who wait for its write lock sleep, longer each time, and whoever happens to be awake takes it: with 64
slots, some wait for seconds. A lock on the store's directory makes them queue. It is taken before SQLite's, which is
almost always free then, and which alone keeps the file consistent.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sweeper.store.url import BUSY_TIMEOUT_S

LOOK_S: Final = 0.01  # between two requests where nothing can wait for the lock


class Turns:
    """The turns of one process at one store.

    Args:
        directory: of the store's file. Locking the file itself would take away SQLite's own locks when it is closed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._alone = False

    @contextmanager
    def turn(self, timeout_s: float = BUSY_TIMEOUT_S) -> Iterator[bool]:
        """Wait for a turn, and have it for the time of the block.

        Yields:
            False after the time-out, and where there are no such locks: SQLite's own decides alone.
        """
        descriptor = None if self._alone else _lock(self._directory, timeout_s)
        try:
            yield self._alone or descriptor is not None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have the turn for several transactions of this process's only thread."""
        with self.turn():
            self._alone = True
            try:
                yield
            finally:
                self._alone = False


def _lock(directory: Path, timeout_s: float) -> int | None:
    """Return a descriptor that holds the lock until it is closed; None after the time-out, or if there are no locks."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            return descriptor if _Wait(descriptor).ends_within(timeout_s) else None
        except RuntimeError:  # no thread can be started now
            return _lock_again(descriptor, timeout_s)
    except OSError:  # a file system without locks
        os.close(descriptor)
        return None
    return descriptor


def _lock_again(descriptor: int, timeout_s: float) -> int | None:
    """Ask for the lock now and then: not in the order of the requests, but without a thread."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        time.sleep(LOOK_S)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
    os.close(descriptor)
    return None


class _Wait(threading.Thread):
    """Waits for a lock, in the kernel's queue; that wait has no time-out, so a thread does it that can be left."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self._descriptor = descriptor
        self._has_it = threading.Event()
        self._decides = threading.Lock()
        self._is_left = False
        self.start()

    def run(self) -> None:
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._decides:
            if self._is_left:
                os.close(self._descriptor)
            self._has_it.set()

    def ends_within(self, seconds: float) -> bool:
        if self._has_it.wait(seconds):
            return True
        with self._decides:
            self._is_left = not self._has_it.is_set()
        return not self._is_left
