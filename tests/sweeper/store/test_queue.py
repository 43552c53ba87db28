"""The queue: who gets which trial, what a supervisor may write, and what becomes of a trial after each end."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, case, update

from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.records import HELD, LOST_LIMIT, Lease, LeaseLost, Outcome
from sweeper.store.schema import studies, trials
from sweeper.store.transactions import writing
from tests.sweeper.store.builders import (
    RETRY,
    SLOT,
    Plan,
    completed,
    document,
    enrolled,
    hash_of,
    levels,
    phase,
    study_from,
)

LEASE_S = 30.0


def take(engine: Engine, study_id: int, now: float = 0.0, slot: str = "cpu-0") -> Lease | None:
    return queue.claim_trial(engine, study_id, replace(SLOT, slot=slot), lease_s=LEASE_S, now=now)


def must_take(engine: Engine, study_id: int, now: float = 0.0, slot: str = "cpu-0") -> Lease:
    lease = take(engine, study_id, now, slot)
    assert lease is not None
    return lease


def end(engine: Engine, lease: Lease, outcome: Outcome, now: float = 1.0) -> str:
    return queue.finish(engine, lease, outcome, retry=RETRY, now=now)


def failed(reason: str, **changes: object) -> Outcome:
    return replace(Outcome(exit_reason="crashed", message="the last words"), exit_reason=reason, **changes)  # type: ignore[arg-type]  # names as in the table below


def trial_rows(url: str, study_id: int) -> tuple[reader.TrialRow, ...]:
    with reader.connect(url) as connection:
        return reader.trials(connection, study_id)


def attempt_rows(url: str, study_id: int) -> tuple[reader.AttemptRow, ...]:
    with reader.connect(url) as connection:
        return reader.attempts(connection, study_id)


def test_a_claim_says_all_that_its_supervisor_needs(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(2), seeds=(3,))).study_id
    lease = must_take(engine, study)
    assert (lease.study, lease.phase, lease.number, lease.attempt) == ("s", "screen", 0, 1)
    assert lease.configuration == {"rate": 0.0}
    assert lease.config == {"a": {"b": 1}, "rate": 0.0}
    assert lease.configuration_hash == hash_of({"a": {"b": 1}, "rate": 0.0})
    assert (lease.seed, lease.budget, lease.metric) == (3, {"steps": 10}, "loss")
    assert lease.run_dir == Path("/runs/s/screen/00000")


def test_trials_come_by_phase_and_number_until_none_is_left(engine: Engine) -> None:
    study = enrolled(engine, phase("first", levels(2)), phase("second", [{"rate": 0.9}])).study_id
    found = [must_take(engine, study) for _ in range(3)]
    assert [(lease.phase, lease.number) for lease in found] == [("first", 0), ("first", 1), ("second", 0)]
    assert take(engine, study) is None


def test_a_completed_trial_keeps_its_value_and_what_it_cost(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    lease = must_take(engine, study, now=100.0)
    queue.record_process(engine, lease, 77, 99.5)
    assert queue.renew(engine, lease, lease_s=LEASE_S, now=105.0, device_seconds=5.0, peak_memory_bytes=10)
    outcome = completed(1.5, device_seconds=9.0, peak_memory_bytes=20, result={"ok": True, "bad": math.nan})
    assert end(engine, lease, outcome, now=109.0) == "completed"
    (trial,) = trial_rows(url, study)
    assert (trial.state, trial.value, trial.exit_reason, trial.attempts) == ("completed", 1.5, "completed", 1)
    assert (trial.started_at, trial.ended_at, trial.elapsed_s) == (100.0, 109.0, 9.0)
    assert (trial.device_seconds, trial.peak_memory_bytes) == (9.0, 20)
    assert trial.result == {"ok": True, "bad": None}
    (attempt,) = attempt_rows(url, study)
    assert (attempt.pid, attempt.exit_code, attempt.ended_at) == (77, 0, 109.0)


@pytest.mark.parametrize("value", [None, math.nan])
def test_a_completed_trial_without_a_value_is_refused(engine: Engine, value: float | None) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    with pytest.raises(ValueError, match="a completed trial must have a value of loss"):
        end(engine, must_take(engine, study), replace(completed(), value=value))


def test_a_lease_that_ran_out_gives_the_same_trial_its_next_attempt(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    first = must_take(engine, study, now=0.0)
    assert must_take(engine, study, now=LEASE_S - 1).number == 1
    second = must_take(engine, study, now=LEASE_S, slot="cpu-1")
    assert (second.trial_id, second.number, second.attempt) == (first.trial_id, 0, 2)
    assert second.fence > first.fence
    old = attempt_rows(url, study)[0]
    assert (old.exit_reason, old.supervisor_lost, old.ended_at) == ("killed", True, 0.0)
    assert old.message is not None
    assert "here/cpu-0" in old.message


def test_an_attempt_taken_for_dead_writes_nothing_any_more(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    old = must_take(engine, study)
    new = must_take(engine, study, now=LEASE_S)
    assert not queue.renew(engine, old, lease_s=LEASE_S, now=LEASE_S, device_seconds=99.0)
    with pytest.raises(LeaseLost, match="screen/0: attempt 1"):
        end(engine, old, completed(0.5))
    with pytest.raises(LeaseLost):
        queue.record_process(engine, old, 1, 1.0)
    assert end(engine, new, completed(2.0)) == "completed"
    assert end(engine, new, completed(2.0)) == "completed"  # a repeat, as after an answer that was lost
    for lease in (old, new):
        with pytest.raises(LeaseLost):
            end(engine, lease, completed(3.0))
    (trial,) = trial_rows(url, study)
    assert (trial.value, trial.device_seconds) == (2.0, 2.0)


def test_renewing_keeps_the_trial(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    lease = must_take(engine, study)
    assert queue.renew(engine, lease, lease_s=LEASE_S, now=LEASE_S - 1, device_seconds=1.0)
    assert take(engine, study, now=LEASE_S + 1) is None


@pytest.mark.parametrize("reason", ["crashed", "killed", "out_of_memory", "timeout", "diverged"])
def test_a_trial_runs_again_as_often_as_its_reason_allows(engine: Engine, url: str, reason: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    now = 0.0
    states = []
    for _ in range(RETRY[reason] + 1):
        states.append(end(engine, must_take(engine, study, now), failed(reason, exit_code=1), now))
        now += 100.0
    assert states == ["waiting"] * RETRY[reason] + ["failed"]
    assert take(engine, study, now) is None
    (trial,) = trial_rows(url, study)
    assert (trial.state, trial.exit_reason, trial.message) == ("failed", reason, "the last words")


def test_each_reason_has_a_limit_of_its_own(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    for now, reason in enumerate(("crashed", "killed", "killed", "out_of_memory")):
        assert end(engine, must_take(engine, study, 100.0 * now), failed(reason), 100.0 * now) == "waiting"
    assert end(engine, must_take(engine, study, 900.0), failed("crashed"), 900.0) == "failed"


@pytest.mark.parametrize("reason", ["preempted", "budget_exhausted"])
def test_a_trial_that_was_stopped_waits_again_however_often(engine: Engine, reason: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    for _ in range(10):
        assert end(engine, must_take(engine, study, 5.0), failed(reason), 5.0) == "waiting"


def test_a_crashed_trial_waits_a_moment_longer_each_time(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    now, waits = 0.0, []
    for _ in range(7):
        lease = must_take(engine, study, now)
        queue.finish(engine, lease, failed("crashed", device_seconds=60.0), retry={"crashed": 9}, now=now)
        due = queue.next_due(engine, study, now)
        assert due is not None
        assert take(engine, study, now) is None
        assert take(engine, study, due - 0.001) is None
        waits.append(due - now)
        now = due
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_pruned_and_cancelled_trials_have_ended(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    assert end(engine, must_take(engine, study), failed("pruned", value=3.0)) == "pruned"
    assert end(engine, must_take(engine, study), failed("cancelled")) == "failed"
    assert take(engine, study) is None


def test_retry_gives_failed_trials_fresh_limits_and_their_number(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    assert end(engine, must_take(engine, study), completed()) == "completed"
    assert end(engine, must_take(engine, study), failed("timeout")) == "failed"
    assert queue.retry_failed(engine, study, 50.0) == 1
    again = must_take(engine, study, 50.0)
    assert (again.number, again.attempt) == (1, 2)
    assert end(engine, again, failed("crashed"), 51.0) == "waiting"
    assert [trial.attempts for trial in trial_rows(url, study)] == [1, 2]


def test_cancel_fails_what_waits_and_stops_what_runs(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(3))).study_id
    runner = queue.register_runner(engine, study, host="here", pid=1, pid_started_at=0.0, slots=2, now=0.0)
    running = must_take(engine, study)
    assert not queue.beat_runner(engine, runner, now=1.0)
    assert queue.cancel(engine, study, 2.0) == 2
    assert queue.beat_runner(engine, runner, now=3.0)
    assert queue.stop_requested(engine, runner)
    assert take(engine, study, 3.0) is None
    assert end(engine, running, failed("preempted"), 4.0) == "failed"
    assert {(trial.state, trial.exit_reason) for trial in trial_rows(url, study)} == {("failed", "cancelled")}
    queue.end_runner(engine, runner, now=5.0)
    with reader.connect(url) as connection:
        (row,) = reader.runners(connection, study)
    assert (row.stop_requested, row.ended_at) == (True, 5.0)
    assert queue.retry_failed(engine, study, 6.0) == 3
    assert take(engine, study, 6.0) is not None


@pytest.mark.parametrize("found", ["by its lease", "by its supervisor"])
def test_a_cancelled_study_ends_also_where_slots_died(engine: Engine, url: str, found: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    lease = must_take(engine, study)
    queue.cancel(engine, study, 2.0)
    if found == "by its supervisor":
        assert queue.release(engine, lease.attempt_id, "found dead", 3.0)
    assert take(engine, study, LEASE_S) is None
    assert queue.next_due(engine, study, LEASE_S) is None
    assert [(trial.state, trial.exit_reason) for trial in trial_rows(url, study)] == [("failed", "cancelled")]


def test_a_dead_supervisor_s_trial_is_released_at_once(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    lease = must_take(engine, study)
    queue.record_process(engine, lease, 77, 99.5)
    assert queue.abandoned(engine, study, "here/boot/2") == ()  # a container of the same host's name
    (found,) = queue.abandoned(engine, study, SLOT.machine)
    assert (found.attempt_id, found.supervisor_pid, found.supervisor_started_at) == (lease.attempt_id, 11, 5.0)
    assert (found.pid, found.pid_started_at, found.phase, found.number) == (77, 99.5, "screen", 0)
    assert queue.release(engine, found.attempt_id, "its launcher was killed", 1.0)
    assert not queue.release(engine, found.attempt_id, "its launcher was killed", 1.0)
    assert not queue.renew(engine, lease, lease_s=LEASE_S, now=1.0, device_seconds=0.0)
    assert must_take(engine, study, 1.0).attempt == 2
    assert attempt_rows(url, study)[0].message == "its launcher was killed"


def test_a_trial_that_takes_its_supervisors_down_fails_in_the_end(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    now = 0.0
    for attempt in range(LOST_LIMIT + 1):
        lease = must_take(engine, study, now)
        assert lease.attempt == attempt + 1
        now += LEASE_S
    assert take(engine, study, now) is None
    (trial,) = trial_rows(url, study)
    assert trial.state == "failed"
    assert trial.message is not None
    assert "21 attempts ended together with their supervisors" in trial.message


def test_a_sampler_s_trial_gets_its_configuration_once(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("search", [None, None], design="sampler")).study_id
    first, second = must_take(engine, study), must_take(engine, study)
    assert first.configuration is None
    drawn = {"rate": 0.25}
    assert queue.set_configuration(engine, first, drawn, {"r": 0.25}, "hash", 0)
    assert not queue.set_configuration(engine, second, drawn, {"r": 0.25}, "hash", 0)
    assert queue.used_seeds(engine, second, "hash") == {0}
    assert queue.set_configuration(engine, second, drawn, {"r": 0.25}, "hash", 1)
    assert [(trial.configuration, trial.seed) for trial in trial_rows(url, study)] == [(drawn, 0), (drawn, 1)]
    again = must_take(engine, study, LEASE_S)
    assert (again.configuration, again.config, again.configuration_hash) == (drawn, {"r": 0.25}, "hash")
    with pytest.raises(LeaseLost):
        queue.set_configuration(engine, first, {"rate": 0.5}, {"r": 0.5}, "other", 0)


def test_a_promotion_s_trials_cannot_be_claimed_before_they_are_filled_in(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1)), phase("long", [None], design="promote")).study_id
    lease = must_take(engine, study)
    assert take(engine, study) is None
    assert queue.next_due(engine, study, 0.0) == LEASE_S
    end(engine, lease, completed())
    assert take(engine, study, 5.0) is None
    assert queue.next_due(engine, study, 5.0) == 5.0


def test_next_due_says_when_all_has_ended(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    assert queue.next_due(engine, study, 7.0) == 0.0
    end(engine, must_take(engine, study), completed())
    assert queue.next_due(engine, study, 7.0) is None
    assert queue.counts(engine, study) == {"waiting": 0, "running": 0, "completed": 1, "pruned": 0, "failed": 0}


def test_attempts_share_the_environment_they_ran_in(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    for _ in range(2):
        queue.claim_trial(engine, study, SLOT, lease_s=LEASE_S, now=0.0, environment={"python": "3.11", "git": None})
    with reader.connect(url) as connection:
        ((sha256, facts),) = reader.environments(connection, study).items()
        found = reader.attempts(connection, study, running=True)
    assert facts == {"python": "3.11", "git": None}
    assert [attempt.environment_sha256 for attempt in found] == [sha256, sha256]


def test_phases_of_longer_trials_come_first_and_alike_ones_in_their_order(engine: Engine) -> None:
    phases = [phase("short", levels(2)), phase("long", [{"depth": 3}]), phase("alike", [{"width": 8}])]
    predicted = {("short", 0): 50.0, ("short", 1): 55.0, ("long", 0): 900.0, ("alike", 0): 60.0}
    study_id = enrol(
        engine,
        Plan("s", tuple(phases)),  # type: ignore[arg-type]  # the plan's shape is what counts
        study_from(document(*phases)),  # type: ignore[arg-type]
        runs_dir=Path("/runs"),
        now=0.0,
        predicted=predicted,
    ).study_id
    found = [must_take(engine, study_id) for _ in range(4)]
    assert [(each.phase, each.number) for each in found] == [("long", 0), ("short", 0), ("short", 1), ("alike", 0)]


def preempted(engine: Engine, lease: Lease) -> None:
    assert end(engine, lease, failed("preempted")) == "waiting"


def lease_ends(engine: Engine, lease: Lease) -> None:
    assert queue.release(engine, lease.attempt_id, "its slot died", now=1.0)


def retried(engine: Engine, lease: Lease) -> None:
    assert end(engine, lease, failed("diverged")) == "failed"
    assert queue.retry_failed(engine, lease.study_id, now=1.0) == 1


@pytest.mark.parametrize("given_back", [preempted, lease_ends, retried])
def test_a_trial_that_has_begun_comes_before_longer_ones_and_those_asked_for_earlier(
    engine: Engine, given_back: Callable[[Engine, Lease], None]
) -> None:
    study = enrolled(engine, phase("short", levels(2)), phase("long", [{"depth": 3}, {"depth": 4}])).study_id
    begun = must_take(engine, study)
    given_back(engine, begun)
    with writing(engine) as connection:  # as where trials are added, and a round of seeds asks for others
        longer = {"predicted_device_seconds": case((trials.c.phase_id == begun.phase_id, 50.0), else_=900.0)}
        connection.execute(update(trials).values(longer))
    found = [must_take(engine, study, now=2.0) for _ in range(4)]
    assert [(each.phase, each.number) for each in found] == [("short", 0), ("long", 0), ("long", 1), ("short", 1)]
    assert found[0].fence > begun.fence


def test_a_trial_that_was_asked_for_late_and_has_begun_comes_before_those_asked_for_early(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(3))).study_id
    with writing(engine) as connection:
        connection.execute(update(studies).values(open_round=1))
        connection.execute(update(trials).values(rank=3 - trials.c.number))
    late, early = [must_take(engine, study) for _ in range(2)]
    assert (late.number, early.number) == (2, 1)
    preempted(engine, early)
    with writing(engine) as connection:
        connection.execute(update(trials).where(trials.c.number == 0).values(rank=1))
    assert [must_take(engine, study, now=2.0).number for _ in range(2)] == [1, 0]


def test_a_trial_that_is_held_back_until_claims_have_stopped_stays_so_when_it_has_begun(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    with writing(engine) as connection:
        connection.execute(update(trials).values(rank=HELD))
    preempted(engine, must_take(engine, study))
    with writing(engine) as connection:
        connection.execute(update(studies).values(open_round=1))
    assert take(engine, study, now=2.0) is None


def test_what_never_began_keeps_its_place_when_a_cancelled_study_resumes(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    with writing(engine) as connection:
        connection.execute(update(studies).values(open_round=1))
        connection.execute(update(trials).values(rank=2 - trials.c.number))
    queue.cancel(engine, study, now=1.0)
    assert queue.retry_failed(engine, study, now=2.0) == 2
    assert must_take(engine, study, now=3.0).number == 1
