"""Measurements and the byte offset up to which they were read: in one transaction, so each lands exactly once."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Engine, bindparam, true, update

from sweeper.store import optuna_mirror
from sweeper.store.queue.finishing import fence
from sweeper.store.records import Lease, Measurement
from sweeper.store.schema import attempts, measurements, trials
from sweeper.store.transactions import upsert, writing

KEYS: Final = ("attempt_id", "metric", "step")
VALUES: Final = ("tokens", "device_seconds", "flops", "value", "void")


def ingest(
    engine: Engine,
    lease: Lease,
    found: Sequence[Measurement],
    new_offset: int,
    *,
    device_seconds: float | None = None,
    now: float | None = None,
) -> bool:
    """Store measurements of a running attempt; a step that is reported again, after a resume, replaces the old value.

    Args:
        found: in the order of the file.
        new_offset: bytes of metrics.jsonl that are in the store once this call returns true.
        device_seconds, now: the cost of the attempt up to now, in case its supervisor is never heard from again.

    Returns:
        False if another attempt has the trial by now; nothing was written.
    """
    # PostgreSQL refuses a key twice in one statement: the last measurement of a step counts.
    latest = {(measurement.metric, measurement.step): measurement for measurement in found}
    rows = [_row(lease, measurement) for measurement in latest.values()]
    with writing(engine) as connection:
        progress = _progress(list(latest.values())) or {"fence": lease.fence}
        if connection.execute(update(trials).where(*fence(lease)).values(progress)).rowcount != 1:
            return False
        upsert(connection, measurements, rows, keys=KEYS, update=VALUES)
        if lease.attempt > 1:
            _void_earlier(connection, lease, rows)
        primary = [measurement for measurement in latest.values() if measurement.metric == lease.metric]
        optuna_mirror.report(connection, lease.optuna_trial_id, primary)
        cost = {"device_seconds": device_seconds, "heartbeat_at": now}
        known = {name: value for name, value in cost.items() if value is not None}
        connection.execute(
            update(attempts).where(attempts.c.id == lease.attempt_id).values(ingest_offset=new_offset, **known)
        )
        return True


def _progress(found: Sequence[Measurement]) -> dict[str, object]:
    """Return how far the trial is: the coordinates of the highest step among the measurements."""
    if not found:
        return {}
    top = max(measurement.step for measurement in found)
    result: dict[str, object] = {"step": top}
    for measurement in found:
        if measurement.step == top:
            for name in ("tokens", "flops"):
                number = getattr(measurement, name)
                if number is not None:
                    result[name] = number
    return result


def _void_earlier(connection: Connection, lease: Lease, rows: Sequence[Mapping[str, object]]) -> None:
    """Make void what earlier attempts of the trial measured at the same steps."""
    mine = (measurements.c.trial_id == lease.trial_id, measurements.c.attempt_id != lease.attempt_id)
    point = (measurements.c.metric == bindparam("name"), measurements.c.step == bindparam("at"))
    if rows:
        connection.execute(
            update(measurements).where(*mine, *point).values(void=true()),
            [{"name": row["metric"], "at": row["step"]} for row in rows],
        )


def _row(lease: Lease, measurement: Measurement) -> dict[str, object]:
    return {
        "trial_id": lease.trial_id,
        "metric": measurement.metric,
        "step": measurement.step,
        "attempt_id": lease.attempt_id,
        "tokens": measurement.tokens,
        "device_seconds": measurement.device_seconds,
        "flops": measurement.flops,
        "value": None if math.isnan(measurement.value) else measurement.value,
        "void": False,
    }
