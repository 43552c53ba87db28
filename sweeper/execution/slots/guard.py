"""A small process beside each slot that ends the slot's trial when the slot cannot.

A slot that is killed takes its trial with it, but not what the trial has started. A slot that is stopped, or cut off
from the store, keeps its trial running although its lease runs out and another slot may take the trial over: two
processes would write into one run directory. The guard sees both: the end of a pipe, and that no word came in time.

It is no descendant of the slot's: whoever kills a slot with all its descendants, as loky does, spares it.
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
    """The slot's end of the pipe. A guard that died is started again when it is needed."""

    def __init__(self) -> None:
        self._pipe: int | None = None
        self._watched: int | None = None

    def announcer(self, patience_s: float) -> Callable[[], None]:
        """What a trial's process calls before it becomes the program: from then on the guard watches its group."""
        pipe = self._started()

        def announce() -> None:
            with suppress(OSError):
                os.write(pipe, f"watch {os.getpid()} {patience_s:.3f}\n".encode())

        return announce

    def watch(self, group: int, patience_s: float) -> None:
        """Kill this process group should no word come for so long."""
        self._watched = group
        self._tell(f"watch {group} {patience_s:.3f}")

    def beat(self, patience_s: float) -> None:
        """The slot lives; the next word comes within so many seconds."""
        self._tell(f"watch {self._watched} {patience_s:.3f}" if self._pipe is None else f"beat {patience_s:.3f}")

    def drop(self) -> None:
        """The group has ended."""
        self._watched = None
        if self._pipe is not None:
            self._tell("drop")

    def close(self) -> None:
        """Let the guard go."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _tell(self, line: str) -> None:
        try:
            os.write(self._started(), line.encode() + b"\n")
        except BrokenPipeError:  # it was killed: another takes over
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
