"""The ledger: device-seconds of all attempts, running ones included, and what the budget still allows."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, case, func, select

from sweeper.store import clock
from sweeper.store.schema import attempts, trials
from sweeper.store.transactions import reading

LONGEST_SILENCE_S: Final = 60.0  # a running attempt counts for at most this long after its last report


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A study's device-seconds.

    Attributes:
        spent: by all attempts, running ones up to now.
        reserved: what running trials are predicted to need beyond that; trials without a prediction need nothing.
        running: number of running trials.
    """

    spent: float
    reserved: float
    running: int


def balance(connection: Connection, study_id: int, now: float, *, without: int | None = None) -> Balance:
    """Return what a study has spent and reserved.

    A running attempt counts with its last report and the time since then. That time is bounded on both sides, so
    neither a clock that was set nor a machine that died creates device-hours out of nothing.

    Args:
        without: a trial that does not count as running; its cost does count.
    """
    mine = trials.c.study_id == study_id
    joined = attempts.join(trials, trials.c.id == attempts.c.trial_id)
    closed = select(func.coalesce(func.sum(attempts.c.device_seconds), 0.0)).select_from(joined).where(mine)
    spent = float(connection.execute(closed).scalar_one())
    silence = now - attempts.c.heartbeat_at
    bounded = case((silence < 0.0, 0.0), (silence > LONGEST_SILENCE_S, LONGEST_SILENCE_S), else_=silence)
    since = case((attempts.c.ended_at.is_(None), bounded * attempts.c.device_share), else_=0.0)
    running = (
        select(
            trials.c.id,
            trials.c.predicted_device_seconds,
            func.sum(since).label("since"),
            func.sum(attempts.c.device_seconds + since).label("used"),
        )
        .select_from(joined)
        .where(mine, trials.c.state == "running", trials.c.id != (-1 if without is None else without))
        .group_by(trials.c.id, trials.c.predicted_device_seconds)
    )
    reserved, number = 0.0, 0
    for row in connection.execute(running):
        number += 1
        spent += row.since
        reserved += max(0.0, (row.predicted_device_seconds or 0.0) - row.used)
    return Balance(spent=spent, reserved=reserved, running=number)


def trial_device_seconds(connection: Connection, trial_id: int) -> float:
    """Return the cost of a trial's attempts."""
    total = func.coalesce(func.sum(attempts.c.device_seconds), 0.0)
    return float(connection.execute(select(total).where(attempts.c.trial_id == trial_id)).scalar_one())


def read_balance(engine: Engine, study_id: int, now: float | None = None) -> Balance:
    """Return the `balance` in a transaction of its own."""
    with reading(engine) as connection:
        return balance(connection, study_id, clock.read(connection, now).at)


def spent_device_seconds(engine: Engine, study_id: int, now: float | None = None) -> float:
    """Return the cost of a study so far; a running attempt counts until now."""
    return read_balance(engine, study_id, now).spent
