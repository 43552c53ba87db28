"""A small process beside each slot that ends the slot's trial when the slot cannot.

A slot that is killed takes its trial with it, but not what the trial has started. A slot that is stopped, or cut off
from the store, keeps its trial running although its lease expires and another slot may take over the trial: two
processes would write to one run directory. The guard notices both: its pipe closes, or no message arrives in time.

It is not a descendant of the slot: loky kills a slot with all its descendants, and must spare the guard.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

PROGRAM: Final = Path(__file__).with_name("guard_process.py")


class Guard:
    """The slot's end of the pipe. A guard that died is restarted when it is needed."""

    def __init__(self) -> None:
        self._pipe: int | None = None
        self._watched: int | None = None

    def announcer(self, timeout_s: float) -> Callable[[], None]:
        """Return a function for a trial's process to call before it becomes the program, to be watched from then on."""
        pipe = self._started()

        def announce() -> None:
            with suppress(OSError):
                os.write(pipe, f"watch {os.getpid()} {timeout_s:.3f}\n".encode())

        return announce

    def watch(self, group: int, timeout_s: float) -> None:
        """Kill this process group if no message arrives for this long."""
        self._watched = group
        self._tell(f"watch {group} {timeout_s:.3f}")

    def beat(self, timeout_s: float) -> None:
        """Report that the slot is alive; the next message arrives within this many seconds."""
        self._tell(f"watch {self._watched} {timeout_s:.3f}" if self._pipe is None else f"beat {timeout_s:.3f}")

    def drop(self) -> None:
        """Stop watching: the group has ended."""
        self._watched = None
        if self._pipe is not None:
            self._tell("drop")

    def close(self) -> None:
        """End the guard."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _tell(self, line: str) -> None:
        try:
            os.write(self._started(), line.encode() + b"\n")
        except BrokenPipeError:  # it was killed: start another
            self.close()
            if self._watched is not None:
                line = f"watch {self._watched} {line.rsplit(maxsplit=1)[-1]}"
                with suppress(BrokenPipeError):
                    os.write(self._started(), line.encode() + b"\n")

    def _started(self) -> int:
        if self._pipe is None:
            reading, self._pipe = os.pipe()
            try:
                subprocess.run(
                    [sys.executable, "-I", "-S", str(PROGRAM)],
                    stdin=reading,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    check=False,
                )
            finally:
                os.close(reading)
        return self._pipe
