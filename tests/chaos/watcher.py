"""When processes of trials really began and ended, seen from outside, by the clock that runs since boot."""

import json
import os
import select
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sweeper.execution.slots.processes import started_at

LOOK_S: Final = 0.025


@dataclass(slots=True)
class Life:
    """The process of an attempt.

    Attributes:
        attempt: its id in its store; 0 if the process does not say.
        began: seconds since boot.
        ended: the same; None while it runs.
        lineage: of a chain that came to its end.
    """

    attempt: int
    pid: int
    number: int
    began: float
    resumed: int
    ended: float | None = None
    lineage: list[list[Any]] | None = None

    @property
    def seconds(self) -> float:
        """How long it lived."""
        assert self.ended is not None
        return self.ended - self.began


@dataclass(slots=True)
class Journal:
    """What the trials of one store have written about themselves."""

    path: Path
    lives: dict[int, Life] = field(default_factory=dict)  # by attempt
    seen: dict[int, Life] = field(default_factory=dict)  # by process id, of programs that write no journal
    again: list[int] = field(default_factory=list)  # attempts of which more than one process ran
    _read: int = 0

    def news(self) -> Iterable[Life]:
        """Read what was added; return the processes that began."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        self._read += len(text)
        return [life for life in map(self._take, text.splitlines()) if life is not None]

    def _take(self, line: bytes) -> Life | None:
        found = json.loads(line)
        attempt = found["attempt"]
        if found["event"] == "start":
            if attempt in self.lives:
                self.again.append(attempt)
            life = Life(attempt, found["pid"], found["number"], found["began"], found["resumed"])
            self.lives[attempt] = life
            return life
        if found["event"] == "end":
            self.lives[attempt].lineage = found["lineage"]
        return None


class Watcher:
    """A thread that notes when processes end.

    Attributes:
        lag_s: the longest time that it did not look: the machine was busy.
    """

    def __init__(self) -> None:
        self.lag_s = 0.0
        self._journals: list[Journal] = []
        self._open: dict[int, Life] = {}  # by pidfd
        self._leaves = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def watch(self, path: Path) -> Journal:
        """Read a journal from now on."""
        journal = Journal(path)
        with self._lock:
            self._journals.append(journal)
        return journal

    def see(self, journal: Journal, pid: int) -> None:
        """Note when a process ends whose program writes no journal."""
        if pid not in journal.seen and (began := started_at(pid)) > 0.0:
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                with self._lock:
                    journal.seen[pid] = self._open[descriptor] = Life(0, pid, 0, began, 0)

    def close(self) -> None:
        """Look a last time, and end."""
        self._leaves.set()
        self._thread.join()

    def _run(self) -> None:
        looked_at = time.monotonic()
        while not self._leaves.wait(LOOK_S):
            now = time.monotonic()
            self.lag_s, looked_at = max(self.lag_s, now - looked_at - LOOK_S), now
            self._look()
        self._look()
        for descriptor in self._open:
            os.close(descriptor)

    def _look(self) -> None:
        with self._lock:
            journals = list(self._journals)
        for journal in journals:
            for life in journal.news():
                try:
                    self._open[os.pidfd_open(life.pid)] = life
                except ProcessLookupError:
                    life.ended = time.clock_gettime(time.CLOCK_BOOTTIME)
        poll = select.poll()
        with self._lock:
            descriptors = list(self._open)
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(0):
            self._open.pop(descriptor).ended = time.clock_gettime(time.CLOCK_BOOTTIME)
            with suppress(OSError):
                os.close(descriptor)
