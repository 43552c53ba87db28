"""The ledger: device-seconds of every attempt, those that run now included."""

from sqlalchemy import Engine, case, func, select

from sweeper.store.schema import attempts, trials
from sweeper.store.transactions import reading


def spent_device_seconds(engine: Engine, study_id: int, now: float) -> float:
    """What a study has cost so far; a running attempt counts from its start until `now`."""
    running = (now - attempts.c.started_at) * attempts.c.device_share
    cost = case((attempts.c.ended_at.is_(None), running), else_=attempts.c.device_seconds)
    query = (
        select(func.coalesce(func.sum(cost), 0.0))
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(trials.c.study_id == study_id)
    )
    with reading(engine) as connection:
        return float(connection.execute(query).scalar_one())
