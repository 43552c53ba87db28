"""What the store says of attempts since a launch began: whether further trials would fail too."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine

from sweeper.store import clock
from sweeper.store.failures import FailAlike, failing
from sweeper.store.queue import queue
from sweeper.store.queue.failing import last_attempt, ran_since
from sweeper.store.queue.ingest import ingest
from sweeper.store.records import Lease, Measurement, Outcome, SlotIdentity
from tests.sweeper.store.builders import RETRY, SLOT, enrolled, levels, phase

CRASH = Outcome(exit_reason="crashed", exit_code=1, message="exit code 1\nImportError: no module 'x'")


@pytest.fixture
def study(engine: Engine) -> int:
    return enrolled(engine, phase("screen", levels(8))).study_id


def claims(engine: Engine, study: int, number: int, slot: SlotIdentity = SLOT) -> Sequence[Lease]:
    found = [queue.claim_trial(engine, study, slot, lease_s=60.0) for _ in range(number)]
    return [lease for lease in found if lease is not None]


def crash(engine: Engine, leases: Sequence[Lease], outcome: Outcome = CRASH) -> None:
    for lease in leases:
        queue.finish(engine, lease, outcome, retry=RETRY)


def report(engine: Engine, lease: Lease, step: int) -> None:
    assert ingest(engine, lease, [Measurement(metric="loss", step=step, value=2.0)], 10)


def stops(engine: Engine, study: int, since: int = 0) -> FailAlike | None:
    return failing(ran_since(engine, study, since), SLOT.host)


def test_a_slot_whose_lease_has_expired_is_not_waited_for(engine: Engine, study: int) -> None:
    crash(engine, claims(engine, study, 4)[1:])
    with engine.connect() as connection:
        now = clock.read(connection).lease
    assert any(each.holds_lease for each in ran_since(engine, study, 0, now + 59))
    assert not any(each.holds_lease for each in ran_since(engine, study, 0, now + 61))


def test_an_attempt_that_reported_something_counts_once_its_retries_are_used_up(engine: Engine, study: int) -> None:
    leases = claims(engine, study, 3)
    for lease in leases:
        report(engine, lease, 4)
    crash(engine, leases)
    assert stops(engine, study) is None
    again = [lease for _ in range(3) if (lease := queue.claim_trial(engine, study, SLOT, lease_s=60.0, now=1e12))]
    assert [lease.attempt for lease in again] == [2, 2, 2]
    crash(engine, again)
    assert [row.cause is not None for row in ran_since(engine, study, 0)].count(True) == 6
    assert stops(engine, study) is not None


def test_divergence_time_limits_and_lost_slots_stop_no_study(engine: Engine, study: int) -> None:
    for outcome in (Outcome(exit_reason="timeout"), Outcome(exit_reason="preempted")):
        crash(engine, claims(engine, study, 3), outcome)
        assert stops(engine, study) is None


def test_what_failed_before_a_launch_does_not_count_in_it(engine: Engine, study: int) -> None:
    crash(engine, claims(engine, study, 3))
    found = stops(engine, study)
    assert found is not None
    assert list(found.trials) == ["screen/0", "screen/1", "screen/2"]
    assert str(found.cause) == "exit code 1: ImportError: no module 'x'"
    since = last_attempt(engine)
    assert stops(engine, study, since) is None
    other = enrolled(engine, phase("screen", levels(4)), name="t").study_id
    crash(engine, claims(engine, other, 3))
    assert stops(engine, study, since) is None  # that was another study
    crash(engine, claims(engine, study, 3))
    assert stops(engine, study, since) is not None
