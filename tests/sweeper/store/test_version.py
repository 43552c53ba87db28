"""The version of a study changes with what a report shows of it, and not with heartbeats."""

from sqlalchemy import Engine, update

from sweeper.store.queue import control, queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading import reader
from sweeper.store.reading.version import study_version
from sweeper.store.records import Measurement, Outcome
from sweeper.store.schema import attempts, runners
from tests.sweeper.store.builders import RETRY, SLOT, enrolled, levels, phase


def version(url: str) -> str:
    with reader.connect(url) as connection:
        return study_version(connection, reader.study(connection, "s").id)


def test_every_step_of_a_trial_changes_the_version_and_waiting_does_not(url: str, engine: Engine) -> None:
    study_id = enrolled(engine, phase("screen", levels(2))).study_id
    seen = [version(url)]
    assert version(url) == seen[0]
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0)
    assert lease is not None
    seen.append(version(url))
    for step in (1, 2):
        ingest(engine, lease, [Measurement(metric="loss", step=step, value=1.0 / step, device_seconds=1.0)], 10 * step)
        seen.append(version(url))
    with engine.begin() as connection:
        connection.execute(update(attempts).values(heartbeat_at=attempts.c.heartbeat_at + 1, device_seconds=5.0))
    assert version(url) == seen[-1]
    done = Outcome(exit_reason="completed", exit_code=0, value=0.5, device_seconds=2.0)
    queue.finish(engine, lease, done, retry=RETRY)
    seen.append(version(url))
    assert len(set(seen)) == len(seen)


def test_launchers_and_a_cancelled_study_change_the_version(url: str, engine: Engine) -> None:
    study_id = enrolled(engine, phase("screen", levels(2))).study_id
    seen = [version(url)]
    runner = queue.register_runner(engine, study_id, host="h", pid=1, pid_started_at=0.0, slots=1)
    seen.append(version(url))
    with engine.begin() as connection:
        connection.execute(update(runners).values(heartbeat_at=runners.c.heartbeat_at + 1))
    assert version(url) == seen[-1]
    queue.end_runner(engine, runner)
    seen.append(version(url))
    control.cancel(engine, study_id)
    seen.append(version(url))
    assert len(set(seen)) == len(seen)
