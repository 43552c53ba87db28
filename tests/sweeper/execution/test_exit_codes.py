"""The exit code of a run, and whose error it is if slots failed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from sweeper.errors import StoreError, SweeperError, UsageError
from sweeper.execution.exit_codes import exit_code_of
from sweeper.execution.slots.launcher import _failure_of
from sweeper.execution.slots.launcher_watch import LauncherWatch
from sweeper.execution.slots.running import RunEnd, StudyRun, run_slots
from sweeper.execution.slots.slot import SlotEnd, SlotLoop, SlotTask, end_of
from tests.sweeper.execution.slots.studies import SLOT, enrolled, plan_of, study_of, trials_of


@pytest.mark.parametrize(
    ("ran", "left", "failed", "code"),
    [
        ("done", 0, 0, 0),
        ("done", 0, 2, 1),
        ("interrupted", 3, 1, 130),
        ("interrupted", 0, 0, 0),  # it was done when the terminal closed
        ("interrupted", 0, 1, 1),
        ("budget", 3, 0, 3),
        ("budget", 0, 1, 1),
        ("nothing", 0, 0, 0),
    ],
)
def test_the_exit_code_is_what_became_of_the_trials(ran: RunEnd, left: int, failed: int, code: int) -> None:
    counts = {"waiting": left, "running": 0, "completed": 4, "pruned": 0, "failed": failed}
    assert exit_code_of(counts, ran) == code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(StoreError("the store is gone"), "store"), (UsageError("make room"), "user"), (SweeperError("full"), "user")],
)
def test_a_slot_s_error_for_the_user_is_its_message_alone(error: Exception, kind: str) -> None:
    end = end_of(error)
    assert (end.error, end.kind) == (str(error), kind)
    failure = _failure_of([SlotEnd("done"), end, end])
    assert str(failure) == str(error)
    assert isinstance(failure, StoreError) == (kind == "store")


def test_a_bug_is_called_one_with_its_traceback() -> None:
    try:
        raise ZeroDivisionError("x")
    except ZeroDivisionError as error:
        end = end_of(error)
    assert end.kind == "bug"
    assert "which is a bug in sweeper; the store is intact:\nTraceback" in str(_failure_of([end]))


@dataclass
class FailingPool:
    """Runs the slots of a study in this process; each ends with an error after its work, or before it."""

    engine: Engine
    works: bool
    advice = ""
    shares_machine = True

    def run(self, tasks: Sequence[SlotTask]) -> list[SlotEnd]:
        for task in tasks if self.works else ():
            watch = LauncherWatch(task.launcher_pid, task.launcher_started_at)
            assert SlotLoop(task, self.engine, watch).run() == "done"
        return [SlotEnd("stopped", "the disk is full", "user") for _ in tasks]

    def maintain(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def is_stalled(self) -> bool:
        return False

    def end(self) -> None:
        pass


def run_failing(url: str, engine: Engine, *, works: bool) -> RunEnd:
    configs = [{}, {}]
    run = StudyRun(store=url, study="s", study_id=enrolled(url, configs))
    study = study_of(plan_of(configs))
    return run_slots(engine, run, study, (SLOT,), lambda: None, pool=FailingPool(engine, works))


def test_an_error_of_a_slot_after_all_trials_have_ended_is_a_warning(
    url: str, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert run_failing(url, engine, works=True) == "done"
    assert [trial.state for trial in trials_of(url)] == ["completed"] * 2
    assert caplog.messages == ["s: every trial has ended, but: the disk is full"]


def test_an_error_of_a_slot_that_left_trials_is_the_run_s(url: str, engine: Engine) -> None:
    with pytest.raises(SweeperError, match=r"^the disk is full$"):
        run_failing(url, engine, works=False)
    assert [trial.state for trial in trials_of(url)] == ["waiting"] * 2
