"""Launchers and workers: each has a row with a heartbeat, through which it can be asked to stop."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, bindparam, insert, select, update

from sweeper.store import clock, same_store
from sweeper.store.schema import runners, store, studies
from sweeper.store.transactions import reading, writing

_STOP_REQUESTED: Final = select(runners.c.stop_requested).where(runners.c.id == bindparam("runner"))
_ORDERS: Final = (
    select(
        runners.c.stop_requested,
        studies.c.revision,
        studies.c.budget_device_hours,
        select(store.c.uid).scalar_subquery().label("store_uid"),
    )
    .join(studies, studies.c.id == runners.c.study_id)
    .where(runners.c.id == bindparam("runner"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a runner's slots are to do.

    Attributes:
        stops: whether they are to end.
        revision: of the study, which is to be read again if it has changed.
        cap_s: device-seconds of the whole study; None for no cap.
    """

    stops: bool
    revision: int
    cap_s: float | None


def register_runner(
    engine: Engine, study_id: int, *, host: str, pid: int, pid_started_at: float, slots: int, now: float | None = None
) -> int:
    """Add a launcher or worker; return the id of its row."""
    with writing(engine) as connection:
        at = clock.read(connection, now).at
        key = connection.execute(
            insert(runners).values(
                study_id=study_id,
                host=host,
                pid=pid,
                pid_started_at=pid_started_at,
                slots=slots,
                started_at=at,
                heartbeat_at=at,
            )
        ).inserted_primary_key
        assert key is not None
        return int(key[0])


def beat_runner(engine: Engine, runner_id: int, *, now: float | None = None) -> bool:
    """Record a runner's heartbeat; return whether it is asked to stop."""
    with writing(engine) as connection:
        at = clock.read(connection, now).at
        connection.execute(update(runners).where(runners.c.id == runner_id).values(heartbeat_at=at))
        return bool(connection.execute(_STOP_REQUESTED, {"runner": runner_id}).scalar_one_or_none())


def stop_requested(engine: Engine, runner_id: int) -> bool:
    """Return whether a runner is asked to stop; writes nothing, for slots that poll."""
    with reading(engine) as connection:
        return bool(connection.execute(_STOP_REQUESTED, {"runner": runner_id}).scalar_one_or_none())


def orders(engine: Engine, runner_id: int) -> Orders:
    """Return what a runner's slots are to do; writes nothing, for slots that poll.

    Raises:
        StoreError: the store no longer has the runner.
    """
    with reading(engine) as connection:
        row = connection.execute(_ORDERS, {"runner": runner_id}).one()
        same_store.check(connection, row.store_uid)
    cap = row.budget_device_hours
    return Orders(stops=bool(row.stop_requested), revision=row.revision, cap_s=None if cap is None else cap * 3600)


def last_beat(engine: Engine, runner_id: int) -> float | None:
    """Return a runner's last heartbeat."""
    with reading(engine) as connection:
        return connection.execute(select(runners.c.heartbeat_at).where(runners.c.id == runner_id)).scalar_one_or_none()


def request_stop(engine: Engine, runner_id: int) -> None:
    """Ask a runner to stop."""
    with writing(engine) as connection:
        connection.execute(update(runners).where(runners.c.id == runner_id).values(stop_requested=True))


def end_runner(engine: Engine, runner_id: int, *, now: float | None = None) -> None:
    """Record that a runner has stopped."""
    with writing(engine) as connection:
        at = clock.read(connection, now).at
        connection.execute(update(runners).where(runners.c.id == runner_id).values(heartbeat_at=at, ended_at=at))
