"""Whatever slots, clocks, deaths and users do in whatever order, the queue keeps its promises."""

import tempfile
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading import reader
from sweeper.store.records import ExitReason, Lease, LeaseLost, Measurement, Outcome
from tests.sweeper.store.builders import RETRY, SLOT, enrolled, levels, phase

LEASE_S = 10.0
NUM_TRIALS = 3
MIRRORED = {"waiting": "WAITING", "running": "RUNNING", "completed": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
REASONS: tuple[ExitReason, ...] = get_args(ExitReason)
Belief = Literal["live", "lost"]


class Queue(RuleBasedStateMachine):
    """A model of what every claim may still do, beside the real store."""

    empty_store: Path

    @initialize()
    def make(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "store.db"
        path.write_bytes(self.empty_store.read_bytes())
        self.url = f"sqlite:///{path}"
        self.engine = open_existing(self.url)
        self.study = enrolled(self.engine, phase("screen", levels(NUM_TRIALS))).study_id
        self.now = 0.0
        self.held: dict[int, tuple[Lease, float]] = {}  # by trial: the claim that may write, and its lease's end
        self.lost: list[Lease] = []  # claims that may not write any more
        self.values: dict[int, float] = {}  # of completed trials
        self.cancelled = False

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.dispose()
            self.folder.cleanup()

    @rule()
    def claim_trial(self) -> None:
        expired = {trial for trial, (_, until) in self.held.items() if until <= self.now}
        lease = queue.claim_trial(self.engine, self.study, SLOT, lease_s=LEASE_S, now=self.now)
        if self.cancelled:
            assert lease is None
            self.lost += [self.held.pop(trial)[0] for trial in expired]
        if lease is None:
            assert not expired or self.cancelled
            return
        assert lease.trial_id not in self.held or lease.trial_id in expired
        assert lease.trial_id not in self.values
        if lease.trial_id in self.held:
            self.lost.append(self.held[lease.trial_id][0])
        self.held[lease.trial_id] = (lease, self.now + LEASE_S)

    @rule(seconds=st.sampled_from([0.5, 4.0, 11.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def renew(self, data: Any) -> None:
        trial = data.draw(st.sampled_from(sorted(self.held)))
        lease, _ = self.held[trial]
        assert queue.renew(self.engine, lease, lease_s=LEASE_S, now=self.now, device_seconds=1.0)
        self.held[trial] = (lease, self.now + LEASE_S)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), reason=st.sampled_from(REASONS), value=st.floats(allow_nan=False))
    def finish(self, data: Any, reason: ExitReason, value: float) -> None:
        trial = data.draw(st.sampled_from(sorted(self.held)))
        lease, _ = self.held.pop(trial)
        outcome = Outcome(exit_reason=reason, value=value)
        state = queue.finish(self.engine, lease, outcome, retry=RETRY, now=self.now)
        assert state in {"completed": ("completed",), "pruned": ("pruned",)}.get(reason, ("waiting", "failed"))
        self.lost.append(lease)
        if state == "completed":
            self.values[trial] = value

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def supervisor_found_dead(self, data: Any) -> None:
        lease, _ = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
        abandoned = queue.abandoned(self.engine, self.study, SLOT.machine)
        assert lease.attempt_id in {found.attempt_id for found in abandoned}
        assert queue.release(self.engine, lease.attempt_id, "found dead", self.now)
        self.lost.append(lease)

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def ghost_writes(self, data: Any) -> None:
        lease = data.draw(st.sampled_from(self.lost))
        assert not queue.renew(self.engine, lease, lease_s=LEASE_S, now=self.now, device_seconds=1e9)
        assert not ingest(self.engine, lease, [Measurement(metric="loss", step=1, value=-1.0)], 9)
        assert not queue.release(self.engine, lease.attempt_id, "again", self.now)
        other = Outcome(exit_reason="completed", value=0.0, device_seconds=1e9)  # no repeat of what it has said
        with pytest.raises(LeaseLost):
            queue.finish(self.engine, lease, other, retry=RETRY, now=self.now)

    @rule()
    def retry(self) -> None:
        queue.retry_failed(self.engine, self.study, self.now)
        self.cancelled = False

    @rule()
    def cancel(self) -> None:
        queue.cancel(self.engine, self.study, self.now)
        self.cancelled = True

    @invariant()
    def the_store_agrees(self) -> None:
        if not hasattr(self, "engine"):
            return
        with reader.connect(self.url) as connection:
            trials = {trial.id: trial for trial in reader.trials(connection, self.study)}
            attempts = reader.attempts(connection, self.study)
            mirrored = connection.rows(
                "SELECT t.id, o.state, o.number FROM sweeper_trials t JOIN trials o ON o.trial_id = t.optuna_trial_id",
                {},
            )
            measured = reader.measurements(connection, self.study)
        assert len(trials) == NUM_TRIALS
        assert {trial.id for trial in trials.values() if trial.state == "running"} == set(self.held)
        assert {trial.id: trial.value for trial in trials.values() if trial.state == "completed"} == self.values
        assert {row[0]: (row[1], row[2]) for row in mirrored} == {
            trial.id: (MIRRORED[trial.state], trial.number) for trial in trials.values()
        }
        open_attempts = [(attempt.trial_id, attempt.attempt) for attempt in attempts if attempt.ended_at is None]
        assert sorted(open_attempts) == sorted((trial, lease.attempt) for trial, (lease, _) in self.held.items())
        for trial in trials.values():
            numbers = [attempt.attempt for attempt in attempts if attempt.trial_id == trial.id]
            assert sorted(numbers) == list(range(1, trial.attempts + 1))
        assert measured.rows == []
        assert all(attempt.device_seconds < 1e9 for attempt in attempts)


def test_the_queue_keeps_its_promises(empty_store: Path) -> None:
    Queue.empty_store = empty_store
    run_state_machine_as_test(
        Queue,
        settings=settings(
            max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
