"""Measurements land exactly once, together with the offset they were read up to."""

import math

import pytest
from sqlalchemy import Engine, select

from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading import reader
from sweeper.store.records import Lease, Measurement
from sweeper.store.schema import attempts
from sweeper.store.transactions import reading
from tests.sweeper.store.builders import RETRY, SLOT, completed, enrolled, levels, phase


@pytest.fixture
def study_id(engine: Engine) -> int:
    return enrolled(engine, phase("screen", levels(2))).study_id


def take(engine: Engine, study_id: int, now: float = 0.0) -> Lease:
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=now)
    assert lease is not None
    return lease


def losses(*points: tuple[int, float]) -> list[Measurement]:
    return [
        Measurement(metric="loss", step=step, value=value, tokens=step * 100, device_seconds=step / 2, flops=step * 1e9)
        for step, value in points
    ]


def offset(engine: Engine, lease: Lease) -> int:
    with reading(engine) as connection:
        return int(
            connection.execute(select(attempts.c.ingest_offset).where(attempts.c.id == lease.attempt_id)).scalar_one()
        )


def curve(url: str, study_id: int, trial_id: int) -> list[tuple[int, float]]:
    with reader.connect(url) as connection:
        found = reader.curves(connection, study_id, "loss").get(trial_id)
    return [] if found is None else list(zip(found.steps, found.values, strict=True))


def test_measurements_offset_and_progress_go_together(engine: Engine, url: str, study_id: int) -> None:
    lease = take(engine, study_id)
    assert ingest(engine, lease, losses((10, 3.0), (20, 2.0)), 120)
    assert ingest(engine, lease, [], 130)
    assert offset(engine, lease) == 130
    assert curve(url, study_id, lease.trial_id) == [(10, 3.0), (20, 2.0)]
    with reader.connect(url) as connection:
        trial = reader.trials(connection, study_id)[0]
        table = reader.measurements(connection, study_id, "loss")
    assert (trial.step, trial.tokens, trial.flops) == (20, 2000, 20e9)
    assert table.columns == (
        "trial_id", "phase", "number", "metric", "step", "tokens", "device_seconds", "flops", "value"
    )  # fmt: skip
    assert table.rows[0] == (lease.trial_id, "screen", 0, "loss", 10, 1000, 5.0, 10e9, 3.0)
    assert table.column("value") == [3.0, 2.0]


def test_a_step_reported_again_replaces_the_old_value(engine: Engine, url: str, study_id: int) -> None:
    lease = take(engine, study_id)
    ingest(engine, lease, losses((10, 3.0), (20, 2.0)), 120)
    again = take(engine, study_id, now=30.0)
    assert again.trial_id == lease.trial_id
    ingest(engine, again, losses((20, 9.0), (20, 2.5), (30, 2.25)), 60)
    assert curve(url, study_id, lease.trial_id) == [(10, 3.0), (20, 2.5), (30, 2.25)]


def test_an_attempt_taken_for_dead_adds_nothing(engine: Engine, url: str, study_id: int) -> None:
    old = take(engine, study_id)
    new = take(engine, study_id, now=30.0)
    assert not ingest(engine, old, losses((10, 3.0)), 50)
    assert not ingest(engine, old, [], 50)
    assert curve(url, study_id, old.trial_id) == []
    assert offset(engine, old) == 0
    assert ingest(engine, new, losses((10, 4.0)), 50)
    queue.finish(engine, new, completed(4.0), retry=RETRY, now=31.0)
    assert not ingest(engine, new, losses((20, 1.0)), 90)
    assert curve(url, study_id, new.trial_id) == [(10, 4.0)]


def test_values_that_are_no_numbers_come_back_as_such(engine: Engine, url: str, study_id: int) -> None:
    lease = take(engine, study_id)
    ingest(engine, lease, losses((1, math.nan), (2, math.inf), (3, -math.inf), (4, 5e-324)), 10)
    values = [value for _, value in curve(url, study_id, lease.trial_id)]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, 5e-324]


def test_metrics_lists_what_was_reported(engine: Engine, url: str, study_id: int) -> None:
    lease = take(engine, study_id)
    other = Measurement(metric="accuracy", step=1, value=0.5)
    ingest(engine, lease, [*losses((1, 2.0)), other], 10)
    with reader.connect(url) as connection:
        assert reader.metrics(connection, study_id) == ("accuracy", "loss")
        found = reader.curves(connection, study_id, "accuracy")[lease.trial_id]
    assert found.values == [0.5]
    assert math.isnan(found.tokens[0])
