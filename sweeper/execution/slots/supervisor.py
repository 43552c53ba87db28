"""Supervise one attempt of a trial: start, metrics, lease, time limit, pruning, end.

Everything that others decide is passed in as a function, so a supervisor can be tested with a fake program.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from sqlalchemy import Engine

from sweeper.errors import StoreError, StoreUnavailable
from sweeper.execution.slots import process as plain_process
from sweeper.execution.slots.energy import EnergyMeter, meter_for, unmetered
from sweeper.execution.slots.guard import Guard
from sweeper.execution.slots.last_seconds import when_ended
from sweeper.execution.slots.losses import missing_steps, note_loss_of
from sweeper.execution.slots.machine import oom_kills
from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE, misread_part
from sweeper.execution.slots.occupying import Occupied, RunDirInUse, occupy
from sweeper.execution.slots.outcome import Ending, ExitKind, StopCause, classify_exit
from sweeper.execution.slots.process import Start, TrialProcess
from sweeper.execution.slots.processes import FIRST_EPOCH_S
from sweeper.execution.slots.programs import argv_of, environment_of, patterns_of, sources_of
from sweeper.execution.slots.recording import Recording
from sweeper.execution.slots.regular_files import NotRegularFile, check_regular
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.rules import Rules, Stop
from sweeper.execution.slots.run_dir import prepare, read_result
from sweeper.execution.slots.sources import Source, SourceMissing
from sweeper.execution.slots.strays import note
from sweeper.execution.slots.tail import large_output
from sweeper.execution.slots.trouble import MachineTrouble, is_denied, is_of_the_machine, remedy_for
from sweeper.execution.slots.unread import last_fault
from sweeper.spec.metric import BEST, CurveValue
from sweeper.spec.program import Trial
from sweeper.store.queue import queue
from sweeper.store.queue.attempts import correct
from sweeper.store.reading.trial_metrics import Reported, reported
from sweeper.store.records import Lease, LeaseLost, Outcome
from sweeper.store.retry import Outage, patiently

FIRST_POLL_S: Final = 0.02  # between two reads of a young trial's metrics; older ones are read less often
LAST_POLL_S: Final = 0.25
SAFETY: Final = 0.9  # of the lease: after that the trial must not run, since another slot may claim it
LIMIT_DELAY_S: Final = 5.0  # past a time limit, when the guard enforces it: the slot is stuck
LATE_S: Final = 1.0  # a slot that looks after its process less often has to ask its guard when it ended
MISPLACED_S: Final = 5.0  # before a trial is claimed again whose own directory is the trouble; others run meanwhile
LAST_GRACE_S: Final = 5.0  # for a checkpoint when the store is gone

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Runs one trial in a slot.

    While the store does not answer, the process goes on as long as its lease lasts, and what it reports stays in its
    files; how it ended is recorded once the store is back.

    `wants_stop` is called often to ask whether the attempt should end, and must be fast; `should_prune` is called with
    the metric's curve whenever it has grown.
    """

    engine: Engine
    trial: Trial
    lease: Lease
    slot: Slot
    rules: Rules
    wants_stop: Callable[[], Stop | None]
    should_prune: Callable[[Mapping[int, float]], bool]
    cwd: Path
    guard: Guard
    value: CurveValue = BEST  # the point of the metric's curve that is the trial's value
    start: Start = plain_process.start
    source: Source | None = None  # what a promoted trial resumes from
    _started: float | None = None  # when the process was
    _used_s: float | None = None  # the process's seconds, once it has ended
    _seen: float = 0.0  # when it was last seen alive
    _occupied: Occupied | None = None  # its run directory
    _renewed: float = field(default_factory=time.monotonic)
    _oom_kills: int = field(default_factory=oom_kills)
    _begun: Recording | None = None  # of what it reports; None until its run directory is ready
    _outage: Outage = field(default_factory=Outage)
    _meter: EnergyMeter = field(default_factory=unmetered)  # of the energy that it takes, once it has begun

    def run(self) -> str | None:
        """Supervise the attempt to its end.

        Returns:
            The trial's new state; None if the lease was lost, in which case nothing more was written.

        Raises:
            StoreError: the store refuses, or does not answer and the slot is to end; the process was given a moment for
                a checkpoint and has ended.
            MachineTrouble: the machine could not run the trial, which went back to the queue.
        """
        try:
            return self._attempt()
        except LeaseLost:
            self._correct_ledger()
            return None
        finally:
            if self._occupied is not None and self._occupied.lock is not None:
                os.close(self._occupied.lock)

    def _attempt(self) -> str | None:
        try:
            process = patiently(self._start, lambda: self._lease_left() <= 0 or self.wants_stop() is not None)
        except OSError as error:
            return self._not_started(error)
        except RunDirInUse as trouble:
            self._turn_away(str(trouble))
        try:
            cause = self._watch(process)
            return self._conclude(process, cause)
        except StoreError:
            process.ask_to_stop()
            process.ended(LAST_GRACE_S)
            raise
        except OSError as error:
            if is_of_the_machine(error) or is_denied(error, self.lease.run_dir):
                self._give_up(process, error)
            raise
        finally:
            self._end(process)
            self.guard.drop()

    @property
    def _recording(self) -> Recording:
        assert self._begun is not None  # it is there before the process is
        return self._begun

    def _start(self) -> TrialProcess:
        self._begun = None
        if self._occupied is None:  # else the store did not answer after that
            self._occupied = occupy(self.engine, self.lease, self.source, self._beat)
            self.lease = self._occupied.lease
        prepare(self.trial, self.lease, self.slot)
        run_dir = self.lease.run_dir
        for name in (OUTPUT_FILE, METRICS_FILE):
            check_regular(run_dir / name)  # whoever starts the process, and the process, would wait
        self._begun = Recording.begin(
            self.engine,
            self.lease,
            self.value,
            patterns_of(self.trial.program, first=self.lease.metric),
            self._seconds,
            self.slot.device_share,
            self._beat,
            sources_of(self.trial.program, self.lease),
        )
        process = self.start(
            self._argv(),
            environment=environment_of(self.trial, self.lease, self.slot, os.environ),
            cwd=self.cwd,
            output=run_dir / OUTPUT_FILE,
            announce=self.guard.announcer(self._lease_left()),
            lock=self._occupied.lock,
        )
        self._meter = meter_for(self.slot)
        self._started = self._seen = time.monotonic()  # waiting for a fork server is not charged to the trial
        self.guard.watch(process.pid, self._lease_left(), run_dir, process.mark)
        if self.rules.timeout_s is not None:
            self.guard.limit(self.rules.timeout_s + LIMIT_DELAY_S, self.rules.grace_s)
        return process

    def _not_started(self, error: OSError) -> str | None:
        """Record that the process could not be started. What is the machine's fault is not the trial's."""
        self.guard.drop()
        if isinstance(error, SourceMissing):
            return self._without_source(error)
        entered = self._begun is not None
        is_misplaced = not entered or is_denied(error, self.lease.run_dir)
        is_misplaced &= not isinstance(error, NotRegularFile)  # an earlier attempt's program made it
        program = self._argv()[0]
        place = error.filename if error.filename is not None else program if entered else self.lease.run_dir
        message = f"{place}: {error.strerror or error}"
        preempted = is_misplaced or is_of_the_machine(error)
        remedy = remedy_for(error) if preempted else None
        kind = ExitKind(exit_reason="preempted" if preempted else "crashed", message=f"cannot start: {message}")
        known = self._patiently(lambda: reported(self.engine, self.lease, self.value))
        wait_s = MISPLACED_S if is_misplaced and not is_of_the_machine(error) else 0.0
        state = self._finish(kind, None, known, wait_s=wait_s)
        if preempted:
            what = "cannot start" if remedy is None else "cannot write to its run directory"
            raise MachineTrouble(f"trial {self.lease.phase}/{self.lease.number} {what}: {message}", remedy) from error
        return state

    def _without_source(self, error: SourceMissing) -> str | None:
        """Record that what a promoted trial resumes from is not here. If it is gone, another attempt would not help."""
        message = f"cannot start: {error.filename}: {error.strerror}"
        if not error.is_elsewhere:
            message = f"{message}. {error.remedy}, then run `sweeper retry {self.lease.study}`"
            return self._finish(ExitKind(exit_reason="crashed", message=message, is_final=True), None, None)
        self._finish(ExitKind(exit_reason="preempted", message=message), None, None, wait_s=MISPLACED_S)
        raise MachineTrouble(f"trial {self.lease.phase}/{self.lease.number} {message}", error.remedy) from error

    def _argv(self) -> list[str]:
        return [*self.slot.prefix, *argv_of(self.trial.program, self.lease)]

    def _turn_away(self, trouble: str) -> NoReturn:
        """Give the trial back without having touched its run directory.

        Raises:
            MachineTrouble: always.
        """
        self._finish(ExitKind(exit_reason="preempted", message=f"cannot start: {trouble}"), None, None)
        raise MachineTrouble(f"trial {self.lease.phase}/{self.lease.number} cannot start: {trouble}")

    def _give_up(self, process: TrialProcess, error: OSError) -> NoReturn:
        """End the process, with a moment for a checkpoint, and give the trial back: the slot cannot follow it.

        Raises:
            MachineTrouble: always.
        """
        process.ask_to_stop()
        process.ended(LAST_GRACE_S)
        self._end(process)
        where = f"{error.filename}: " if error.filename is not None else ""
        message = f"cannot be supervised: {where}{error.strerror or error}"
        wait_s = 0.0 if is_of_the_machine(error) else MISPLACED_S
        self._finish(ExitKind(exit_reason="preempted", message=message), process, None, wait_s=wait_s)
        remedy = remedy_for(error)
        raise MachineTrouble(f"trial {self.lease.phase}/{self.lease.number} {message}", remedy) from error

    def _watch(self, process: TrialProcess) -> StopCause | None:
        """Wait until the process ends, or is asked to and its grace is over; return why it was asked."""
        stop: Stop | None = None
        kill_at = 0.0
        poll_s = FIRST_POLL_S
        while not process.ended(poll_s):
            poll_s = min(LAST_POLL_S, self.rules.heartbeat_s, poll_s * 1.3)
            now = self._seen = time.monotonic()
            if self._outage.is_due:
                self._attend(process)
            if stop is None:
                stop = self._reason_to_stop(now)
                if stop is not None:
                    process.ask_to_stop()
                    kill_at = now + stop.grace_s
            elif now >= kill_at:
                process.end()
        self._end(process)
        if stop is None and self._lease_left() <= 0:
            return "preempted"  # the slot was stuck for so long that its guard killed the process
        timeout_s = self.rules.timeout_s
        if stop is None and timeout_s is not None and self._seconds() > timeout_s + LIMIT_DELAY_S:
            return "timeout"  # the slot was stuck, and its guard enforced the limit
        return stop.cause if stop is not None else None

    def _attend(self, process: TrialProcess) -> None:
        """Store what there is to know of the process, and renew the lease, if the store answers."""
        try:
            self._recording.read(process)
            self._beat(process)
            self._outage.answered()
        except StoreUnavailable as error:
            self._outage.failed(error)

    def _reason_to_stop(self, now: float) -> Stop | None:
        if (stop := self.wants_stop()) is not None:
            return stop
        if self.rules.timeout_s is not None and self._seconds() > self.rules.timeout_s:
            return Stop(cause="timeout", grace_s=self.rules.grace_s)
        if self._recording.has_news and not self._outage.is_on and self._is_to_prune():
            return Stop(cause="pruned", grace_s=self.rules.grace_s)
        return None

    def _is_to_prune(self) -> bool:
        try:
            judged = not self._recording.reader.steps.go_backwards(self.lease.metric)
            prunes = judged and self.should_prune(self._recording.reported().curve)
        except StoreUnavailable as error:
            self._outage.failed(error)
            return False
        self._recording.has_news = False
        return prunes

    def _beat(self, process: TrialProcess | None = None) -> None:
        """Renew the lease if it is time to."""
        if time.monotonic() - self._renewed >= self.rules.heartbeat_s:
            self._renew(process)

    def _renew(self, process: TrialProcess | None) -> None:
        began = time.monotonic()
        renewed = queue.renew(
            self.engine,
            self.lease,
            lease_s=self.rules.lease_s,
            device_seconds=self._device_seconds(),
            peak_memory_bytes=process.measure_memory() or None if process is not None else None,
        )
        if not renewed:
            raise LeaseLost
        self._renewed = began
        if self._used_s is None:
            self._meter.sample()
        self.guard.beat(self._lease_left())

    def _lease_left(self) -> float:
        """Return for how many seconds the trial is certainly ours."""
        return max(0.0, self._renewed + SAFETY * self.rules.lease_s - time.monotonic())

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call until the store answers, unless the slot is to end: what the process left must get there."""
        return patiently(call, lambda: self.wants_stop() is not None)

    def _seconds(self) -> float:
        """Return for how long the process has run, or ran."""
        if self._used_s is not None:
            return self._used_s
        return 0.0 if self._started is None else time.monotonic() - self._started

    def _device_seconds(self) -> float:
        return self._seconds() * self.slot.device_share

    def _end(self, process: TrialProcess) -> int:
        """End what is left of the process; return its exit code. What it used no longer grows from here on."""
        exit_code = process.end()
        if self._used_s is None:
            self._used_s = self._seconds()
            self._meter.sample()
            if process.handle.exited_at is not None and self._started is not None:
                self._used_s = min(self._used_s, process.handle.exited_at - self._started)
            if time.monotonic() - self._seen > LATE_S:  # it may have ended at any time since
                ended_at = when_ended(self.lease.run_dir, process.pid)
                if ended_at is not None and process.pid_started_at < FIRST_EPOCH_S:
                    self._used_s = min(self._used_s, max(0.0, ended_at - process.pid_started_at))
        return exit_code

    def _correct_ledger(self) -> None:
        """Charge the study for what the process used although the lease had been lost."""
        if self._used_s is not None:
            self._patiently(lambda: correct(self.engine, self.lease.attempt_id, self._device_seconds()))

    def _conclude(self, process: TrialProcess, cause: StopCause | None) -> str | None:
        """End the process's group, read its last output, classify how it exited and record it."""
        exit_code = self._end(process)
        self.guard.drop()  # the store may be waited for longer than the lease lasts
        if exit_code == -signal.SIGKILL and cause is None:
            time.sleep(0.05)  # a slot that is killed together with its trial must not blame the trial
        self._recording.read_to_end(exited=exit_code == 0, patiently=self._patiently, beat=lambda: self._beat(process))
        known = self._patiently(self._recording.reported)
        oom_killed = exit_code != 0 and oom_kills() > self._oom_kills
        if process.is_lost and cause is None and not oom_killed:
            message = "the server that its process was forked from died, or gave no answer"
            return self._finish(ExitKind(exit_reason="preempted", message=message), process, known)
        reports = self._recording.reports
        if (lost := reports.loss()) is not None:
            self._patiently(lambda: note_loss_of(self.engine, self.lease, reports.certain_step))
        missing = self._patiently(lambda: missing_steps(self.engine, self.lease))
        errors = reports.errors(is_complete=exit_code == 0 and cause is None)
        ending = Ending(
            exit_code=exit_code,
            stopped_for=cause,
            metric=self.lease.metric,
            point=self.value,
            num_finite=len(known.curve),
            value=known.value,
            last_is_finite=known.last_is_finite,
            reported=sorted(known.names),
            result=read_result(self.lease.run_dir),
            tail=process.tail(),
            metric_errors=[*errors, *missing.gaps, *note(process.left), *large_output(process.output)],
            lost=lost,
            hole=missing.hole,
            misread=misread_part(self.lease.metric, patterns_of(self.trial.program), reports.misread),
            unread_last=last_fault(self.lease.metric, self.value, reports.unread_last),
            oom_killed=oom_killed,
        )
        return self._finish(classify_exit(ending), process, known)

    def _finish(
        self, kind: ExitKind, process: TrialProcess | None, known: Reported | None, *, wait_s: float = 0.0
    ) -> str | None:
        exit_code = process.exit_code if process is not None else None
        outcome = Outcome(
            exit_reason=kind.exit_reason,
            exit_code=exit_code if exit_code is not None and exit_code >= 0 else None,
            exit_signal=-exit_code if exit_code is not None and exit_code < 0 else None,
            message=kind.message,
            value=known.value if known is not None else None,
            result=read_result(self.lease.run_dir) if process is not None else None,
            device_seconds=self._device_seconds(),
            peak_memory_bytes=(process.peak_memory_bytes or None) if process is not None else None,
            wait_s=wait_s,
            is_final=kind.is_final,
            energy=self._meter.energy,
        )
        last = None if self._begun is None else self._begun.last
        return self._patiently(
            lambda: queue.finish(self.engine, self.lease, outcome, retry=self.rules.retry, last=last)
        )
