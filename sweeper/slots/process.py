"""A trial's process: started in a group of its own, watched, ended with everything it started.

The process dies with the slot that started it: the kernel sends it SIGKILL when the slot goes (Linux), and whoever
claims the trial after a slot was killed ends what may be left of the group.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from sweeper.slots.processes import kill_group, started_at

PR_SET_PDEATHSIG: Final = 1
TAIL_BYTES: Final = 8192
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel for a signal to this process when its parent dies (Linux; elsewhere nothing happens)."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


@dataclass(slots=True)
class TrialProcess:
    """A running trial process, leader of its process group."""

    popen: subprocess.Popen[bytes]
    pid_started_at: float
    output: Path
    output_start: int  # bytes of the output file that earlier attempts wrote
    peak_memory_bytes: int = 0

    @property
    def pid(self) -> int:
        """The process id, which is its group's too."""
        return self.popen.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self.popen.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Like `poll`, but gives the process some time to end."""
        with suppress(subprocess.TimeoutExpired):
            return self.popen.wait(timeout_s)
        return None

    def measure_memory(self) -> int:
        """Resident memory of the process and its children now, in bytes; the peak is kept."""
        with suppress(psutil.Error):
            root = psutil.Process(self.pid)
            total = 0
            for process in [root, *root.children(recursive=True)]:
                with suppress(psutil.Error):
                    total += process.memory_info().rss
            self.peak_memory_bytes = max(self.peak_memory_bytes, total)
        return self.peak_memory_bytes

    def ask_to_stop(self) -> None:
        """SIGTERM to the whole group: write a checkpoint and leave."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)

    def end(self) -> int:
        """Kill whatever is left of the group and reap the process; its exit code."""
        kill_group(self.pid)
        return self.popen.wait()

    def tail(self) -> str:
        """The last words of this attempt on standard output and error."""
        with suppress(OSError), self.output.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self.output_start, size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode(errors="replace")
        return ""


def start(argv: Sequence[str], *, environment: Mapping[str, str], cwd: Path, output: Path) -> TrialProcess:
    """Start a trial's process; its output is appended to a file.

    Raises:
        OSError: the program cannot be started.
    """
    before = time.time()
    with output.open("ab") as file:
        output_start = file.tell()
        popen = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            # Between fork and exec only a system call is made: safe although the slot has threads.
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
    return TrialProcess(popen, started_at(popen.pid) or before, output, output_start)
