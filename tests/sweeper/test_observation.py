"""From the store to a status."""

import pytest
from sqlalchemy import Engine

from sweeper.observation import Expectation, observe
from sweeper.status import Status
from sweeper.store import queue, reader
from sweeper.store.ingest import ingest
from sweeper.store.reader import DurationRow
from sweeper.store.records import Claim, Measurement
from tests.sweeper.store.builders import RETRY, SLOT, Budget, completed, enrolled, levels, phase


def observed(url: str, now: float) -> Status:
    with reader.connect(url) as connection:
        return observe(connection, reader.study(connection, "s"), now)


def claimed(engine: Engine, study_id: int, now: float) -> Claim:
    claim = queue.claim(engine, study_id, SLOT, lease_s=1e6, now=now)
    assert claim is not None
    return claim


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
        claim = claimed(engine, study_id, 10.0 * place)
        ingest(engine, claim, [Measurement(metric="loss", step=1, value=value)], 1)
        queue.finish(engine, claim, completed(value, device_seconds=9.0), retry=RETRY, now=10.0 * place + 9.0)
    status = observed(url, 20.0)
    assert (status.eta_seconds, status.best, status.ended, status.planned) == (0.0, 2.0, 2, 2)
    assert status.device_hours == pytest.approx(18.0 / 3600)


def test_running_trials_are_shown_with_their_share_done_and_count_in_the_time_left(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(3), budget=Budget(100))).study_id
    claim = claimed(engine, study_id, 0.0)
    queue.finish(engine, claim, completed(2.0, device_seconds=40.0), retry=RETRY, now=40.0)
    claim = claimed(engine, study_id, 40.0)
    ingest(engine, claim, [Measurement(metric="loss", step=step, value=5.0 - step / 50) for step in (25, 50)], 1)
    status = observed(url, 60.0)
    (running,) = status.running
    assert (running.phase, running.number, running.elapsed_s, running.fraction) == ("screen", 1, 20.0, 0.5)
    assert (running.value, running.expected_s) == (4.0, 40.0)
    assert (running.curve, running.left_s) == ([4.5, 4.0], 20.0)
    assert status.ledger["completed"] == pytest.approx(40.0 / 3600)
    assert sum(status.ledger.values()) == status.device_hours
    # The running one by its own pace needs 20 s more; one waits for its slot and takes 40 s.
    assert status.eta_seconds == pytest.approx(60.0)


def test_a_trial_that_takes_longer_than_expected_is_late_and_no_end_is_told(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(3), budget=Budget(100))).study_id
    claim = claimed(engine, study_id, 0.0)
    queue.finish(engine, claim, completed(2.0, device_seconds=40.0), retry=RETRY, now=40.0)
    claim = claimed(engine, study_id, 40.0)
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
    claim = claimed(engine, study_id, 0.0)
    queue.finish(engine, claim, completed(2.0, device_seconds=40.0), retry=RETRY, now=40.0)
    claim = claimed(engine, study_id, 40.0)
    ingest(engine, claim, [Measurement(metric="loss", step=100, value=3.0)], 1)
    assert observed(url, 70.0).running[0].left_s == 10.0
    assert observed(url, 85.0).running[0].left_s == -5.0


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
