"""The ledger: device-seconds of all attempts, running ones included, and what the budget still allows."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, Float, Integer, bindparam, case, func, select

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


# Built once: building them takes longer than running them.
_OF_STUDY: Final = trials.c.study_id == bindparam("study")
_JOINED: Final = attempts.join(trials, trials.c.id == attempts.c.trial_id)
_SPENT: Final = select(func.coalesce(func.sum(attempts.c.device_seconds), 0.0)).select_from(_JOINED).where(_OF_STUDY)
_SILENCE: Final = bindparam("now", type_=Float) - attempts.c.heartbeat_at
_BOUNDED: Final = case((_SILENCE < 0.0, 0.0), (_SILENCE > LONGEST_SILENCE_S, LONGEST_SILENCE_S), else_=_SILENCE)
_SINCE: Final = case((attempts.c.ended_at.is_(None), _BOUNDED * attempts.c.device_share), else_=0.0)
_RUNNING: Final = (
    select(
        trials.c.id,
        trials.c.predicted_device_seconds,
        func.sum(_SINCE).label("since"),
        func.sum(attempts.c.device_seconds + _SINCE).label("used"),
    )
    .select_from(_JOINED)
    .where(_OF_STUDY, trials.c.state == "running", trials.c.id != bindparam("without", type_=Integer))
    .group_by(trials.c.id, trials.c.predicted_device_seconds)
)
_OF_TRIAL: Final = select(func.coalesce(func.sum(attempts.c.device_seconds), 0.0)).where(
    attempts.c.trial_id == bindparam("trial")
)


def balance(connection: Connection, study_id: int, now: float, *, without: int | None = None) -> Balance:
    """Return what a study has spent and reserved.

    A running attempt counts with its last report and the time since then. That time is bounded on both sides, so
    neither a clock that was set nor a machine that died creates device-hours out of nothing.

    Args:
        without: a trial that does not count as running; its cost does count.
    """
    spent = float(connection.execute(_SPENT, {"study": study_id}).scalar_one())
    asked = {"study": study_id, "now": now, "without": -1 if without is None else without}
    reserved, number = 0.0, 0
    for row in connection.execute(_RUNNING, asked):
        number += 1
        spent += row.since
        reserved += max(0.0, (row.predicted_device_seconds or 0.0) - row.used)
    return Balance(spent=spent, reserved=reserved, running=number)


def trial_device_seconds(connection: Connection, trial_id: int) -> float:
    """Return the cost of a trial's attempts."""
    return float(connection.execute(_OF_TRIAL, {"trial": trial_id}).scalar_one())


def read_balance(engine: Engine, study_id: int, now: float | None = None) -> Balance:
    """Return the `balance` in a transaction of its own."""
    with reading(engine) as connection:
        return balance(connection, study_id, clock.read(connection, now).at)


def spent_device_seconds(engine: Engine, study_id: int, now: float | None = None) -> float:
    """Return the cost of a study so far; a running attempt counts until now."""
    return read_balance(engine, study_id, now).spent
