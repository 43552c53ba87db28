"""One attempt of a trial, from the start of its process to its exit reason in the store."""

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from sweeper.slots.metrics import METRICS_FILE, LineReader, PatternReader, Tail
from sweeper.slots.outcome import Ending, StopCause, Verdict, judge
from sweeper.slots.process import TrialProcess, start
from sweeper.slots.programs import Program, argv_of, environment_of, write_config
from sweeper.slots.resources import Slot
from sweeper.store import ingest, queue
from sweeper.store.records import Claim, LeaseLost, Outcome
from sweeper.store.trial_metrics import Reported, device_seconds_before, reported

RESULT_FILE: Final = "result.json"
OUTPUT_FILE: Final = "output.log"
RESULT_MOST_BYTES: Final = 1 << 20
FIRST_POLL_S: Final = 0.02  # a short trial is seen to end soon; a long one is looked at less often
LAST_POLL_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A wish to end the attempt: why, and how long the process may take to write its checkpoint."""

    cause: StopCause
    grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the study says of each attempt.

    Attributes:
        retry: how many times a trial may run again, by exit reason.
        timeout_s: for each attempt; None for none.
        grace_s: between SIGTERM and SIGKILL.
        lease_s: an attempt that says nothing for so long is taken for dead.
        heartbeat_s: between two renewals of the lease.
    """

    retry: Mapping[str, int]
    timeout_s: float | None = None
    grace_s: float = 30.0
    lease_s: float = 60.0
    heartbeat_s: float = 5.0


@dataclass(slots=True)
class Supervisor:
    """Runs one claimed trial in a slot.

    `wants_stop` is asked often whether the attempt should end, and must be quick; `should_prune` gets the metric's
    curve whenever it grew.
    """

    engine: Engine
    program: Program
    claim: Claim
    slot: Slot
    rules: Rules
    wants_stop: Callable[[], Stop | None]
    should_prune: Callable[[Mapping[int, float]], bool]
    cwd: Path
    started: float = field(default_factory=time.monotonic)
    _earlier_s: float = 0.0
    _tail: Tail = field(init=False)
    _reader: LineReader | PatternReader = field(init=False)
    _seen: bool = False  # measurements arrived since pruning was last asked

    def run(self) -> str | None:
        """Supervise the attempt to its end.

        Returns:
            The trial's new state; None if the lease was lost, in which case nothing more was written.
        """
        try:
            process = self._start()
        except OSError as error:
            message = f"{argv_of(self.program, self.claim)[0]!r} cannot be started: {error.strerror or error}"
            return self._finish(Verdict(exit_reason="crashed", message=message), None, None)
        try:
            queue.record_process(self.engine, self.claim, process.pid, process.pid_started_at)
            cause = self._watch(process)
            exit_code = process.end()
            self._read(final=True)
            known = reported(self.engine, self.claim)
            return self._finish(self._judge(process, exit_code, cause, known), process, known, exit_code)
        except LeaseLost:
            return None
        finally:
            process.end()

    def _start(self) -> TrialProcess:
        run_dir = self.claim.run_dir
        run_dir.mkdir(parents=True, exist_ok=True)
        write_config(self.program, self.claim, self.slot)
        (run_dir / RESULT_FILE).unlink(missing_ok=True)  # an earlier attempt's words must not speak for this one
        self._earlier_s = device_seconds_before(self.engine, self.claim)
        output = run_dir / OUTPUT_FILE
        if self.program.patterns:
            patterns = {name: re.compile(text) for name, text in self.program.patterns.items()}
            self._reader = PatternReader(patterns)
            self._tail = Tail(output, output.stat().st_size if output.exists() else 0)
        else:
            self._reader = LineReader()
            self._tail = Tail(run_dir / METRICS_FILE)
        environment = environment_of(self.program, self.claim, self.slot, os.environ)
        return start(argv_of(self.program, self.claim), environment=environment, cwd=self.cwd, output=output)

    def _watch(self, process: TrialProcess) -> StopCause | None:
        """Until the process has ended or was told to and had its grace; why it was told to."""
        stop: Stop | None = None
        kill_at = beat_at = 0.0
        poll_s = FIRST_POLL_S
        while process.wait(poll_s) is None:
            poll_s = min(LAST_POLL_S, poll_s * 1.3)
            now = time.monotonic()
            self._read()
            if now >= beat_at:
                beat_at = now + self.rules.heartbeat_s
                self._beat(process)
            if stop is None:
                stop = self._reason_to_stop(now)
                if stop is not None:
                    process.ask_to_stop()
                    kill_at = now + stop.grace_s
            elif now >= kill_at:
                process.end()
        return stop.cause if stop is not None else None

    def _reason_to_stop(self, now: float) -> Stop | None:
        if (stop := self.wants_stop()) is not None:
            return stop
        if self.rules.timeout_s is not None and now - self.started > self.rules.timeout_s:
            return Stop(cause="timeout", grace_s=self.rules.grace_s)
        if self._seen:
            self._seen = False
            if self.should_prune(reported(self.engine, self.claim).curve):
                return Stop(cause="pruned", grace_s=self.rules.grace_s)
        return None

    def _beat(self, process: TrialProcess) -> None:
        renewed = queue.renew(
            self.engine,
            self.claim,
            lease_s=self.rules.lease_s,
            now=time.time(),
            device_seconds=self._device_seconds(),
            peak_memory_bytes=process.measure_memory() or None,
        )
        if not renewed:
            raise LeaseLost

    def _read(self, *, final: bool = False) -> None:
        """Take in what the process reported since the last time."""
        while lines := self._tail.lines():
            seconds = self._earlier_s + self._device_seconds()
            found = [one for line in lines for one in self._reader.read(line, device_seconds=seconds)]
            if not found:
                continue
            if not ingest.ingest(self.engine, self.claim, found, self._tail.offset):
                raise LeaseLost
            self._seen = True
            if not final:
                break

    def _device_seconds(self) -> float:
        return (time.monotonic() - self.started) * self.slot.device_share

    def _judge(self, process: TrialProcess, exit_code: int, cause: StopCause | None, known: Reported) -> Verdict:
        complaints = self._reader.complaints if isinstance(self._reader, LineReader) else []
        return judge(
            Ending(
                exit_code=exit_code,
                stopped_for=cause,
                metric=self.claim.metric,
                value=known.best,
                last_is_finite=known.last_is_finite,
                reported=sorted(known.names),
                result=self._result(),
                tail=process.tail(),
                complaints=complaints,
            )
        )

    def _result(self) -> dict[str, Any] | None:
        """The program's result.json, if it wrote a JSON object of sensible size."""
        path = self.claim.run_dir / RESULT_FILE
        try:
            if path.stat().st_size > RESULT_MOST_BYTES:
                return None
            result = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return result if isinstance(result, dict) else None

    def _finish(
        self, verdict: Verdict, process: TrialProcess | None, known: Reported | None, exit_code: int | None = None
    ) -> str | None:
        outcome = Outcome(
            exit_reason=verdict.exit_reason,
            exit_code=exit_code if exit_code is not None and exit_code >= 0 else None,
            exit_signal=-exit_code if exit_code is not None and exit_code < 0 else None,
            message=verdict.message,
            value=known.best if known is not None else None,
            result=self._result(),
            device_seconds=self._device_seconds(),
            peak_memory_bytes=(process.peak_memory_bytes or None) if process is not None else None,
        )
        try:
            return queue.finish(self.engine, self.claim, outcome, retry=self.rules.retry, now=time.time())
        except LeaseLost:
            return None
