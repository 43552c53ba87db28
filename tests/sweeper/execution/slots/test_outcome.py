"""The table of exit reasons: what is known of a process's end, and what we call it."""

import math
import signal
from typing import Any

import pytest

from sweeper.execution.slots.outcome import Ending, classify_exit
from sweeper.spec.metric import CurveValue


def ending(**changes: Any) -> Ending:
    """The end of a program that did well."""
    values: dict[str, Any] = {
        "exit_code": 0,
        "stopped_for": None,
        "metric": "loss",
        "value": 1.5,
        "last_is_finite": True,
        "reported": ["loss"],
        "result": None,
        "tail": "",
    }
    return Ending(**(values | changes))


NOTHING: dict[str, Any] = {"value": None, "reported": []}
NAN = {"last_is_finite": False}
TABLE: list[tuple[dict[str, Any], str]] = [
    ({}, "completed"),
    ({"result": {"outcome": "completed"}}, "completed"),
    (NOTHING, "crashed"),  # ended well and said nothing
    ({"reported": ["other"], "value": None}, "crashed"),
    ({"value": None, "point": CurveValue("mean_of_last", 3), "num_finite": 2}, "crashed"),  # too few to average
    ({"value": None, "point": CurveValue("mean_of_last", 3), "num_finite": 5}, "diverged"),  # one of them is not finite
    ({"unread_last": "the last value of loss was not read"}, "crashed"),
    (NAN, "diverged"),
    ({"value": math.inf}, "diverged"),
    ({"exit_code": 1}, "crashed"),
    ({"exit_code": 2, **NOTHING}, "crashed"),
    ({"exit_code": None, **NOTHING}, "crashed"),
    ({"exit_code": 3, "result": {"outcome": "diverged"}}, "diverged"),
    ({"exit_code": 3, **NAN}, "diverged"),
    ({"exit_code": 3}, "crashed"),  # another program's 3 means anything
    ({"exit_code": 1, **NAN}, "diverged"),  # it stopped at NaN by itself
    ({"exit_code": 4, "result": {"outcome": "out_of_memory"}}, "out_of_memory"),
    ({"exit_code": 1, "tail": "torch.OutOfMemoryError: CUDA out of memory. Tried"}, "out_of_memory"),
    ({"exit_code": 1, "tail": "Traceback\nMemoryError"}, "out_of_memory"),
    ({"exit_code": -signal.SIGABRT, "tail": "what():  std::bad_alloc"}, "out_of_memory"),
    ({"exit_code": 0, "tail": "out of memory, so I took a smaller batch"}, "completed"),
    ({"exit_code": -signal.SIGKILL}, "killed"),
    ({"exit_code": -signal.SIGKILL, "oom_killed": True}, "out_of_memory"),
    ({"exit_code": 137, "oom_killed": True}, "out_of_memory"),
    ({"exit_code": -signal.SIGSEGV, "oom_killed": True}, "killed"),
    ({"exit_code": -signal.SIGSEGV}, "killed"),
    ({"exit_code": 137}, "killed"),  # what a shell says
    ({"exit_code": 143}, "killed"),  # somebody else's SIGTERM
    ({"exit_code": 143, "stopped_for": "preempted"}, "preempted"),
    ({"exit_code": -signal.SIGKILL, "stopped_for": "preempted"}, "preempted"),
    ({"exit_code": 143, "stopped_for": "budget_exhausted"}, "budget_exhausted"),
    ({"exit_code": 143, "stopped_for": "timeout"}, "timeout"),
    ({"exit_code": 143, "stopped_for": "pruned"}, "pruned"),
    ({"exit_code": 0, "stopped_for": "pruned"}, "pruned"),
    ({"exit_code": 0, "stopped_for": "timeout", "result": {"outcome": "completed"}}, "timeout"),
    ({"exit_code": 0, "stopped_for": "preempted"}, "preempted"),  # wrote its checkpoint and left, for all we know
    ({"exit_code": 0, "stopped_for": "preempted", "result": {"outcome": "completed"}}, "completed"),
]


@pytest.mark.parametrize(("changes", "reason"), TABLE)
def test_each_end_has_its_reason(changes: dict[str, Any], reason: str) -> None:
    assert classify_exit(ending(**changes)).exit_reason == reason


def test_a_crash_keeps_the_programs_last_words() -> None:
    tail = "\n".join(f"line {number}" for number in range(100)) + "\n\nKeyError: 'lr'\n"
    message = classify_exit(ending(exit_code=1, tail=tail)).message
    assert message is not None
    assert message.splitlines()[0] == "exit code 1"
    assert message.splitlines()[-1] == "KeyError: 'lr'"
    assert len(message.splitlines()) <= 13


def test_a_crash_keeps_the_exception_before_a_launcher_s_last_words() -> None:
    launcher = [f"line {number}" for number in range(20)]
    tail = "\n".join(["step 1", "ValueError: heads 3", "x.ChildFailedError:", *launcher])
    message = classify_exit(ending(exit_code=1, tail=tail)).message
    assert message == "\n".join(["exit code 1", "ValueError: heads 3", *launcher[-12:]])
    tail = "\n".join(["ValueError: heads 3", *launcher[:11]])
    assert classify_exit(ending(exit_code=1, tail=tail)).message == f"exit code 1\n{tail}"


def test_a_missing_metric_is_told_with_those_that_were_there() -> None:
    message = classify_exit(ending(value=None, reported=["accuracy", "time"])).message
    assert message is not None
    assert "ended without reporting the metric 'loss'; it reported: accuracy, time" in message


def test_a_signal_has_its_name() -> None:
    assert "killed by SIGSEGV" in (classify_exit(ending(exit_code=-signal.SIGSEGV)).message or "")


def test_unreadable_lines_are_told_although_the_trial_completed() -> None:
    assert classify_exit(ending(metric_errors=["line 3 is no JSON"])).message == "line 3 is no JSON"


def test_a_trial_with_too_few_values_for_its_mean_says_how_many_it_has() -> None:
    kind = classify_exit(ending(value=None, point=CurveValue("mean_of_last", 3), num_finite=2))
    assert kind.message is not None
    assert "the mean of the last 3 values of 'loss' (metric.value), but it reported 2 values" in kind.message
