"""Have claims looked at, and further seeds requested, once a round of seeds is complete: by a process of its own.

Each launcher and worker has a decider, which looks at the store several times a second and starts the process
(`sweeper.decision`) when a study waits for a decision. Several may do so at once; the store takes one decision.

The process has a time limit, since nothing else runs while it does: one that hangs is ended and started again, with
twice the time. If it fails again and again, what is planned runs, unless the study has a cap that claims need for
further seeds; then the run ends with the reason.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Final

from sqlalchemy import Engine

from sweeper.errors import SweeperError
from sweeper.quantities import counted, duration
from sweeper.store.queue import queue
from sweeper.store.retry import warn
from sweeper.store.same_store import uid_of
from sweeper.subprocesses import module_command

MODULE: Final = "sweeper.decision"  # imported by its process alone
WHAT: Final = "the process that looks at claims and requests further seeds"
UNAVAILABLE: Final = 75  # its exit code where the store does not answer
MOST_FAILURES: Final = 3  # in a row, after which the run ends
BACK_OFF_S: Final = 1.0  # before the next try; doubles each time
LAST_BACK_OFF_S: Final = 30.0
MOST_TEXT: Final = 2000  # characters of what it said
# A look at 12 claims with 50 seeds took 12 s on a busy machine; a machine that swaps is some 20 times as slow.
LIMIT_S: Final = 300.0  # for a process; doubles each time that one hangs
PER_TRIAL_S: Final = 1.0  # in addition, for each trial of the study
GONE_S: Final = 5.0  # for a process that was killed to end; one that waits for a dead disk does not


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
    _hangs: int = 0
    _limit_s: float = LIMIT_S
    _started_at: float = 0.0
    _back_off_s: float = 0.0
    _not_before: float = field(default=0.0)

    @property
    def is_deciding(self) -> bool:
        """Whether its process runs."""
        return self._process is not None

    def look(self) -> None:
        """Start the process if the study waits for a decision, and look after one that was started.

        Raises:
            SweeperError: it failed several times in a row.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                self._ended(code)
            elif time.monotonic() - self._started_at > self._limit_s:
                self._hung()
            else:
                return
        if time.monotonic() >= self._not_before and queue.decision_due(self.engine, self.study_id):
            self._start()

    def close(self) -> None:
        """End the process; what it has not written yet is decided by whoever looks next."""
        if self._process is not None:
            self._kill()
            self._forget()

    def _kill(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session, so its group is its own
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GONE_S)

    def _start(self) -> None:
        num_trials = sum(queue.counts(self.engine, self.study_id).values())
        self._limit_s = (LIMIT_S + PER_TRIAL_S * num_trials) * 2**self._hangs
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        self._process = subprocess.Popen(
            module_command(MODULE),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,  # ^C is for the launcher alone
        )
        self._started_at = time.monotonic()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as pipe:  # one that has ended has an exit code
            uid = uid_of(self.engine)
            asked = {"store": self.store, "uid": uid, "study": self.study, "limit_s": self._limit_s}
            pipe.write(json.dumps(asked).encode())

    def _hung(self) -> None:
        """End a process that takes too long."""
        self._kill()
        self._forget()
        self._hangs += 1
        how = f"did not finish within {duration(self._limit_s)} and was ended"
        if self._failures + 1 < MOST_FAILURES:
            warn(f"{self.study}: {WHAT} {how}; it is started again, with twice the time")
        self._failed(how)

    def _ended(self, code: int) -> None:
        said = self._forget()
        if code == 0:
            self._failures, self._hangs, self._back_off_s, self._not_before = 0, 0, 0.0, 0.0
        elif code == UNAVAILABLE:  # the store's own outage is reported by whoever needs it
            self._wait()
        else:
            self._failed(_how(code), said)

    def _wait(self) -> None:
        self._back_off_s = min(LAST_BACK_OFF_S, max(BACK_OFF_S, 2 * self._back_off_s))
        self._not_before = time.monotonic() + self._back_off_s

    def _failed(self, how: str, said: str = "") -> None:
        """Count a failure; after several in a row, have what is planned run, or end the run if nothing is."""
        self._wait()
        self._failures += 1
        if self._failures < MOST_FAILURES:
            return
        text = f"{self.study}: {WHAT} {how}, {self._failures} times in a row{said}."
        released = queue.release_held(self.engine, self.study_id)
        if not released:
            raise SweeperError(f"{text} Nothing is lost: the same command resumes.")
        self._failures = self._hangs = 0
        warn(f"{text} Meanwhile, {counted(released, 'planned trial')} {'runs' if released == 1 else 'run'}.")

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
