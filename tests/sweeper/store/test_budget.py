"""The budget as a cap: what is spent, promised and predicted has to fit before a trial is claimed."""

import pytest
from sqlalchemy import Engine, update

from sweeper.store.queue import queue
from sweeper.store.queue.ledger import read_balance, spent_device_seconds
from sweeper.store.records import BudgetTooSmall, Lease
from sweeper.store.schema import trials
from sweeper.store.transactions import writing
from tests.sweeper.store.builders import RETRY, SLOT, completed, enrolled, levels, phase

HOUR = 3600.0


def study_with(engine: Engine, hours: float | None, predicted: float | None, number: int = 3) -> int:
    study = enrolled(engine, phase("screen", levels(number)), budget={"device_hours": hours}).study_id
    with writing(engine) as connection:
        connection.execute(update(trials).values(predicted_device_seconds=predicted))
    return study


def claim_trial(engine: Engine, study: int, now: float = 0.0) -> Lease:
    found = queue.claim_trial(engine, study, SLOT, lease_s=60.0, now=now)
    assert found is not None
    return found


def test_trials_are_admitted_while_their_predictions_fit(engine: Engine) -> None:
    study = study_with(engine, 1.0, 0.4 * HOUR)
    claim_trial(engine, study)
    claim_trial(engine, study)
    with pytest.raises(BudgetTooSmall, match=r"0 spent, 0.8 reserved for running trials, and 0.4 predicted") as refusal:
        claim_trial(engine, study)
    assert refusal.value.others_running
    assert queue.counts(engine, study)["waiting"] == 1


def test_a_trial_that_ended_cheaper_than_predicted_makes_room(engine: Engine) -> None:
    study = study_with(engine, 1.0, 0.6 * HOUR)
    first = claim_trial(engine, study)
    queue.finish(engine, first, completed(device_seconds=0.3 * HOUR), retry=RETRY, now=1.0)
    second = claim_trial(engine, study, now=1.0)
    queue.finish(engine, second, completed(device_seconds=0.3 * HOUR), retry=RETRY, now=2.0)
    with pytest.raises(BudgetTooSmall) as refusal:
        claim_trial(engine, study, now=2.0)
    assert not refusal.value.others_running


def test_failed_attempts_count(engine: Engine) -> None:
    study = study_with(engine, 1.0, None)
    first = claim_trial(engine, study)
    crash = completed(exit_reason="crashed", value=None, device_seconds=1.1 * HOUR)
    queue.finish(engine, first, crash, retry=RETRY, now=1.0)
    with pytest.raises(BudgetTooSmall):
        claim_trial(engine, study, now=100.0)


def test_without_a_prediction_trials_are_admitted_until_the_budget_is_spent(engine: Engine) -> None:
    study = study_with(engine, 1.0, None)
    first = claim_trial(engine, study)
    queue.finish(engine, first, completed(device_seconds=0.99 * HOUR), retry=RETRY, now=1.0)
    claim_trial(engine, study, now=1.0)


def test_a_resumed_trial_needs_only_what_is_left_of_its_prediction(engine: Engine) -> None:
    study = study_with(engine, 1.0, 0.9 * HOUR, number=1)
    first = claim_trial(engine, study)
    stopped = completed(exit_reason="preempted", value=None, device_seconds=0.5 * HOUR)
    queue.finish(engine, first, stopped, retry=RETRY, now=1.0)
    assert claim_trial(engine, study, now=1.0).attempt == 2


def test_a_trial_whose_slot_died_waits_when_the_budget_is_spent(engine: Engine) -> None:
    study = study_with(engine, 1.0, None, number=1)
    first = claim_trial(engine, study)
    queue.renew(engine, first, lease_s=60.0, now=0.0, device_seconds=2 * HOUR)
    with pytest.raises(BudgetTooSmall) as refusal:
        claim_trial(engine, study, now=1000.0)
    assert not refusal.value.others_running
    assert queue.counts(engine, study) == {"waiting": 1, "running": 0, "completed": 0, "pruned": 0, "failed": 0}


def test_a_larger_budget_goes_on(engine: Engine) -> None:
    study = study_with(engine, 0.1, HOUR)
    with pytest.raises(BudgetTooSmall):
        claim_trial(engine, study)
    enrolled(engine, phase("screen", levels(3)), budget={"device_hours": 3.0})
    claim_trial(engine, study)


def test_no_budget_admits_everything(engine: Engine) -> None:
    study = study_with(engine, None, 1e9)
    assert [claim_trial(engine, study).number for _ in range(3)] == [0, 1, 2]


def test_a_running_attempt_costs_what_it_said_and_the_time_since(engine: Engine) -> None:
    study = study_with(engine, None, 100.0)
    first = claim_trial(engine, study)
    queue.renew(engine, first, lease_s=60.0, now=50.0, device_seconds=50.0)
    found = read_balance(engine, study, 60.0)
    assert (found.spent, found.reserved, found.running) == (60.0, 40.0, 1)


@pytest.mark.parametrize("now", [-1e6, 1e6])
def test_a_clock_that_was_set_makes_no_device_hours(engine: Engine, now: float) -> None:
    study = study_with(engine, None, None)
    queue.renew(engine, claim_trial(engine, study), lease_s=60.0, now=0.0, device_seconds=10.0)
    assert 10.0 <= spent_device_seconds(engine, study, now) <= 70.0
