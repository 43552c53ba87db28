"""Before an attempt begins: what earlier ones reported and nobody read, since their slot died, is stored."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Final

from sqlalchemy import Engine

from sweeper.execution.slots.collecting.collector import COLLECTED_FILE
from sweeper.execution.slots.directory_lock import Locked, locked
from sweeper.execution.slots.losses import Loss, note_loss
from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE, RESUMED_FROM, json_object
from sweeper.execution.slots.programs import patterns_of, sources_of
from sweeper.execution.slots.regular_files import size_of
from sweeper.execution.slots.reports import Batch, Reports, lines_of
from sweeper.execution.slots.run_dir import Mark, end_last_line, is_between_lines, last_line, read_mark, write_mark
from sweeper.spec.metric_source import MetricSource
from sweeper.store.queue import ingest
from sweeper.store.queue.recovery import lease_of, program_of
from sweeper.store.reading.trial_metrics import EarlierAttempt, earlier_attempt, last_step, read_so_far
from sweeper.store.records import Lease, LeaseLost

UNREAD_S: Final = 20.0  # the longest that whoever frees a trial reads; the next attempt stores the rest


def catch_up(
    engine: Engine,
    lease: Lease,
    patterns: Mapping[str, str],
    beat: Callable[[], None] = lambda: None,
    *,
    sources: Sequence[MetricSource] = (),
) -> Reports:
    """Store what nobody has read yet in a trial's run directory, and return the reader of the attempt that starts now.

    What the directory holds without being of an earlier attempt, e.g. since it came with a checkpoint that is promoted,
    counts as reported by this one.

    Args:
        patterns: find metrics in the output; if there are neither these nor sources, the program writes metrics.jsonl.
        beat: called now and then, to keep the lease.
        sources: files in which metrics are.

    Raises:
        LeaseLost: another attempt has the trial.
        OSError: the directory cannot be written to.
    """
    run_dir, has_lines = lease.run_dir, bool(sources) or not patterns
    mark = read_mark(run_dir)
    earlier = earlier_attempt(engine, lease, None if mark is None else mark.attempt_id)
    if has_lines:
        end_last_line(run_dir / (COLLECTED_FILE if sources else METRICS_FILE), cut=True)
    if earlier is not None:
        if size_of(Reports.of(run_dir, patterns, sources).tail.path) < earlier.offset:
            note_loss(run_dir, Loss(earlier.attempt_id, last_step(engine, lease)))
        drain(engine, lease, earlier, patterns, mark, beat, sources=sources)
    reports = Reports.of(run_dir, patterns, sources)
    if reports.collector is not None:
        reports.collector.recover()
    if earlier is None and has_lines:
        _store_all(engine, lease, reports, beat)
    if reports.collector is not None:
        reports.collector.end_last_lines()
    if patterns:
        end_last_line(run_dir / OUTPUT_FILE, cut=False)
    reports.begin()
    write_mark(run_dir, Mark(lease.attempt_id, reports.start))
    return reports


def drain(  # noqa: PLR0917 - an attempt, and how to read what it reported
    engine: Engine,
    lease: Lease,
    attempt: EarlierAttempt,
    patterns: Mapping[str, str],
    mark: Mark | None,
    beat: Callable[[], None] = lambda: None,
    *,
    sources: Sequence[MetricSource] = (),
) -> None:
    """Store what an attempt reported after its supervisor read its file for the last time.

    Args:
        lease: of the trial; the attempt may be an earlier one.
        mark: the mark in its run directory.
        sources: files in which metrics are; the caller has the lock on the run directory.

    Raises:
        LeaseLost: another attempt has the trial.
    """
    reports = Reports.of(lease.run_dir, patterns, sources)
    if reports.collector is not None:
        reports.collector.recover()
    mine = mark if mark is not None and mark.attempt_id == attempt.attempt_id else Mark(attempt.attempt_id, 0)
    place = _place(reports, attempt.offset or mine.start)
    reports.resume(mine.start, place, attempt.counts, begins=place == mine.cut_at)
    # Nothing in the file is changed: the next attempt's process may have begun to write.
    rest = not (patterns or sources) and json_object(last_line(reports.tail.path)) is not None
    _store_all(engine, lease, reports, beat, attempt, rest=rest)


def _place(reports: Reports, offset: int) -> int:
    """Return the offset at which to continue a file that was read in part.

    If the program has cut the file below that since, what it reported begins where it says that it resumed.
    """
    path = reports.tail.path
    size = size_of(path)
    if size == 0:
        return 0
    if offset <= size and (reports.has_patterns or is_between_lines(path, offset)):
        return offset
    lines = () if reports.has_patterns else lines_of(path)
    return max((place for place, line in lines if RESUMED_FROM in (json_object(line) or ())), default=size)


def store_unread(engine: Engine, study_id: int, attempt_id: int) -> None:
    """Store what an attempt reported and its dead supervisor did not read, as far as the files can be read."""
    lease = lease_of(engine, attempt_id)
    if lease is None:
        return
    program = program_of(engine, study_id)
    patterns, sources = patterns_of(program), sources_of(program, lease)
    until = time.monotonic() + UNREAD_S

    def hurry() -> None:
        if time.monotonic() > until:
            raise TimeoutError

    with suppress(OSError, LeaseLost, Locked):
        mark = read_mark(lease.run_dir)
        if mark is None or mark.attempt_id != attempt_id:
            return  # its process never started
        with locked(lease.run_dir) if sources else nullcontext():
            drain(engine, lease, read_so_far(engine, attempt_id), patterns, mark, hurry, sources=sources)


def _store_all(
    engine: Engine,
    lease: Lease,
    reports: Reports,
    beat: Callable[[], None],
    earlier: EarlierAttempt | None = None,
    *,
    rest: bool = False,
) -> None:
    device_seconds = 0.0 if earlier is None else earlier.device_seconds
    while (batch := reports.next(device_seconds, closed=True, rest=rest)) is not None:
        beat()
        if not batch.says_nothing and not store(engine, lease, batch, earlier=earlier):
            raise LeaseLost


def store(
    engine: Engine,
    lease: Lease,
    batch: Batch,
    *,
    device_seconds: float | None = None,
    now: float | None = None,
    earlier: EarlierAttempt | None = None,
    process: tuple[int, float] | None = None,
) -> bool:
    """Store a batch of measurements (`sweeper.store.queue.ingest`)."""
    portion = portion_of(batch, device_seconds=device_seconds, earlier=earlier, process=process)
    return ingest.store_portion(engine, lease, portion, now=now)


def portion_of(
    batch: Batch,
    *,
    device_seconds: float | None = None,
    earlier: EarlierAttempt | None = None,
    process: tuple[int, float] | None = None,
) -> ingest.Portion:
    """Return a batch as the store takes it."""
    return ingest.Portion(
        found=batch.found,
        offset=batch.offset,
        void_from=batch.void_from,
        resumed_from=batch.resumed_from,
        device_seconds=device_seconds,
        earlier=None if earlier is None else earlier.attempt_id,
        process=process,
    )
