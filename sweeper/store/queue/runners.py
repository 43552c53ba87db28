"""Launchers and workers: each has a row that it beats, and through which it can be asked to stop."""

from sqlalchemy import Engine, insert, select, update

from sweeper.store.schema import runners
from sweeper.store.transactions import reading, writing


def register_runner(
    engine: Engine, study_id: int, *, host: str, pid: int, pid_started_at: float, slots: int, now: float
) -> int:
    """A launcher or worker begins; the id of its row."""
    with writing(engine) as connection:
        key = connection.execute(
            insert(runners).values(
                study_id=study_id,
                host=host,
                pid=pid,
                pid_started_at=pid_started_at,
                slots=slots,
                started_at=now,
                heartbeat_at=now,
            )
        ).inserted_primary_key
        assert key is not None
        return int(key[0])


def beat_runner(engine: Engine, runner_id: int, *, now: float) -> bool:
    """Says that the runner lives; true if it is asked to stop."""
    with writing(engine) as connection:
        connection.execute(update(runners).where(runners.c.id == runner_id).values(heartbeat_at=now))
        return bool(
            connection.execute(select(runners.c.stop_requested).where(runners.c.id == runner_id)).scalar_one_or_none()
        )


def stop_requested(engine: Engine, runner_id: int) -> bool:
    """Whether the runner is asked to stop; writes nothing, for slots that poll."""
    with reading(engine) as connection:
        return bool(
            connection.execute(select(runners.c.stop_requested).where(runners.c.id == runner_id)).scalar_one_or_none()
        )


def last_beat(engine: Engine, runner_id: int) -> float | None:
    """When the runner said last that it lives, by its own clock."""
    with reading(engine) as connection:
        return connection.execute(select(runners.c.heartbeat_at).where(runners.c.id == runner_id)).scalar_one_or_none()


def request_stop(engine: Engine, runner_id: int) -> None:
    """Asks one runner to stop."""
    with writing(engine) as connection:
        connection.execute(update(runners).where(runners.c.id == runner_id).values(stop_requested=True))


def end_runner(engine: Engine, runner_id: int, *, now: float) -> None:
    """The runner has stopped."""
    with writing(engine) as connection:
        connection.execute(update(runners).where(runners.c.id == runner_id).values(heartbeat_at=now, ended_at=now))
