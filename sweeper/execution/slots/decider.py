"""Have claims looked at, and further seeds requested, once a round of seeds is complete: by a process of its own.

Each launcher and worker has a decider, which looks at the store several times a second and starts the process
(`sweeper.decision`) when a study waits for a decision. Several may do so at once; the store takes one decision.
"""

import json
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Final

from sqlalchemy import Engine

from sweeper.errors import SweeperError
from sweeper.store.queue import queue
from sweeper.subprocesses import module_command

MODULE: Final = "sweeper.decision"  # imported by its process alone
UNAVAILABLE: Final = 75  # its exit code where the store does not answer
MOST_FAILURES: Final = 3  # in a row, after which the run ends
BACK_OFF_S: Final = 1.0  # before the next try; doubles each time
LAST_BACK_OFF_S: Final = 30.0
MOST_TEXT: Final = 2000  # characters of what it said


@dataclass(slots=True)
class Decider:
    """Starts the process that decides, one at a time, and says what is wrong if it fails again and again."""

    engine: Engine
    store: str
    study: str
    study_id: int
    _process: "subprocess.Popen[bytes] | None" = None
    _said: IO[bytes] | None = None
    _failures: int = 0
    _back_off_s: float = 0.0
    _not_before: float = field(default=0.0)

    def look(self) -> None:
        """Start the process if the study waits for a decision, and look after one that was started.

        Raises:
            SweeperError: it failed several times in a row.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._ended(code)
        if time.monotonic() >= self._not_before and queue.decision_due(self.engine, self.study_id):
            self._start()

    def close(self) -> None:
        """End the process; what it has not written yet is decided by whoever looks next."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def _start(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        self._process = subprocess.Popen(
            module_command(MODULE),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,  # ^C is for the launcher alone
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as pipe:  # one that has ended has an exit code
            pipe.write(json.dumps({"store": self.store, "study": self.study}).encode())

    def _ended(self, code: int) -> None:
        said = self._forget()
        if code == 0:
            self._failures, self._back_off_s, self._not_before = 0, 0.0, 0.0
            return
        self._back_off_s = min(LAST_BACK_OFF_S, max(BACK_OFF_S, 2 * self._back_off_s))
        self._not_before = time.monotonic() + self._back_off_s
        if code == UNAVAILABLE:  # the store's own outage is reported by whoever needs it
            return
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            raise SweeperError(
                f"{self.study}: the process that looks at claims and requests further seeds {_how(code)}, "
                f"{self._failures} times in a row{said}. Nothing is lost: the same command resumes."
            )

    def _forget(self) -> str:
        """Forget the process; return the last line of what it said."""
        assert self._said is not None
        self._said.seek(0)
        text = self._said.read().decode(errors="replace").strip()
        self._said.close()
        self._process = self._said = None
        last = text.splitlines()[-1:]  # of a traceback, what it is about
        return f": {last[0][:MOST_TEXT].rstrip('.')}" if last else ""


def _how(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed, perhaps because memory ran out"
    return f"ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
