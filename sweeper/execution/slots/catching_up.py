"""Before an attempt begins: what earlier ones reported and nobody read, since their slot died, is stored."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine

from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE
from sweeper.execution.slots.reports import Batch, Reports
from sweeper.execution.slots.run_dir import Mark, end_last_line, read_mark, write_mark
from sweeper.store.queue import ingest
from sweeper.store.reading.trial_metrics import EarlierAttempt, earlier_attempt
from sweeper.store.records import Lease, LeaseLost


def catch_up(engine: Engine, lease: Lease, patterns: Mapping[str, str]) -> Reports:
    """Store what nobody has read yet in a trial's run directory, and return the reader of the attempt that starts now.

    What the directory holds without being of an earlier attempt, e.g. since it came with a checkpoint that is promoted,
    counts as reported by this one.

    Raises:
        LeaseLost: another attempt has the trial.
        OSError: the directory cannot be written to.
    """
    run_dir, reports = lease.run_dir, Reports.of(lease.run_dir, patterns)
    mark = read_mark(run_dir)
    earlier = earlier_attempt(engine, lease, None if mark is None else mark.attempt_id)
    if not patterns:
        end_last_line(run_dir / METRICS_FILE, cut=True)
    if earlier is not None:
        drain(engine, lease, earlier, run_dir, patterns, mark)
    elif not patterns:
        _store_all(engine, lease, reports, 0.0)
    if patterns:
        end_last_line(run_dir / OUTPUT_FILE, cut=False)
    reports.begin()
    write_mark(run_dir, Mark(lease.attempt_id, reports.start))
    return reports


def drain(  # noqa: PLR0917 - an attempt, and where and how to read it
    engine: Engine,
    lease: Lease,
    attempt: EarlierAttempt,
    run_dir: Path,
    patterns: Mapping[str, str],
    mark: Mark | None,
) -> None:
    """Store what an attempt reported after its supervisor read its file for the last time.

    Args:
        lease: of the trial; the attempt may be an earlier one.
        mark: the mark in its run directory.

    Raises:
        LeaseLost: another attempt has the trial.
    """
    reports = Reports.of(run_dir, patterns)
    begin = mark.start if mark is not None and mark.attempt_id == attempt.attempt_id else 0
    reports.resume(begin, max(attempt.offset, begin if attempt.offset == 0 else 0), attempt.counts)
    _store_all(engine, lease, reports, attempt.device_seconds, attempt)


def _store_all(
    engine: Engine, lease: Lease, reports: Reports, device_seconds: float, earlier: EarlierAttempt | None = None
) -> None:
    while (batch := reports.next(device_seconds, closed=True)) is not None:
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
) -> bool:
    """Store a batch of measurements (`sweeper.store.queue.ingest`)."""
    return ingest.ingest(
        engine,
        lease,
        batch.found,
        batch.offset,
        void_from=batch.void_from,
        resumed_from=batch.resumed_from,
        device_seconds=device_seconds,
        now=now,
        earlier=None if earlier is None else earlier.attempt_id,
    )
