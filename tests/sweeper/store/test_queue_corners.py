"""What of the queue only shows in a second study, a second attempt, or just at a limit."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.queue.attempts import correct, settle_seconds_before
from sweeper.store.queue.ledger import read_balance, spent_device_seconds
from sweeper.store.reading.trial_metrics import read_so_far
from sweeper.store.records import LOST_LIMIT, BudgetTooSmall
from sweeper.store.schema import trials
from sweeper.store.transactions import writing
from tests.sweeper.store.builders import (
    RETRY,
    SLOT,
    Budget,
    Plan,
    completed,
    document,
    enrolled,
    levels,
    phase,
    study_from,
)
from tests.sweeper.store.test_queue import LEASE_S, attempt_rows, end, failed, must_take, take, trial_rows


def second_study(engine: Engine, number: int) -> int:
    """A study named t beside s."""
    only = phase("screen", levels(number))
    plan, study = Plan("t", (only,)), study_from({**document(only), "study": "t"}, source="study: t\n")
    return enrol(engine, plan, study, runs_dir=Path("/runs"), now=0.0).study_id  # type: ignore[arg-type]  # the plan's shape is what counts


def test_studies_in_one_store_leave_each_other_alone(engine: Engine, url: str) -> None:
    one = enrolled(engine, phase("screen", levels(2))).study_id
    other = second_study(engine, 2)
    assert end(engine, must_take(engine, other), completed()) == "completed"  # not one of the first, which wait as well
    held = must_take(engine, one)
    crashed = must_take(engine, one)
    assert end(engine, crashed, failed("timeout")) == "failed"
    # The lease in the first study is over; the second gives out its own trial, and then none.
    assert must_take(engine, other, now=LEASE_S).study == "t"
    assert take(engine, other, now=LEASE_S) is None
    assert queue.next_due(engine, other, LEASE_S) == 2 * LEASE_S
    assert queue.retry_failed(engine, other, LEASE_S) == 0
    assert queue.cancel(engine, other, LEASE_S) == 0
    assert queue.counts(engine, other) == {"waiting": 0, "running": 1, "completed": 1, "pruned": 0, "failed": 0}
    assert queue.counts(engine, one) == {"waiting": 0, "running": 1, "completed": 0, "pruned": 0, "failed": 1}
    assert [found.attempt_id for found in queue.abandoned(engine, one, SLOT.machine)] == [held.attempt_id]
    assert queue.retry_failed(engine, one, LEASE_S) == 1
    assert [trial.state for trial in trial_rows(url, other)] == ["completed", "running"]


def test_a_study_that_was_cancelled_ends_no_lost_trial_of_another(engine: Engine) -> None:
    one = enrolled(engine, phase("screen", levels(1))).study_id
    queue.cancel(engine, second_study(engine, 1), 1.0)
    must_take(engine, one)
    assert must_take(engine, one, now=LEASE_S).attempt == 2


def test_a_heartbeat_is_noted_at_its_own_attempt_alone(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    lease, _ = must_take(engine, study), must_take(engine, study)
    queue.renew(engine, lease, lease_s=LEASE_S, now=5.0, device_seconds=4.0, peak_memory_bytes=3)
    found = [(row.heartbeat_at, row.device_seconds, row.peak_memory_bytes) for row in attempt_rows(url, study)]
    assert found == [(5.0, 4.0, 3), (0.0, 0.0, None)]


def test_trials_that_crash_use_up_their_own_limit(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(3))).study_id
    claims = [must_take(engine, study) for _ in range(3)]
    assert [end(engine, lease, failed("crashed")) for lease in claims] == ["waiting"] * 3


def test_what_the_limits_do_not_name_is_not_tried_again(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    assert queue.finish(engine, must_take(engine, study), failed("timeout"), retry={}, now=1.0) == "failed"


def test_cancelling_asks_the_study_s_own_runners_and_those_that_run(engine: Engine) -> None:
    one = enrolled(engine, phase("screen", levels(1))).study_id
    other = second_study(engine, 1)
    ended, running, others = (
        queue.register_runner(engine, study, host="here", pid=1, pid_started_at=0.0, slots=1, now=0.0)
        for study in (one, one, other)
    )
    queue.end_runner(engine, ended, now=1.0)
    queue.cancel(engine, one, 2.0)
    assert [queue.stop_requested(engine, runner) for runner in (ended, running, others)] == [False, True, False]


def test_one_runner_can_be_asked_to_stop(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    first, second = (
        queue.register_runner(engine, study, host="here", pid=pid, pid_started_at=0.0, slots=1, now=0.0)
        for pid in (1, 2)
    )
    queue.request_stop(engine, second)
    assert [queue.beat_runner(engine, runner, now=1.0) for runner in (first, second)] == [False, True]


def test_a_trial_that_runs_again_has_no_ending_yet_but_its_first_start(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    crash = failed("crashed", exit_code=7, peak_memory_bytes=5)
    assert end(engine, must_take(engine, study, now=10.0), crash, now=12.0) == "waiting"
    (waiting,) = trial_rows(url, study)
    assert (waiting.exit_reason, waiting.message, waiting.ended_at) == ("crashed", "the last words", None)
    must_take(engine, study, now=20.0)
    (again,) = trial_rows(url, study)
    assert (again.state, again.exit_reason, again.message, again.ended_at) == ("running", None, None, None)
    assert again.started_at == 10.0
    old, new = attempt_rows(url, study)
    assert (old.exit_reason, old.exit_code, old.heartbeat_at, old.peak_memory_bytes) == ("crashed", 7, 12.0, 5)
    assert (old.message, new.message) == ("the last words", None)
    assert (new.started_at, new.heartbeat_at, new.device, new.device_share) == (20.0, 20.0, "cpu", 1.0)


@pytest.mark.parametrize(("reason", "wait_s"), [("crashed", 1.0), ("out_of_memory", 1.0), ("killed", 0.0)])
def test_only_what_may_come_again_at_once_backs_off(engine: Engine, reason: str, wait_s: float) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    end(engine, must_take(engine, study), failed(reason), now=50.0)
    assert queue.next_due(engine, study, 50.0) == 50.0 + wait_s


@pytest.mark.parametrize(
    ("second", "wait_s"),
    [({}, 16.0), ({"message": "other last words"}, 2.0), ({"device_seconds": 9.0}, 2.0)],
    ids=["alike", "another failure", "not at once"],
)
def test_a_trial_that_fails_twice_alike_at_once_does_not_use_up_its_attempts_in_seconds(
    engine: Engine, second: dict[str, object], wait_s: float
) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    end(engine, must_take(engine, study), failed("crashed", device_seconds=0.5), now=50.0)
    lease, outcome = must_take(engine, study, now=60.0), failed("crashed", **{"device_seconds": 0.5} | second)
    assert queue.finish(engine, lease, outcome, retry={"crashed": 2}, now=61.0) == "waiting"
    assert queue.next_due(engine, study, 61.0) == 61.0 + wait_s


def test_a_back_off_from_a_clock_that_was_set_back_holds_nobody_up(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    end(engine, must_take(engine, study, now=1e6), failed("crashed"), now=1e6)
    assert take(engine, study, now=1e6) is None
    assert must_take(engine, study, now=100.0).attempt == 2


def test_a_trial_that_crashes_in_a_cancelled_study_does_not_wait_again(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    lease = must_take(engine, study)
    queue.cancel(engine, study, 2.0)
    assert end(engine, lease, failed("crashed"), now=3.0) == "failed"
    assert [(trial.exit_reason, trial.ended_at) for trial in trial_rows(url, study)] == [("crashed", 3.0)]


def test_attempts_lost_with_their_supervisor_do_not_use_up_a_limit(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    for lost in range(RETRY["killed"] + 1):
        must_take(engine, study, now=LEASE_S * lost)
    now = LEASE_S * (RETRY["killed"] + 1)
    for _ in range(RETRY["killed"]):
        assert end(engine, must_take(engine, study, now), failed("killed"), now) == "waiting"
    assert end(engine, must_take(engine, study, now), failed("killed"), now) == "failed"


def test_retry_forgives_the_attempts_before_it(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    for state in ("waiting", "failed"):
        assert end(engine, must_take(engine, study, 100.0), failed("crashed"), 50.0) == state
    assert queue.retry_failed(engine, study, 70.0) == 1
    (trial,) = trial_rows(url, study)
    assert (trial.state, trial.exit_reason, trial.message, trial.ended_at) == ("waiting", None, None, None)
    assert queue.next_due(engine, study, 70.0) == 70.0
    for state in ("waiting", "failed"):
        assert end(engine, must_take(engine, study, 200.0), failed("crashed"), 150.0) == state


def test_retry_forgives_lost_supervisors_too(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    now = 0.0
    while take(engine, study, now) is not None:
        now += LEASE_S
    assert [trial.attempts for trial in trial_rows(url, study)] == [LOST_LIMIT + 1]
    queue.retry_failed(engine, study, now)
    while take(engine, study, now) is not None:
        now += LEASE_S
    assert [trial.attempts for trial in trial_rows(url, study)] == [2 * (LOST_LIMIT + 1)]


def test_seeds_are_used_up_at_one_budget_of_one_study(engine: Engine) -> None:
    short = phase("search", [None], design="sampler", seeds=(0,))
    long = phase("long", [None], design="sampler", seeds=(0,), budget=Budget(99))
    study = enrolled(engine, short, long).study_id
    first, second = must_take(engine, study), must_take(engine, study)
    assert queue.set_configuration(engine, first, {"rate": 0.5}, {"r": 0.5}, "hash", 4)
    assert queue.used_seeds(engine, first, "hash") == {4}
    assert queue.used_seeds(engine, first, "another") == frozenset()
    assert queue.used_seeds(engine, second, "hash") == frozenset()


def test_last_words_that_no_database_takes_are_made_storable(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    end(engine, must_take(engine, study), replace(failed("timeout"), message="a\0b"))
    assert [trial.message for trial in trial_rows(url, study)] == ["a\N{REPLACEMENT CHARACTER}b"]


def test_a_pruned_trial_keeps_its_best_value(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    end(engine, must_take(engine, study), failed("pruned", value=3.0), now=8.0)
    assert [(trial.value, trial.ended_at) for trial in trial_rows(url, study)] == [(3.0, 8.0)]


# --- the budget ------------------------------------------------------------------------------------------------------

HOUR = 3600.0


def predicted(engine: Engine, seconds: float, number: int = 3) -> int:
    """A study of one device-hour whose trials are predicted to take so long."""
    study = enrolled(engine, phase("screen", levels(number)), budget={"device_hours": 1.0}).study_id
    with writing(engine) as connection:
        connection.execute(update(trials).values(predicted_device_seconds=seconds))
    return study


def test_a_study_that_has_not_run_has_cost_nothing(engine: Engine) -> None:
    study = predicted(engine, 60.0)
    found = read_balance(engine, study, 5.0)
    assert (found.spent, found.reserved, found.running) == (0.0, 0.0, 0)


def test_what_fits_exactly_is_admitted(engine: Engine) -> None:
    study = predicted(engine, 0.5 * HOUR)
    must_take(engine, study)
    must_take(engine, study)
    with pytest.raises(BudgetTooSmall):
        take(engine, study)


def test_a_budget_that_is_spent_exactly_admits_nothing(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(2)), budget={"device_hours": 1.0}).study_id
    end(engine, must_take(engine, study), completed(device_seconds=HOUR))
    with pytest.raises(BudgetTooSmall, match="1 spent, 0 reserved"):
        take(engine, study)


def test_a_trial_whose_lease_ran_out_is_not_reserved_beside_itself(engine: Engine) -> None:
    study = predicted(engine, 0.6 * HOUR, number=1)
    must_take(engine, study)
    assert must_take(engine, study, now=LEASE_S).attempt == 2


def test_what_a_resumed_trial_has_cost_is_not_reserved_again(engine: Engine) -> None:
    study = predicted(engine, 100.0, number=1)
    end(engine, must_take(engine, study), failed("preempted", device_seconds=30.0), now=30.0)
    again = must_take(engine, study, now=40.0)
    queue.renew(engine, again, lease_s=LEASE_S, now=50.0, device_seconds=10.0)
    found = read_balance(engine, study, 55.0)
    assert (found.spent, found.reserved, found.running) == (45.0, 55.0, 1)
    assert read_balance(engine, study, 50.0 + 59.0).reserved == pytest.approx(1.0)
    queue.renew(engine, again, lease_s=LEASE_S, now=60.0, device_seconds=500.0)
    assert read_balance(engine, study, 60.0).reserved == 0.0


def test_a_trial_that_took_longer_than_predicted_needs_no_more_to_be_admitted(engine: Engine) -> None:
    study = predicted(engine, 100.0, number=1)
    end(engine, must_take(engine, study), failed("preempted", device_seconds=HOUR - 0.5), now=30.0)
    assert must_take(engine, study, now=40.0).attempt == 2


def test_a_share_of_a_device_costs_its_share_of_the_time(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    half = replace(SLOT, device_share=0.5)
    assert queue.claim_trial(engine, study, half, lease_s=LEASE_S, now=0.0) is not None
    assert [spent_device_seconds(engine, study, now) for now in (0.5, 20.0)] == [0.25, 10.0]
    assert spent_device_seconds(engine, study, 1e6) == 30.0  # a minute of silence counts, and no more
    assert spent_device_seconds(engine, study, -1e6) == 0.0


def test_a_curve_goes_on_after_the_seconds_that_were_known_too_late_for_the_claim(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    lost = must_take(engine, study, now=0.0)
    queue.renew(engine, lost, lease_s=LEASE_S, device_seconds=5.0, now=1.0)
    lease = must_take(engine, study, now=LEASE_S + 2.0)
    correct(engine, lost.attempt_id, 50.0)
    assert settle_seconds_before(engine, lease) == 50.0
    so_far = read_so_far(engine, lease.attempt_id)
    assert so_far.device_seconds == 50.0
    assert read_so_far(engine, lost.attempt_id).device_seconds == 50.0
