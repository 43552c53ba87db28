"""Measurements and the byte offset up to which they were read: in one transaction, so each lands exactly once.

Measurements belong to attempts. A trial's curve is that of the attempts that really went on from each other: what
earlier attempts reported at or after the lowest step of a later one is void. So is what they reported after the step
from which a program says it resumed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, case, func, or_, select, true, update

from sweeper.store import clock, optuna_mirror
from sweeper.store.queue.finishing import fence
from sweeper.store.records import Lease, Measurement
from sweeper.store.schema import attempts, measurements, trials
from sweeper.store.transactions import upsert, writing

KEYS: Final = ("attempt_id", "metric", "step")
VALUES: Final = ("tokens", "device_seconds", "flops", "value", "void")


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far an attempt and those before it are.

    Attributes:
        first: the step from which on the attempt's measurements replace those of earlier ones; None if it has none.
        highest: of all earlier attempts; None if they reported nothing.
        has_earlier: whether there are earlier attempts.
        next_first: the lowest `first` of later attempts; None if they reported nothing.
    """

    first: int | None = None
    highest: int | None = None
    next_first: int | None = None
    has_earlier: bool = False


def ingest(
    engine: Engine,
    lease: Lease,
    found: Sequence[Measurement],
    new_offset: int,
    *,
    device_seconds: float | None = None,
    now: float | None = None,
    void_from: int | None = None,
    resumed_from: int | None = None,
    earlier: int | None = None,
) -> bool:
    """Store measurements of a running attempt, or of an earlier one that nobody has read yet.

    Args:
        found: in the order of the file.
        new_offset: bytes of the file that are in the store once this call returns true.
        device_seconds: the cost of the attempt up to now, in case its supervisor is never heard from again.
        void_from: what the trial reported before, in the same attempt too, is void from this step on.
        resumed_from: the step from which the program says that it resumed.
        earlier: the id of the attempt to which the measurements belong, if it is not the lease's.

    Returns:
        False if another attempt has the trial by now; nothing was written.
    """
    # PostgreSQL refuses a key twice in one statement: the last measurement of a step counts.
    latest = {(measurement.metric, measurement.step): measurement for measurement in found}
    attempt_id = lease.attempt_id if earlier is None else earlier
    rows = [_row(lease.trial_id, attempt_id, measurement) for measurement in latest.values()]
    steps = [step for _, step in latest]
    low = min(steps if void_from is None else [*steps, void_from], default=None)
    with writing(engine) as connection:
        progress = _progress(list(latest.values())) or {"fence": lease.fence}
        if connection.execute(update(trials).where(*fence(lease)).values(progress)).rowcount != 1:
            return False
        reach = _reach(connection, lease.trial_id, attempt_id) if lease.fence > 1 else _Reach()
        is_cut = _void_superseded(connection, lease.trial_id, attempt_id, low, void_from, reach)
        upsert(connection, measurements, rows, keys=KEYS, update=VALUES)
        if reach.next_first is not None:
            _void(connection, lease.trial_id, _from(attempt_id, reach.next_first))
        if low is not None and (is_cut or earlier is not None):
            _follow_chain(connection, lease, low)
        else:
            primary = [measurement for measurement in latest.values() if measurement.metric == lease.metric]
            optuna_mirror.report(connection, lease.optuna_trial_id, primary)
        known = _known(steps, low, reach, resumed_from)
        if device_seconds is not None:
            known |= {"device_seconds": device_seconds, "heartbeat_at": clock.read(connection, now).at}
        mine = attempts.c.id == attempt_id
        connection.execute(update(attempts).where(mine).values(ingest_offset=new_offset, **known))
        return True


def _reach(connection: Connection, trial_id: int, attempt_id: int) -> _Reach:
    is_earlier, is_later = attempts.c.id < attempt_id, attempts.c.id > attempt_id
    query = select(
        func.max(case((attempts.c.id == attempt_id, attempts.c.first_step))),
        func.max(case((is_earlier, attempts.c.last_step))),
        func.min(case((is_later, attempts.c.first_step))),
    ).where(attempts.c.trial_id == trial_id)
    return _Reach(*connection.execute(query).one(), has_earlier=True)


def _void_superseded(  # noqa: PLR0917 - an attempt, and what is known of it
    connection: Connection, trial_id: int, attempt_id: int, low: int | None, void_from: int | None, reach: _Reach
) -> bool:
    """Make void what an attempt reports anew or says to be void; return whether there may have been something."""
    cuts = [] if void_from is None else [_from(attempt_id, void_from)]
    if low is not None and reach.has_earlier and (reach.first is None or low < reach.first):
        cuts.append((measurements.c.attempt_id < attempt_id) & (measurements.c.step >= low))
    if cuts:
        _void(connection, trial_id, or_(*cuts))
    return bool(cuts)


def _from(attempt_id: int, step: int) -> ColumnElement[bool]:
    """Return the condition for an attempt's measurements from a step on."""
    return (measurements.c.attempt_id == attempt_id) & (measurements.c.step >= step)


def _void(connection: Connection, trial_id: int, which: ColumnElement[bool]) -> None:
    mine = measurements.c.trial_id == trial_id
    connection.execute(update(measurements).where(mine, ~measurements.c.void, which).values(void=true()))


def _follow_chain(connection: Connection, lease: Lease, low: int) -> None:
    """Bring how far the trial is, and what Optuna sees of it from a step on, in line with the measurements that count.

    Args:
        low: the lowest step at which something has changed.
    """
    counts = (measurements.c.trial_id == lease.trial_id, ~measurements.c.void)
    last = select(measurements).where(*counts).order_by(measurements.c.step.desc())
    top = connection.execute(last.limit(1)).one_or_none()
    progress: dict[str, object] = {"step": None, "tokens": None, "flops": None}
    if top is not None:
        progress["step"] = top.step
        for row in connection.execute(last.where(measurements.c.step == top.step)):
            progress |= {name: value for name in ("tokens", "flops") if (value := getattr(row, name)) is not None}
    connection.execute(update(trials).where(trials.c.id == lease.trial_id).values(progress))
    changed = (measurements.c.metric == lease.metric, measurements.c.step >= low)
    points = connection.execute(select(measurements.c.step, measurements.c.value).where(*counts, *changed)).all()
    optuna_mirror.forget(connection, lease.optuna_trial_id, low)
    again = [
        Measurement(metric=lease.metric, step=p.step, value=math.nan if p.value is None else p.value) for p in points
    ]
    optuna_mirror.report(connection, lease.optuna_trial_id, again)


def _known(steps: Sequence[int], low: int | None, reach: _Reach, resumed_from: int | None) -> dict[str, object]:
    """Return what is known about an attempt once its measurements are in the store."""
    known: dict[str, object] = {}
    if low is not None:
        first = attempts.c.first_step
        known["first_step"] = case((first.is_(None) | (first > low), low), else_=first)
    if steps:
        top, last = max(steps), attempts.c.last_step
        known["last_step"] = case((last.is_(None) | (last < top), top), else_=last)
        if reach.highest is None or top > reach.highest:
            known["progressed"] = true()
    if resumed_from is not None and resumed_from >= 0:
        known["resumed_from"] = resumed_from
    return known


def _progress(found: Sequence[Measurement]) -> dict[str, object]:
    """Return how far the trial is: the coordinates of the highest step among the measurements, if it is the highest."""
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
    is_highest = trials.c.step.is_(None) | (trials.c.step <= top)
    return {name: case((is_highest, value), else_=trials.c[name]) for name, value in result.items()}


def _row(trial_id: int, attempt_id: int, measurement: Measurement) -> dict[str, object]:
    return {
        "trial_id": trial_id,
        "metric": measurement.metric,
        "step": measurement.step,
        "attempt_id": attempt_id,
        "tokens": measurement.tokens,
        "device_seconds": measurement.device_seconds,
        "flops": measurement.flops,
        "value": None if math.isnan(measurement.value) else measurement.value,
        "void": False,
    }
