"""What a trial has reported so far, over all its attempts, for its supervisor."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, bindparam, func, select

from sweeper.spec.metric import BEST, CurveValue, Direction
from sweeper.store.records import Lease
from sweeper.store.schema import attempts, measurements
from sweeper.store.transactions import reading

# Built once: building a statement takes longer than running it.
_COUNTS: Final = (measurements.c.trial_id == bindparam("trial")) & ~measurements.c.void
_POINTS: Final = (
    select(measurements.c.step, measurements.c.value)
    .where(_COUNTS, measurements.c.metric == bindparam("metric"))
    .order_by(measurements.c.step)
)
_STEPS: Final = (
    select(measurements.c.metric, measurements.c.step)
    .where(_COUNTS)
    .order_by(measurements.c.metric, measurements.c.step)
)
_NAMES: Final = select(measurements.c.metric).where(_COUNTS).distinct()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The study's metric of one trial, and the names of all metrics that it reported.

    Attributes:
        value: the trial's value, e.g. the best of its curve; None if it has none.
        last_is_finite: whether the value at the highest step is finite; true if nothing was reported.
        curve: the metric's finite values by step.
    """

    value: float | None
    last_is_finite: bool
    names: frozenset[str]
    curve: dict[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierAttempt:
    """What was read of an attempt whose file may hold more.

    Attributes:
        offset: bytes of its file that were read.
        device_seconds: of the trial, at the attempt's last sign of life.
        counts: the last step of each metric.
    """

    attempt_id: int
    offset: int
    device_seconds: float
    counts: Mapping[str, int]


def reported(engine: Engine, lease: Lease, value: CurveValue = BEST) -> Reported:
    """Return what a trial has reported.

    Args:
        value: which point of the metric's curve is the trial's value.
    """
    asked = {"trial": lease.trial_id, "metric": lease.metric}
    with reading(engine) as connection:
        points = connection.execute(_POINTS, asked).all()
        names = frozenset(connection.execute(_NAMES, {"trial": lease.trial_id}).scalars())
    numbers = [(step, math.nan if number is None else number) for step, number in points]
    return reported_of(numbers, names, value, lease.direction)


def reported_of(
    points: Sequence[tuple[int, float]], names: frozenset[str], value: CurveValue, direction: Direction
) -> Reported:
    """Return what points of the metric, in the order of their steps, say."""
    found = value.of([number for _, number in points], direction)
    return Reported(
        value=found if math.isfinite(found) else None,
        last_is_finite=not points or math.isfinite(points[-1][1]),
        names=names,
        curve={step: number for step, number in points if math.isfinite(number)},
    )


def steps_by_metric(engine: Engine, lease: Lease) -> dict[str, list[int]]:
    """Return the steps of each metric that a trial has reported, those that count, in their order."""
    found: dict[str, list[int]] = {}
    with reading(engine) as connection:
        for name, step in connection.execute(_STEPS, {"trial": lease.trial_id}):
            found.setdefault(name, []).append(int(step))
    return found


def last_step(engine: Engine, lease: Lease) -> int | None:
    """Return the highest step that a trial has reported, of those that count; None if there is none."""
    return max((steps[-1] for steps in steps_by_metric(engine, lease).values()), default=None)


def first_steps(engine: Engine, lease: Lease) -> dict[int, int]:
    """Return the lowest step that each attempt of a trial has reported, by attempt, if it has reported anything."""
    query = select(attempts.c.id, attempts.c.first_step).where(attempts.c.trial_id == lease.trial_id)
    with reading(engine) as connection:
        return {row.id: int(row.first_step) for row in connection.execute(query) if row.first_step is not None}


def earlier_attempt(engine: Engine, lease: Lease, attempt_id: int | None) -> EarlierAttempt | None:
    """Return what was read of an earlier attempt of a trial.

    Args:
        attempt_id: the attempt; None for the one before, if anything was read of it.

    Returns:
        None if the trial has no such attempt.
    """
    if lease.fence == 1:
        return None
    if attempt_id is None:
        which = (attempts.c.number == lease.fence - 1) & (attempts.c.ingest_offset > 0)
    else:
        which = (attempts.c.id == attempt_id) & (attempts.c.id != lease.attempt_id)
    with reading(engine) as connection:
        query = select(attempts.c.id).where(attempts.c.trial_id == lease.trial_id, which)
        found = connection.execute(query).scalar_one_or_none()
    return None if found is None else read_so_far(engine, found)


def read_so_far(engine: Engine, attempt_id: int) -> EarlierAttempt:
    """Return what was read of an attempt."""
    last = select(measurements.c.metric, func.max(measurements.c.step)).group_by(measurements.c.metric)
    with reading(engine) as connection:
        row = connection.execute(select(attempts).where(attempts.c.id == attempt_id)).one()
        steps = connection.execute(last.where(measurements.c.attempt_id == attempt_id)).all()
    return EarlierAttempt(
        attempt_id=attempt_id,
        offset=row.ingest_offset,
        device_seconds=row.seconds_before + row.device_seconds,
        counts={name: int(step) for name, step in steps},
    )
