"""Measurements and the byte offset up to which they were read: in one transaction, so each lands exactly once.

Measurements belong to attempts. A trial's curve is that of the attempts that really went on from each other: what
earlier attempts reported at or after the lowest step of a later one is void. So is what they reported after the step
from which a program says it resumed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Integer,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
    update,
)

from sweeper.store import clock, optuna_mirror
from sweeper.store.records import Lease, Measurement
from sweeper.store.schema import attempts, measurements, trials
from sweeper.store.transactions import upsert, writing

KEYS: Final = ("attempt_id", "metric", "step")
VALUES: Final = ("tokens", "device_seconds", "flops", "value", "void")


def _higher(column: Column[int], name: str) -> ColumnElement[bool]:
    """Return whether a parameter is at least as high as a column; a column without a value is lower than all."""
    return column.is_(None) | (column <= bindparam(name, type_=column.type))


# Built once: SQLAlchemy takes longer to build them than the database to run them.
_ADVANCE: Final = (
    update(trials)
    .where(trials.c.id == bindparam("of_trial"), trials.c.fence == bindparam("of_fence"), trials.c.state == "running")
    .values(
        step=case((_higher(trials.c.step, "top"), bindparam("top", type_=BigInteger)), else_=trials.c.step),
        **{
            name: case(
                (
                    _higher(trials.c.step, "top"),
                    func.coalesce(bindparam(f"top_{name}", type_=trials.c[name].type), trials.c[name]),
                ),
                else_=trials.c[name],
            )
            for name in ("tokens", "flops")
        },
    )
)
_KNOW: Final = (
    update(attempts)
    .where(attempts.c.id == bindparam("of_attempt"))
    .values(
        ingest_offset=bindparam("offset"),
        first_step=case(
            (attempts.c.first_step < bindparam("low", type_=BigInteger), attempts.c.first_step),
            else_=func.coalesce(bindparam("low", type_=BigInteger), attempts.c.first_step),
        ),
        last_step=case(
            (_higher(attempts.c.last_step, "top"), bindparam("top", type_=BigInteger)), else_=attempts.c.last_step
        ),
        progressed=attempts.c.progressed | bindparam("is_new", type_=Boolean),
        resumed_from=func.coalesce(bindparam("resumed", type_=BigInteger), attempts.c.resumed_from),
        device_seconds=func.coalesce(bindparam("seconds", type_=Float), attempts.c.device_seconds),
        heartbeat_at=func.coalesce(bindparam("seen_at", type_=Float), attempts.c.heartbeat_at),
        pid=func.coalesce(bindparam("of_pid", type_=Integer), attempts.c.pid),
        pid_started_at=func.coalesce(bindparam("of_pid_started_at", type_=Float), attempts.c.pid_started_at),
    )
)

_REACH: Final = select(
    func.max(case((attempts.c.id == bindparam("of_attempt"), attempts.c.first_step))),
    func.max(case((attempts.c.id < bindparam("of_attempt"), attempts.c.last_step))),
    func.min(case((attempts.c.id > bindparam("of_attempt"), attempts.c.first_step))),
).where(attempts.c.trial_id == bindparam("of_trial"))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What was read of an attempt's file and is stored at once.

    Attributes:
        found: in the order of the file.
        offset: bytes of the file that are in the store then.
        device_seconds: the cost of the attempt up to now, in case its supervisor is never heard from again.
        void_from: what the trial reported before, in the same attempt too, is void from this step on.
        resumed_from: the step from which the program says that it resumed.
        earlier: the id of the attempt to which the measurements belong, if it is not the lease's.
        process: pid and start of the attempt's process, if they are not in the store yet.
    """

    found: Sequence[Measurement]
    offset: int
    device_seconds: float | None = None
    void_from: int | None = None
    resumed_from: int | None = None
    earlier: int | None = None
    process: tuple[int, float] | None = None


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
    """Store a portion of measurements, of a running attempt or of an earlier one that nobody has read yet.

    Returns:
        False if another attempt has the trial by now; nothing was written.
    """
    portion = Portion(
        found=found,
        offset=new_offset,
        device_seconds=device_seconds,
        void_from=void_from,
        resumed_from=resumed_from,
        earlier=earlier,
    )
    return store_portion(engine, lease, portion, now=now)


def store_portion(engine: Engine, lease: Lease, portion: Portion, *, now: float | None = None) -> bool:
    """Store measurements; return false, with nothing written, if another attempt has the trial by now."""
    with writing(engine) as connection:
        return add(connection, lease, portion, now)


def add(connection: Connection, lease: Lease, portion: Portion, now: float | None = None) -> bool:
    """Store measurements as `store_portion` does, within a transaction."""
    # PostgreSQL refuses a key twice in one statement: the last measurement of a step counts.
    latest = {(measurement.metric, measurement.step): measurement for measurement in portion.found}
    attempt_id = lease.attempt_id if portion.earlier is None else portion.earlier
    steps, void_from = [step for _, step in latest], portion.void_from
    low = min(steps if void_from is None else [*steps, void_from], default=None)
    if not _advance(connection, lease, list(latest.values())):
        return False
    reach = _reach(connection, lease.trial_id, attempt_id) if lease.fence > 1 else _Reach()
    is_cut = _void_superseded(connection, lease.trial_id, attempt_id, low, void_from, reach)
    rows = [_row(lease.trial_id, attempt_id, measurement) for measurement in latest.values()]
    upsert(connection, measurements, rows, keys=KEYS, update=VALUES)
    if reach.next_first is not None:
        _void(connection, lease.trial_id, _from(attempt_id, reach.next_first))
    if low is not None and (is_cut or portion.earlier is not None):
        _follow_chain(connection, lease, low)
    else:
        primary = [measurement for measurement in latest.values() if measurement.metric == lease.metric]
        optuna_mirror.report(connection, lease.optuna_trial_id, primary)
    pid, pid_started_at = portion.process or (None, None)
    known = {
        "of_attempt": attempt_id,
        "offset": portion.offset,
        "low": low,
        "top": max(steps, default=None),
        "is_new": bool(steps) and (reach.highest is None or max(steps) > reach.highest),
        "resumed": portion.resumed_from if (portion.resumed_from or 0) >= 0 else None,
        "seconds": portion.device_seconds,
        "seen_at": None if portion.device_seconds is None else clock.read(connection, now).at,
        "of_pid": pid,
        "of_pid_started_at": pid_started_at,
    }
    connection.execute(_KNOW, known)
    return True


def _advance(connection: Connection, lease: Lease, found: Sequence[Measurement]) -> bool:
    """Record how far the trial is by its highest step; return whether it is still the lease's."""
    top = max((measurement.step for measurement in found), default=None)
    there = [measurement for measurement in found if measurement.step == top]
    progress: dict[str, object] = {"of_trial": lease.trial_id, "of_fence": lease.fence, "top": top}
    for name in ("tokens", "flops"):
        numbers = [number for each in there if (number := getattr(each, name)) is not None]
        progress[f"top_{name}"] = numbers[-1] if numbers else None
    return connection.execute(_ADVANCE, progress).rowcount == 1


def _reach(connection: Connection, trial_id: int, attempt_id: int) -> _Reach:
    found = connection.execute(_REACH, {"of_trial": trial_id, "of_attempt": attempt_id}).one()
    return _Reach(*found, has_earlier=True)


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
