"""A trial's process: started in a group of its own, watched, and ended with everything it started.

The process dies with the slot that started it: the kernel sends it SIGKILL when the slot goes (Linux), the slot's guard
kills the rest of its group, and after a slot was killed, the next one to claim the trial ends what may be left.
"""

import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import psutil

from sweeper.execution.slots.processes import kill_group, prctl, signal_group, started_at
from sweeper.execution.slots.regular_files import appending, reading
from sweeper.execution.slots.strays import MARK, adopted, end_strays, own_children, reap

PR_SET_PDEATHSIG: Final = 1
TAIL_BYTES: Final = 8192


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel to signal this process when its parent dies (Linux; elsewhere nothing happens)."""
    prctl(PR_SET_PDEATHSIG, number)


class Handle(Protocol):
    """How a process is waited for: as our child, or through the server that forked it.

    Attributes:
        exited_at: when it exited, on the monotonic clock; None unless that was seen before it could be reaped.
    """

    exited_at: float | None

    def ended(self, timeout_s: float) -> bool:
        """Return whether the process ends within the time."""

    def reap(self) -> "Reaped":
        """Wait for the process to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """How a process ended.

    Attributes:
        exit_code: negative for a signal.
        peak_memory_bytes: 0 if unknown.
        is_lost: whether it was killed because the server that forked it died.
    """

    exit_code: int
    peak_memory_bytes: int
    is_lost: bool = False


class Child:
    """A child of this process, waited for without polling if the kernel can (Linux)."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.exited_at: float | None = None
        self._popen = popen
        self._descriptor: int | None = None
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):
                self._descriptor = os.pidfd_open(popen.pid)

    def ended(self, timeout_s: float) -> bool:
        """Return whether the child ends within the time; it stays a zombie, so its group keeps its number."""
        if self._descriptor is None:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout_s)
            return self._popen.returncode is not None
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def reap(self) -> Reaped:
        """Wait for the child and ask the kernel what it used."""
        if self._popen.returncode is not None:  # reaped by `ended`, without pidfd_open
            return Reaped(exit_code=self._popen.returncode, peak_memory_bytes=0)
        _, status, usage = os.wait4(self._popen.pid, 0)
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        if self._descriptor is not None:
            os.close(self._descriptor)
        return Reaped(exit_code=self._popen.returncode, peak_memory_bytes=_own_peak(usage.ru_maxrss))


@dataclass(slots=True)
class TrialProcess:
    """A running trial process, leader of its process group.

    Attributes:
        pid: its id, which is also its group's.
        output_start: bytes of the output file that earlier attempts wrote.
        peak_memory_bytes: the highest observed memory of the process and its children.
        before: the slot's children when it began.
        mark: of its attempt, in the environment of all that it starts.
        left: what it had left running outside of its group when it ended.
        is_lost: whether it was killed with the server that forked it.
    """

    pid: int
    pid_started_at: float
    handle: Handle
    output: Path
    output_start: int
    peak_memory_bytes: int = 0
    exit_code: int | None = None
    mark: str | None = None
    left: list[str] = field(default_factory=list)
    before: set[int] = field(default_factory=set)
    _began: float = field(default_factory=time.monotonic)
    is_lost: bool = False

    def ended(self, timeout_s: float) -> bool:
        """Return whether the process ends within the time."""
        return self.exit_code is not None or self.handle.ended(timeout_s)

    def measure_memory(self) -> int:
        """Measure the resident memory of the process and its children; return their peak in bytes."""
        reap(adopted(self.before | {self.pid}))
        with suppress(psutil.Error):
            root = psutil.Process(self.pid)
            total = 0
            for process in [root, *root.children(recursive=True)]:
                with suppress(psutil.Error):
                    total += process.memory_info().rss
            self.peak_memory_bytes = max(self.peak_memory_bytes, total)
        return self.peak_memory_bytes

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the whole group: write a checkpoint and exit."""
        signal_group(self.pid, signal.SIGTERM)

    def end(self) -> int:
        """Kill whatever is left of the group and reap the process; return its exit code."""
        if self.exit_code is None:
            signal_group(self.pid, signal.SIGKILL)
            reaped = self.handle.reap()
            self.exit_code, self.is_lost = reaped.exit_code, reaped.is_lost
            self.peak_memory_bytes = max(self.peak_memory_bytes, reaped.peak_memory_bytes)
            kill_group(self.pid)
            if self.mark is not None:
                self.left = end_strays(self.mark, self.pid, self.before, time.monotonic() - self._began)
        return self.exit_code

    def tail(self) -> str:
        """Return the end of this attempt's output."""
        with suppress(OSError), reading(self.output) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self.output_start, size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode(errors="replace")
        return ""


def start(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    output: Path,
    announce: Callable[[], None] = lambda: None,
    lock: int | None = None,
) -> TrialProcess:
    """Start a trial's process; its output is appended to a file.

    Args:
        announce: called in the process, already leader of its group, before it becomes the program.
        lock: the descriptor that holds the lock of its run directory, to be kept as long as it lives.

    Raises:
        OSError: the program cannot be started.
    """

    def between_fork_and_exec() -> None:
        """Die with the slot, and handle signals as if a shell had started it: the slot itself ignores Ctrl-C."""
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        announce()

    before = own_children()
    with appending(output) as file:
        output_start = file.tell()
        popen = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
            # Only system calls are made between fork and exec: safe although the slot may have threads.
            preexec_fn=between_fork_and_exec,  # noqa: PLW1509
        )
    found = TrialProcess(popen.pid, started_at(popen.pid), Child(popen), output, output_start)
    found.mark, found.before = environment.get(MARK), before
    return found


def _own_peak(peak_kib: int) -> int:
    """Return a child's peak memory in bytes; 0 if it is no more than it had at first as a copy of this process."""
    return peak_kib * 1024 if peak_kib > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss else 0


class Start(Protocol):
    """Starts a trial's process."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        output: Path,
        announce: Callable[[], None],
        lock: int | None,
    ) -> TrialProcess:
        """Start it; its output is appended to a file.

        Args:
            announce: called in the process, if it may not be known yet.
            lock: the descriptor that holds the lock of its run directory, which it inherits.
        """
