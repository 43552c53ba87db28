"""The store operations of a slot for one trial, without running the trial."""

import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.records import Lease, Measurement, Outcome, SlotIdentity

LEASE_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Milliseconds of each operation per trial."""

    claim_ms: float
    renew_ms: float
    ingest_ms: float
    finish_ms: float


def slot_named(name: str) -> SlotIdentity:
    """Return the identity of a slot whose supervisor does not exist."""
    return SlotIdentity(
        host="here",
        machine="here",
        slot=name,
        device="cpu",
        device_share=1.0,
        supervisor_pid=1,
        supervisor_started_at=0.0,
    )


def points(number: int) -> list[Measurement]:
    """Return measurements of the metric at the first steps."""
    return [Measurement(metric="loss", step=step, value=1.0 / step) for step in range(1, number + 1)]


def end(engine: Engine, lease: Lease) -> None:
    """Complete the trial."""
    queue.finish(engine, lease, Outcome(exit_reason="completed", value=1.0), retry={})


def cycles(engine: Engine, study_id: int, number: int, num_points: int) -> Cycle:
    """Lease, report and end trials in sequence, with all points of a trial in one batch."""
    slot, found = slot_named("cpu-0"), points(num_points)
    seconds = [0.0] * 4
    for _ in range(number):
        times = [time.perf_counter()]
        lease = queue.claim_trial(engine, study_id, slot, lease_s=LEASE_S)
        assert lease is not None
        times.append(time.perf_counter())
        assert queue.renew(engine, lease, lease_s=LEASE_S, device_seconds=1.0)
        times.append(time.perf_counter())
        assert ingest(engine, lease, found, num_points)
        times.append(time.perf_counter())
        end(engine, lease)
        times.append(time.perf_counter())
        seconds = [total + later - earlier for total, earlier, later in zip(seconds, times, times[1:], strict=False)]
    claim_ms, renew_ms, ingest_ms, finish_ms = (1000 * total / number for total in seconds)
    return Cycle(claim_ms=claim_ms, renew_ms=renew_ms, ingest_ms=ingest_ms, finish_ms=finish_ms)
