"""A small process beside each slot that ends the slot's trial when the slot cannot.

A slot that is killed takes its trial with it, but not what the trial has started. A slot that is stopped, or cut off
from the store, keeps its trial running although its lease runs out and another slot may take the trial over: two
processes would write into one run directory. The guard sees both: the end of a pipe, and that no word came in time.
"""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

PROGRAM: Final = Path(__file__).with_name("guard_process.py")


class Guard:
    """The slot's end of the pipe. A guard that died is started again when it is needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._watched: int | None = None

    def watch(self, group: int, patience_s: float) -> None:
        """Kill this process group should no word come for so long."""
        self._watched = group
        self._tell(f"watch {group} {patience_s:.3f}", patience_s)

    def beat(self, patience_s: float) -> None:
        """The slot lives; the next word comes within so many seconds."""
        self._tell(f"beat {patience_s:.3f}", patience_s)

    def drop(self) -> None:
        """The group has ended."""
        self._watched = None
        if self._process is not None:
            with suppress(OSError):
                self._write("drop")

    def close(self) -> None:
        """End the guard."""
        if self._process is not None:
            with suppress(OSError):
                self._pipe().close()
            self._process.wait()
            self._process = None

    def _tell(self, line: str, patience_s: float) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()
            line = f"watch {self._watched} {patience_s:.3f}"
        try:
            self._write(line)
        except BrokenPipeError:  # killed this very moment: the next beat starts another
            self.close()

    def _start(self) -> None:
        self.close()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )

    def _write(self, line: str) -> None:
        self._pipe().write(line.encode() + b"\n")

    def _pipe(self) -> IO[bytes]:
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin
