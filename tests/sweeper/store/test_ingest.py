"""Measurements land exactly once, together with the offset they were read up to."""

import math

import pytest
from sqlalchemy import Engine, select

from sweeper.store import optuna_tables
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import Portion, ingest, store_portion
from sweeper.store.reading import reader
from sweeper.store.reading.trial_metrics import reported
from sweeper.store.records import LOST_LIMIT, ExitReason, Lease, LeaseLost, Measurement, Outcome
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


LEASE_S = 30.0


def next_attempt(engine: Engine, study_id: int, lease: Lease) -> Lease:
    """The next attempt of a trial whose slot is silent for longer than its lease."""
    again = take(engine, study_id, now=LEASE_S * lease.attempt)
    assert again.trial_id == lease.trial_id
    return again


def mirrored(engine: Engine, lease: Lease) -> dict[int, float]:
    table = optuna_tables.trial_intermediate_values
    query = select(table.c.step, table.c.intermediate_value).where(table.c.trial_id == lease.optuna_trial_id)
    with reading(engine) as connection:
        return {row.step: row.intermediate_value for row in connection.execute(query)}


def test_what_is_after_a_later_attempts_first_step_is_void(engine: Engine, url: str, study_id: int) -> None:
    first = take(engine, study_id)
    ingest(engine, first, losses((1, 6.0), (3, 4.0), (5, 1.0)), 10)
    second = next_attempt(engine, study_id, first)
    ingest(engine, second, losses((2, 9.0)), 20)
    assert curve(url, study_id, first.trial_id) == [(1, 6.0), (2, 9.0)]
    assert mirrored(engine, second) == {1: 6.0, 2: 9.0}
    with reader.connect(url) as connection:
        trial = reader.trials(connection, study_id)[0]
        assert reader.last_values(connection, trial.id) == {"loss": (2, 9.0)}
        study = reader.study(connection, "s")
        assert reader.running_curves(connection, study) == {trial.id: [6.0, 9.0]}
        (extent,) = reader.extents(connection, study, "running")
    assert (trial.step, trial.tokens, trial.flops) == (2, 200, 2e9)
    assert (extent.step, extent.last_step, extent.tokens) == (2, 2, 200)
    assert reported(engine, second).value == 6.0


def test_a_program_that_begins_anew_says_so(engine: Engine, url: str, study_id: int) -> None:
    first = take(engine, study_id)
    ingest(engine, first, losses((1, 6.0), (3, 4.0)), 10)
    second = next_attempt(engine, study_id, first)
    ingest(engine, second, [], 20, void_from=0, resumed_from=-1)
    assert curve(url, study_id, first.trial_id) == []
    assert mirrored(engine, second) == {}
    with reader.connect(url) as connection:
        assert reader.trials(connection, study_id)[0].step is None


def test_steps_that_fall_are_all_of_one_attempt(engine: Engine, url: str, study_id: int) -> None:
    first = take(engine, study_id)
    ingest(engine, first, losses((0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0)), 10)
    second = next_attempt(engine, study_id, first)
    for step in (3, 2, 1):
        ingest(engine, second, losses((step, 7.0)), 20)
    assert curve(url, study_id, first.trial_id) == [(0, 1.0), (1, 7.0), (2, 7.0), (3, 7.0)]
    with reader.connect(url) as connection:
        assert reader.trials(connection, study_id)[0].step == 3


def test_what_is_read_late_counts_as_far_as_no_later_attempt_has_begun_before(
    engine: Engine, url: str, study_id: int
) -> None:
    first = take(engine, study_id)
    ingest(engine, first, losses((1, 6.0)), 10)
    second = next_attempt(engine, study_id, first)
    assert ingest(engine, second, losses((2, 5.0), (3, 4.0)), 20, earlier=first.attempt_id)
    assert (offset(engine, first), offset(engine, second)) == (20, 0)
    assert curve(url, study_id, first.trial_id) == [(1, 6.0), (2, 5.0), (3, 4.0)]
    ingest(engine, second, losses((3, 9.0)), 40)
    third = next_attempt(engine, study_id, second)
    ingest(engine, third, losses((4, 3.0), (5, 2.0)), 30, earlier=first.attempt_id)
    ingest(engine, third, losses((4, 8.0)), 60, earlier=second.attempt_id)
    expected = [(1, 6.0), (2, 5.0), (3, 9.0), (4, 8.0)]
    assert curve(url, study_id, first.trial_id) == expected
    assert mirrored(engine, third) == dict(expected)
    with reader.connect(url) as connection:
        assert reader.trials(connection, study_id)[0].step == 4


def test_nobody_but_the_holder_of_the_trial_adds_to_earlier_attempts(engine: Engine, study_id: int) -> None:
    first = take(engine, study_id)
    second = next_attempt(engine, study_id, first)
    next_attempt(engine, study_id, second)
    assert not ingest(engine, second, losses((1, 6.0)), 10, earlier=first.attempt_id)
    assert offset(engine, first) == 0


def test_a_failed_attempt_that_began_anew_leaves_no_value_of_the_one_before(
    engine: Engine, url: str, study_id: int
) -> None:
    first = take(engine, study_id)
    ingest(engine, first, losses((1, 0.001)), 10)
    crashed = Outcome(exit_reason="crashed", value=0.001)
    assert queue.finish(engine, first, crashed, retry=RETRY, now=0.0) == "waiting"
    second = take(engine, study_id, now=100.0)
    ingest(engine, second, losses((1, math.nan)), 20)
    diverged = Outcome(exit_reason="diverged", value=reported(engine, second).value)
    assert queue.finish(engine, second, diverged, retry=RETRY, now=101.0) == "failed"
    with reader.connect(url) as connection:
        assert reader.trials(connection, study_id)[0].value is None


def state_of(url: str, study_id: int) -> str:
    with reader.connect(url) as connection:
        return reader.trials(connection, study_id)[0].state


def test_a_trial_that_goes_on_each_time_may_lose_its_slot_for_ever(engine: Engine, url: str, study_id: int) -> None:
    lease = take(engine, study_id)
    for number in range(2 * LOST_LIMIT):
        ingest(engine, lease, losses((number, 1.0)), 10)
        lease = next_attempt(engine, study_id, lease)
    for _ in range(LOST_LIMIT):
        ingest(engine, lease, losses((3, 1.0)), 10)  # nothing that was not there before
        lease = next_attempt(engine, study_id, lease)
    assert state_of(url, study_id) == "running"
    assert take(engine, study_id, now=LEASE_S * lease.attempt).trial_id != lease.trial_id
    assert state_of(url, study_id) == "failed"


def of_attempt(engine: Engine, lease: Lease) -> dict[str, object]:
    with reading(engine) as connection:
        return dict(connection.execute(select(attempts).where(attempts.c.id == lease.attempt_id)).one()._mapping)


def test_a_process_is_recorded_with_what_it_reported_first(engine: Engine, study_id: int) -> None:
    lease = take(engine, study_id)
    assert store_portion(engine, lease, Portion(found=losses((1, 3.0)), offset=9, process=(77, 99.5)))
    assert store_portion(engine, lease, Portion(found=losses((2, 2.0)), offset=18))
    found = of_attempt(engine, lease)
    assert (found["pid"], found["pid_started_at"], found["ingest_offset"]) == (77, 99.5, 18)


@pytest.mark.parametrize("reason", ["completed", "crashed", "preempted"])
def test_what_is_reported_last_is_stored_with_the_end(
    engine: Engine, url: str, study_id: int, reason: ExitReason
) -> None:
    lease = take(engine, study_id)
    ingest(engine, lease, losses((10, 3.0)), 120)
    outcome = Outcome(exit_reason=reason, value=2.0, device_seconds=4.0)
    last = Portion(found=losses((20, 2.0)), offset=150)
    for _ in range(2):  # as if the answer to the first call was lost
        queue.finish(engine, lease, outcome, retry=RETRY, last=last, now=31.0)
    assert curve(url, study_id, lease.trial_id) == [(10, 3.0), (20, 2.0)]
    assert mirrored(engine, lease) == {10: 3.0, 20: 2.0}
    found = of_attempt(engine, lease)
    assert (found["ingest_offset"], found["last_step"], found["ended_at"]) == (150, 20, 31.0)
    assert (found["device_seconds"], found["exit_reason"], found["progressed"]) == (4.0, reason, True)
    with reader.connect(url) as connection:
        trial = reader.trials(connection, study_id)[0]
    assert (trial.step, trial.tokens) == (20, 2000)


def test_an_end_that_comes_too_late_stores_nothing_of_what_was_reported_last(
    engine: Engine, url: str, study_id: int
) -> None:
    old = take(engine, study_id)
    new = next_attempt(engine, study_id, old)
    with pytest.raises(LeaseLost):
        queue.finish(
            engine, old, completed(1.0), retry=RETRY, last=Portion(found=losses((1, 1.0)), offset=10), now=31.0
        )
    assert curve(url, study_id, old.trial_id) == []
    assert offset(engine, old) == offset(engine, new) == 0
