"""Slots start no further trials where all would fail."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from sweeper.execution.slots import failing_fast
from sweeper.execution.slots.failing_fast import FailFast, FailureWatch
from sweeper.store.queue import queue
from sweeper.store.queue.failing import last_attempt
from tests.sweeper.store.builders import RETRY, SLOT, completed, enrolled, levels, phase
from tests.sweeper.store.test_failing import claims, crash, report

ELSEWHERE = replace(SLOT, host="there")


@pytest.fixture
def study(engine: Engine) -> int:
    return enrolled(engine, phase("screen", levels(8))).study_id


def fail_fast(engine: Engine, study: int, since: int = 0, host: str = SLOT.host) -> FailFast:
    return FailFast(engine, study, since, host)


def test_a_slot_ends_after_three_trials_that_failed_alike(engine: Engine, study: int) -> None:
    crash(engine, claims(engine, study, 2))
    assert fail_fast(engine, study).advice() == "start"
    crash(engine, claims(engine, study, 1))
    assert fail_fast(engine, study).advice() == "end"
    # Those of before a launch do not count in it, so the same command goes on.
    since = last_attempt(engine)
    assert fail_fast(engine, study, since).advice() == "start"
    crash(engine, claims(engine, study, 3))
    assert fail_fast(engine, study, since).advice() == "end"


def test_a_slot_waits_for_a_trial_that_may_get_further(
    engine: Engine, study: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing_fast, "LOOK_S", 0.0)
    slow, *quick = claims(engine, study, 4)
    crash(engine, quick)
    slot = fail_fast(engine, study)
    assert slot.advice() == "wait"
    said: list[str] = []
    FailureWatch(engine, "s", study, 0, said.append).look()
    assert said == [
        "s: 3 trials failed alike (screen/1, screen/2, screen/3), and none got further. No further trial starts unless "
        "one that runs gets further (to start them anyway: --keep-going)"
    ]
    report(engine, slow, 1)
    assert slot.advice() == "start"
    crash(engine, [slow])  # it is retried, and may get further still
    assert slot.advice() == "start"


def test_a_trial_that_worked_ends_the_doubt(engine: Engine, study: int) -> None:
    first, *others = claims(engine, study, 4)
    crash(engine, others)
    queue.finish(engine, first, completed(), retry=RETRY)
    assert fail_fast(engine, study).advice() == "start"
    slot = fail_fast(engine, study)
    slot.ended("completed")
    assert slot.advice() == "start"


def test_a_machine_where_all_fails_waits_while_others_work(
    engine: Engine, study: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing_fast, "LOOK_S", 0.0)
    (good,) = claims(engine, study, 1, ELSEWHERE)
    queue.finish(engine, good, completed(), retry=RETRY)
    (runs,) = claims(engine, study, 1, ELSEWHERE)
    crash(engine, claims(engine, study, 3))
    bad, works = fail_fast(engine, study), fail_fast(engine, study, host=ELSEWHERE.host)
    assert (bad.advice(), works.advice()) == ("wait", "start")
    queue.finish(engine, runs, completed(), retry=RETRY)
    assert [bad.advice() for _ in range(3)] == ["wait", "wait", "end"]
    assert works.advice() == "start"
