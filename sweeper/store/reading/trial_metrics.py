"""What a trial has reported so far, over all its attempts, for its supervisor."""

import math
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from sweeper.spec.metric import BEST, CurveValue
from sweeper.store.records import Lease
from sweeper.store.schema import attempts, measurements
from sweeper.store.transactions import reading


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


def reported(engine: Engine, lease: Lease, value: CurveValue = BEST) -> Reported:
    """Return what a trial has reported.

    Args:
        value: which point of the metric's curve is the trial's value.
    """
    mine = (measurements.c.trial_id == lease.trial_id) & ~measurements.c.void
    values = select(measurements.c.step, measurements.c.value).where(mine, measurements.c.metric == lease.metric)
    with reading(engine) as connection:
        points = connection.execute(values.order_by(measurements.c.step)).all()
        names = frozenset(connection.execute(select(measurements.c.metric).where(mine).distinct()).scalars())
    curve = {step: value for step, value in points if value is not None and math.isfinite(value)}
    found = value.of([math.nan if point.value is None else point.value for point in points], lease.direction)
    last = points[-1].value if points else 0.0
    return Reported(
        value=found if math.isfinite(found) else None,
        last_is_finite=last is not None and math.isfinite(last),
        names=names,
        curve=curve,
    )


def device_seconds_before(engine: Engine, lease: Lease) -> float:
    """Return the device-seconds of the trial's earlier attempts."""
    total = select(func.coalesce(func.sum(attempts.c.device_seconds), 0.0)).where(
        attempts.c.trial_id == lease.trial_id, attempts.c.id != lease.attempt_id
    )
    with reading(engine) as connection:
        return float(connection.execute(total).scalar_one())
