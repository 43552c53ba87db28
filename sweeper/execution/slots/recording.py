"""Read what a trial's process reports, and store it, each batch with the place in the file up to which it was read."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from sweeper.execution.slots.catching_up import catch_up, portion_of, store
from sweeper.execution.slots.known_curve import KnownCurve
from sweeper.execution.slots.metrics import LineReader, PatternReader
from sweeper.execution.slots.process import TrialProcess
from sweeper.execution.slots.reports import Batch, Reports
from sweeper.execution.slots.run_dir import Mark, end_last_line, write_mark
from sweeper.spec.metric import CurveValue
from sweeper.spec.metric_source import MetricSource
from sweeper.store.queue import queue
from sweeper.store.queue.attempts import settle_seconds_before
from sweeper.store.queue.ingest import Portion
from sweeper.store.reading.trial_metrics import Reported, reported
from sweeper.store.records import Lease, LeaseLost

READ_S: Final = 1.0  # the longest the slot reads before it looks after its process again
RECORD_S: Final = 0.5  # after which a process that has reported nothing yet is recorded in the store


@dataclass(slots=True, kw_only=True)
class Recording:
    """What one attempt reports, on its way into the store.

    What the store does not take now is kept, and is stored first once it answers.

    Attributes:
        value: the point of the metric's curve that is the trial's value.
        seconds: returns for how long the process has run, or ran.
        share: of the device, that the attempt holds.
        earlier_s: device-seconds of the trial's earlier attempts.
        known: what the trial has reported; None where only the store knows that.
        has_news: measurements have arrived that nobody has asked for.
    """

    engine: Engine
    lease: Lease
    value: CurveValue
    seconds: Callable[[], float]
    share: float
    reports: Reports
    earlier_s: float = 0.0
    known: KnownCurve | None = None
    has_news: bool = False
    _is_recorded: bool = False  # the process is known to the store
    _unstored: Batch | None = None  # read, while the store did not answer
    _last: Batch | None = None  # read after the process ended, and stored together with its end

    @classmethod
    def begin(  # noqa: PLR0917 - an attempt, how to read what it reports, and its clock
        cls,
        engine: Engine,
        lease: Lease,
        value: CurveValue,
        patterns: Mapping[str, str],
        seconds: Callable[[], float],
        share: float,
        beat: Callable[[], None],
        sources: Sequence[MetricSource] = (),
    ) -> "Recording":
        """Store what earlier attempts left in the run directory, and return the recording of the one that starts now.

        Args:
            patterns: find metrics in the output; if there are neither these nor sources, it writes metrics.jsonl.
            beat: called now and then, to keep the lease.
            sources: files in which metrics are.

        Raises:
            LeaseLost: another attempt has the trial.
            OSError: the directory cannot be written to.
        """
        earlier_s = settle_seconds_before(engine, lease) if lease.fence > 1 else 0.0
        reports = catch_up(engine, lease, patterns, beat, sources=sources)
        is_known = lease.fence == 1 and reports.begins_file
        return cls(
            engine=engine,
            lease=lease,
            value=value,
            seconds=seconds,
            share=share,
            reports=reports,
            earlier_s=earlier_s,
            known=KnownCurve(lease.metric) if is_known else None,
        )

    @property
    def reader(self) -> LineReader | PatternReader:
        """What has read the reports."""
        return self.reports.reader

    @property
    def device_seconds(self) -> float:
        """Device-seconds of the attempt until now."""
        return self.seconds() * self.share

    @property
    def last(self) -> Portion | None:
        """What was read after the process had ended, to be stored together with its end."""
        return None if self._last is None or self._last.says_nothing else portion_of(self._last)

    def read(self, process: TrialProcess) -> None:
        """Read and store what the process has reported since the last time, as far as a moment allows.

        If it has ended while the store was waited for, the rest was not reported now: `read_to_end` reads it.

        Raises:
            LeaseLost: another attempt has the trial.
            StoreUnavailable: the store does not answer now.
            OSError: the run directory cannot be read or written to.
        """
        until = time.monotonic() + READ_S
        while not process.ended(0.0) and (batch := self._next_batch()) is not None:
            self._store(batch, process)
            if time.monotonic() >= until:
                break
        if not self._is_recorded and self.seconds() >= RECORD_S:
            queue.record_process(self.engine, self.lease, process.pid, process.pid_started_at)
            self._is_recorded = True

    def read_to_end(
        self, *, exited: bool, patiently: Callable[[Callable[[], None]], None], beat: Callable[[], None]
    ) -> None:
        """Read all that the process has reported; it has ended. The last of it is left for `last`.

        Args:
            exited: it ended by itself, as it should: a last line without an end is whole.
            patiently: calls until the store answers.
            beat: called now and then, to keep the lease.

        Raises:
            LeaseLost: another attempt has the trial.
            StoreUnavailable: the store has not answered for as long as it was to be waited for.
            OSError: the run directory cannot be read or written to.
        """

        def store_last() -> None:
            if self._last is not None:
                self._store(self._last)
                self._last = None

        if not exited and not self.reports.has_patterns:  # it may have died between a line and its newline
            end_last_line(self.reports.tail.path, cut=True)
        while (batch := self._next_batch(closed=True, rest=exited)) is not None:
            patiently(store_last)
            self._last = batch
            patiently(beat)
        if self.known is None:
            patiently(store_last)
        elif self._last is not None:
            self.known.add(self._last.found, self._last.void_from)

    def reported(self) -> Reported:
        """Return what the trial has reported.

        Raises:
            StoreUnavailable: only the store knows, and does not answer now.
        """
        if self.known is None:
            return reported(self.engine, self.lease, self.value)
        return self.known.reported(self.value, self.lease.direction)

    def _next_batch(self, *, closed: bool = False, rest: bool = False) -> Batch | None:
        """Read about a megabyte of what was reported; return None if there is nothing."""
        batch = self._unstored or self.reports.next(self.earlier_s + self.device_seconds, closed=closed, rest=rest)
        self._unstored = None
        if batch is not None and batch.was_cut:
            write_mark(self.lease.run_dir, Mark(self.lease.attempt_id, self.reports.start, self.reports.cut_at))
        return batch

    def _store(self, batch: Batch, process: TrialProcess | None = None) -> None:
        """Store a batch; what the store does not take now is kept.

        Args:
            process: if it runs, so that it is recorded with its first report.
        """
        self._unstored = batch
        if not batch.says_nothing:
            new = (process.pid, process.pid_started_at) if process is not None and not self._is_recorded else None
            if not store(self.engine, self.lease, batch, device_seconds=self.device_seconds, process=new):
                raise LeaseLost
            self._is_recorded |= new is not None
            self.has_news = True
            if self.known is not None:
                self.known.add(batch.found, batch.void_from)
        self._unstored = None
