"""From the store to a status."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from sweeper.monitor.observation import Expectation, observe
from sweeper.monitor.status import Status
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading import reader
from sweeper.store.reading.reader import DurationRow
from sweeper.store.records import Lease, Measurement, Outcome
from tests.sweeper.store.builders import RETRY, SLOT, Budget, completed, enrolled, levels, phase
from trainer.config import resolve


def observed(url: str, now: float) -> Status:
    with reader.connect(url) as connection:
        return observe(connection, reader.study(connection, "s"), now)


def claimed(engine: Engine, study_id: int, now: float) -> Lease:
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=1e6, now=now)
    assert lease is not None
    return lease


def test_a_study_that_waits_has_no_time_to_tell(engine: Engine, url: str) -> None:
    enrolled(engine, phase("screen", levels(3)), phase("long", [{"rate": 0.9}]))
    status = observed(url, 0.0)
    assert [(each.name, each.planned, each.counts["waiting"]) for each in status.phases] == [
        ("screen", 3, 3),
        ("long", 1, 1),
    ]
    assert (status.eta_seconds, status.best, status.device_hours, status.running) == (None, None, 0.0, [])


def test_a_study_that_ended_needs_no_more_time_and_knows_its_best(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(2))).study_id
    for place, value in enumerate((3.0, 2.0)):
        lease = claimed(engine, study_id, 10.0 * place)
        ingest(engine, lease, [Measurement(metric="loss", step=1, value=value)], 1)
        queue.finish(engine, lease, completed(value, device_seconds=9.0), retry=RETRY, now=10.0 * place + 9.0)
    status = observed(url, 20.0)
    assert (status.eta_seconds, status.best, status.ended, status.planned) == (0.0, 2.0, 2, 2)
    assert status.device_hours == pytest.approx(18.0 / 3600)


def test_of_several_strata_no_value_is_the_best_of_all(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(2)), strata=["rate"]).study_id
    queue.finish(engine, claimed(engine, study_id, 0.0), completed(3.0), retry=RETRY, now=9.0)
    status = observed(url, 20.0)
    assert (status.best, status.ended) == (None, 1)


def test_running_trials_are_shown_with_their_share_done_and_count_in_the_time_left(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(3), budget=Budget(100))).study_id
    lease = claimed(engine, study_id, 0.0)
    queue.finish(engine, lease, completed(2.0, device_seconds=40.0), retry=RETRY, now=40.0)
    lease = claimed(engine, study_id, 40.0)
    ingest(engine, lease, [Measurement(metric="loss", step=step, value=5.0 - step / 50) for step in (25, 50)], 1)
    status = observed(url, 60.0)
    (running,) = status.running
    assert (running.phase, running.number, running.elapsed_s, running.fraction) == ("screen", 1, 20.0, 0.5)
    assert (running.value, running.expected_s) == (4.0, 40.0)
    assert (running.curve, running.left_s) == ([4.5, 4.0], 20.0)
    assert status.ledger["completed"] == pytest.approx(40.0 / 3600)
    assert sum(status.ledger.values()) == status.device_hours
    # The running one by its own pace needs 20 s more; one waits for its slot and takes 40 s.
    assert status.eta_seconds == pytest.approx(60.0)


@pytest.mark.parametrize(("first", "done", "left_s"), [(1, 0.5, 20.0), (31, 0.5, 50.0)])
def test_a_trial_that_runs_again_is_shown_as_its_present_attempt_has_it(
    engine: Engine, url: str, first: int, done: float, left_s: float
) -> None:
    study_id = enrolled(engine, phase("screen", levels(1), budget=Budget(100))).study_id
    lease = claimed(engine, study_id, 0.0)
    ingest(engine, lease, [Measurement(metric="loss", step=step, value=0.1) for step in range(1, 91)], 1)
    queue.finish(engine, lease, Outcome(exit_reason="crashed", value=0.1), retry=RETRY, now=900.0)
    lease = claimed(engine, study_id, 1000.0)
    ingest(engine, lease, [Measurement(metric="loss", step=step, value=5.0) for step in range(first, 51)], 2)
    (running,) = observed(url, 1020.0).running
    assert (running.attempt, running.fraction, running.left_s) == (2, done, left_s)
    assert running.curve == [0.1] * (first - 1) + [5.0] * (51 - first)


@pytest.mark.parametrize(
    ("point", "expected"), [("best", 1.0), ("last", 3.0), ({"mean_of_last": 2}, 2.0), ({"mean_of_last": 9}, 3.0)]
)
def test_a_running_trial_is_shown_with_the_point_of_its_curve_that_will_be_its_value(
    engine: Engine, url: str, point: object, expected: float
) -> None:
    metric = {"name": "loss", "direction": "minimize", "value": point}
    study_id = enrolled(engine, phase("screen", levels(1)), metric=metric).study_id
    lease = claimed(engine, study_id, 0.0)
    reports = [Measurement(metric="loss", step=step, value=value) for step, value in ((1, 5.0), (2, 1.0), (3, 3.0))]
    ingest(engine, lease, reports, 1)
    status = observed(url, 1.0)
    assert status.running[0].value == expected
    assert status.point == ("mean of the last 2" if point == {"mean_of_last": 2} else status.point)
    queue.finish(engine, lease, completed(expected), retry=RETRY, now=2.0)
    assert observed(url, 3.0).best == expected


def test_a_trial_that_takes_longer_than_expected_is_late_and_no_end_is_told(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(3), budget=Budget(100))).study_id
    lease = claimed(engine, study_id, 0.0)
    queue.finish(engine, lease, completed(2.0, device_seconds=40.0), retry=RETRY, now=40.0)
    lease = claimed(engine, study_id, 40.0)
    waiting = observed(url, 120.0)
    assert waiting.running[0].left_s == -40.0
    assert waiting.late_s == 40.0
    assert waiting.eta_seconds == 40.0  # of the one that waits, as if the late one ended now
    claimed(engine, study_id, 121.0)
    assert observed(url, 131.0).eta_seconds == 30.0  # the other's
    late = observed(url, 171.0)
    assert [trial.left_s for trial in late.running] == [-91.0, -10.0]
    assert (late.late_s, late.eta_seconds) == (91.0, None)


def test_a_trial_that_has_made_its_last_step_is_not_taken_for_done(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(2), budget=Budget(100))).study_id
    lease = claimed(engine, study_id, 0.0)
    queue.finish(engine, lease, completed(2.0, device_seconds=40.0), retry=RETRY, now=40.0)
    lease = claimed(engine, study_id, 40.0)
    ingest(engine, lease, [Measurement(metric="loss", step=100, value=3.0)], 1)
    assert observed(url, 70.0).running[0].left_s == 10.0
    assert observed(url, 85.0).running[0].left_s == -5.0


SCRIPT = {"program": {"command": ["python", "train.py"]}}
TRAINER = resolve({"data": {"corpus": "ptb", "batch_size": 10, "target_length": 50}})


Share = Callable[..., float | None]


@pytest.fixture
def share_of(engine: Engine, url: str) -> Share:
    """The share that a running trial has done; of a script, or of the trainer if there is a config."""

    def share(
        budget: Budget, *reports: Measurement, config: dict[str, Any] | None = None, earlier: int | None = None
    ) -> float | None:
        screen = phase("screen", levels(2), budget=budget)
        if config is not None:
            screen = replace(screen, trials=tuple(replace(trial, config=config) for trial in screen.trials))
        trial = SCRIPT if config is None else {"program": "trainer"}
        study_id = enrolled(engine, screen, trial=trial).study_id
        if earlier is not None:  # the last step of a trial of the phase that is completed
            lease = claimed(engine, study_id, 0.0)
            ingest(engine, lease, [at(earlier)], 1)
            queue.finish(engine, lease, completed(2.0), retry=RETRY, now=1.0)
        ingest(engine, claimed(engine, study_id, 2.0), reports, 1)
        return observed(url, 3.0).running[0].fraction

    return share


def at(step: int, *, metric: str = "loss", tokens: int | None = None) -> Measurement:
    return Measurement(metric=metric, step=step, value=3.0, tokens=tokens)


@pytest.mark.parametrize(
    ("budget", "reports", "earlier", "share"),
    [
        (Budget(6, "epochs"), [at(1), at(3)], None, 0.5),
        (Budget(6, "epochs"), [], None, 0.0),
        (Budget(6, "epochs"), [at(3)], 5, 0.5),  # counted from 0
        (Budget(6, "epochs"), [at(3), at(900, metric="train_loss")], 6, 0.5),  # batches of another metric
        (Budget(6, "epochs"), [at(300)], None, None),  # batches
        (Budget(6, "epochs"), [at(3)], 1200, None),
        (Budget(600, "epochs"), [at(3)], 20, None),
        (Budget(5000, "tokens"), [at(1, tokens=1250)], 4, 0.25),
        (Budget(5000, "tokens"), [at(1250)], None, 0.25),
        (Budget(5000, "tokens"), [at(1)], 4, None),
        (Budget(10), [at(4)], 3, 0.4),
    ],
)
def test_a_script_s_share_is_known_where_it_counts_what_its_budget_does(
    share_of: Share, budget: Budget, reports: list[Measurement], earlier: int | None, share: float | None
) -> None:
    assert share_of(budget, *reports, earlier=earlier) == share


@pytest.mark.parametrize(
    ("budget", "share"),
    [
        (Budget(200), 0.5),
        (Budget(100_000, "tokens"), 0.5),  # 500 tokens a step
        (Budget(2, "epochs"), 100 * 500 / (2 * 929_589)),
    ],
)
def test_the_trainer_s_share_follows_from_its_config_and_its_steps(
    share_of: Share, budget: Budget, share: float
) -> None:
    reports = [at(100, metric="train_loss", tokens=50_000)]  # the study's metric comes with the first evaluation
    assert share_of(budget, *reports, config=TRAINER) == pytest.approx(share, rel=1e-3)


def test_a_config_of_another_version_leaves_the_share_open(share_of: Share) -> None:
    assert share_of(Budget(2, "epochs"), at(100), config={**TRAINER, "gone": 1}) is None


def test_a_few_epochs_say_less_about_the_time_left_than_what_other_trials_took(engine: Engine, url: str) -> None:
    budget = Budget(6, "epochs")
    study_id = enrolled(engine, phase("screen", levels(3), budget=budget), trial=SCRIPT).study_id
    lease = claimed(engine, study_id, 0.0)
    ingest(engine, lease, [at(1)], 1)
    assert observed(url, 18.0).running[0].left_s == 90.0  # nothing else is known
    queue.finish(engine, lease, completed(2.0, device_seconds=60.0), retry=RETRY, now=60.0)
    ingest(engine, claimed(engine, study_id, 60.0), [at(1)], 1)
    assert observed(url, 78.0).running[0].left_s == 42.0


def rows(*cells: tuple[str, str, float | None, float]) -> list[DurationRow]:
    return [
        DurationRow(trial_id=place, phase=phase, state=state, predicted_s=predicted, elapsed_s=elapsed)
        for place, (phase, state, predicted, elapsed) in enumerate(cells)
    ]


def test_predictions_are_scaled_by_what_completed_trials_took() -> None:
    durations = rows(("a", "completed", 10.0, 20.0), ("a", "completed", 30.0, 60.0), ("a", "waiting", 5.0, 0.0))
    assert Expectation(durations).of(durations[2]) == 10.0


def test_without_predictions_a_trial_takes_what_its_phase_s_took_else_what_all_did() -> None:
    durations = rows(("a", "completed", None, 10.0), ("b", "completed", None, 30.0), ("c", "waiting", None, 0.0))
    expectation = Expectation(durations)
    assert [expectation.of(row) for row in durations] == [10.0, 30.0, 20.0]
    assert Expectation(durations[2:]).of(durations[2]) is None
