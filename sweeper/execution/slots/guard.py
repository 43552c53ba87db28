"""A small process beside each slot that ends the slot's trial when the slot cannot.

A slot that is killed takes its trial with it, but not what the trial has started. A slot that is stopped, or cut off
from the store, keeps its trial running although its lease expires and another slot may take over the trial: two
processes would write to one run directory. A slot that is stuck ignores time limits, and the end of its launcher. The
guard notices all of it: its pipe closes, or no message arrives in time, or the launcher's process ends.

It is not a descendant of the slot: loky kills a slot with all its descendants, and must spare the guard.
"""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweeper.execution.slots.processes import TICKS_PER_S
from sweeper.execution.slots.strays import MARK, adopting_nothing

PROGRAM: Final = Path(__file__).with_name("guard_process.py")
ENDED_FILE: Final = ".ended"  # of a run directory: when a trial ended whose slot could not say so


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Whom the guard watches besides a trial: the slot, and its launcher, as pid and start time.

    Attributes:
        stuck_s: how long the slot may remain silent after its trial was killed for its silence.
        orphan_s: how long the slot may outlive its launcher.
    """

    slot: tuple[int, float]
    launcher: tuple[int, float]
    stuck_s: float
    orphan_s: float

    def lines(self) -> list[str]:
        """Return what a guard is to know first."""
        return [
            f"slot {_process(self.slot)} {_not_before(self.stuck_s)}",
            f"launcher {_process(self.launcher)} {_not_before(self.orphan_s)}",
        ]


@dataclass(frozen=True, slots=True)
class _Limit:
    at: float  # on the monotonic clock
    grace_s: float

    def line(self) -> str:
        return f"limit {_not_before(self.at - time.monotonic())} {_not_before(self.grace_s)}"


def _not_before(seconds: float) -> str:
    """Return a time for the guard to wait, rounded up.

    If it acted a fraction of a millisecond early, the slot would find the trial killed while the lease, or the time
    limit, still holds, and would blame the trial.
    """
    return f"{math.ceil(1000 * max(0.0, seconds)) / 1000:.3f}"


class Guard:
    """The slot's end of the pipe. A guard that died is restarted when it is needed."""

    def __init__(self, owners: Owners | None = None) -> None:
        self._owners = owners
        self._pipe: int | None = None
        self._watched: int | None = None
        self._silent_at = 0.0  # on the monotonic clock
        self._limit: _Limit | None = None
        self._note: Path | None = None
        self._mark: str | None = None

    def announcer(self, timeout_s: float) -> Callable[[], None]:
        """Return a function for a trial's process to call before it becomes the program, to be watched from then on."""
        pipe = self._started()

        def announce() -> None:
            with suppress(OSError):
                os.write(pipe, f"watch {os.getpid()} {_not_before(timeout_s)}\n".encode())

        return announce

    def watch(self, group: int, timeout_s: float, run_dir: Path | None = None, mark: str | None = None) -> None:
        """Kill this process group if no message arrives for this long.

        Args:
            run_dir: where to write when it ended, in `ENDED_FILE`, if the slot cannot.
            mark: in the environment of processes outside of the group that are to be killed with it.
        """
        self._watched, self._limit, self._mark = group, None, mark
        self._note = None if run_dir is None else run_dir / ENDED_FILE
        self._silent_at = time.monotonic() + timeout_s
        self._tell(*self._state())

    def limit(self, seconds: float, grace_s: float) -> None:
        """Ask the group to stop after this time, even if the slot does not, and kill it after the grace."""
        self._limit = _Limit(time.monotonic() + seconds, grace_s)
        self._tell(self._limit.line())

    def beat(self, timeout_s: float) -> None:
        """Report that the slot is alive; the next message arrives within this many seconds."""
        self._silent_at = time.monotonic() + timeout_s
        self._tell(*(self._state() if self._pipe is None else [f"beat {_not_before(timeout_s)}"]))

    def drop(self) -> None:
        """Stop watching: the group has ended."""
        self._watched = self._limit = self._note = self._mark = None
        if self._pipe is not None:
            self._tell("drop")

    def close(self) -> None:
        """End the guard."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _state(self) -> list[str]:
        """Return all that a guard is to know of the trial."""
        if self._watched is None:
            return []
        return [
            f"watch {self._watched} {_not_before(self._silent_at - time.monotonic())}",
            *([] if self._note is None else [f"note {os.fsencode(self._note).hex()}"]),
            *([] if self._mark is None else [f"mark {os.fsencode(f'{MARK}={self._mark}').hex()}"]),
            *([] if self._limit is None else [self._limit.line()]),
        ]

    def _tell(self, *lines: str) -> None:
        """Send lines; if the guard was killed, start another, which needs to know everything."""
        try:
            self._send(*lines)
        except BrokenPipeError:
            self.close()
            if self._watched is not None:
                with suppress(BrokenPipeError):
                    self._send(*self._state())

    def _send(self, *lines: str) -> None:
        os.write(self._started(), "".join(f"{line}\n" for line in lines).encode())

    def _started(self) -> int:
        if self._pipe is None:
            reading, self._pipe = os.pipe()
            try:
                with adopting_nothing():
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
            if self._owners is not None:
                self._send(*self._owners.lines())
        return self._pipe


def _process(identity: tuple[int, float]) -> str:
    pid, started_at = identity
    return f"{pid} {round(started_at * TICKS_PER_S)}"
