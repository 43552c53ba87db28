"""The exit code of a run, and whose error it is if slots failed."""

import pytest

from sweeper.errors import StoreError, SweeperError, UsageError
from sweeper.execution.exit_codes import exit_code_of
from sweeper.execution.slots.launcher import _failure_of
from sweeper.execution.slots.running import RunEnd
from sweeper.execution.slots.slot import SlotEnd, end_of


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
