"""From how a trial's process ended to the exit reason of its attempt. Pure: no clocks, no files."""

import math
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sweeper.execution.slots.metrics import MisreadPart
from sweeper.quantities import counted
from sweeper.spec.metric import BEST, CurveValue
from sweeper.store.failures import last_exception, signal_name
from sweeper.store.records import ExitReason

DIVERGED_CODE: Final = 3  # of the trainer (docs/design.md, Trainer contracts)
OUT_OF_MEMORY_WORDS: Final = re.compile(
    r"out of memory|OutOfMemoryError|\bMemoryError\b|Cannot allocate memory|can't allocate memory|std::bad_alloc",
    re.IGNORECASE,
)
# The exit codes of a shell whose program was ended by a signal, and of our trainer.
KILLED_CODES: Final = tuple(128 + number for number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM))
LAST_LINES: Final = 12

StopCause = Literal["pruned", "timeout", "preempted", "budget_exhausted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known when a trial's process has ended.

    Attributes:
        exit_code: as in `subprocess`: negative for a signal; None if the process could not be started.
        stopped_for: why it was asked to stop; None if it ended by itself.
        metric: the study's metric.
        value: its value over the whole trial; None if it has none.
        point: which point of its curve that is.
        num_finite: the number of its finite values.
        last_is_finite: whether the metric's last reported value is finite.
        reported: the names of all metrics that were reported.
        result: the program's result.json.
        tail: the end of its output.
        metric_errors: what could not be read of its metrics.
        misread: which part of the study's metric was found to be a part of a number, so its best value is unknown.
        unread_last: why the last value of the study's metric was not read, if that is the value of a trial.
        lost: how some of what it reported may have been lost; None if there is no sign of that.
        hole: what an earlier attempt has lost, and nobody has reported again; None if nothing is missing.
        oom_killed: the kernel killed some process because memory ran out while this one was running.
    """

    exit_code: int | None
    stopped_for: StopCause | None
    metric: str
    value: float | None
    last_is_finite: bool
    reported: Sequence[str]
    result: Mapping[str, object] | None
    tail: str
    metric_errors: Sequence[str] = ()
    misread: MisreadPart | None = None
    unread_last: str | None = None
    lost: str | None = None
    hole: str | None = None
    oom_killed: bool = False
    point: CurveValue = BEST
    num_finite: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitKind:
    """An attempt's exit reason, and the message with it.

    Attributes:
        is_final: another attempt would not help.
    """

    exit_reason: ExitReason
    message: str | None = None
    is_final: bool = False


def classify_exit(ending: Ending) -> ExitKind:
    """Return the exit reason of an attempt.

    A program that exits with code 0 although it was asked to stop has presumably written its checkpoint; it has
    completed only if its result.json says so.
    """
    outcome = ending.result.get("outcome") if ending.result is not None else None
    if ending.stopped_for is not None:
        if ending.exit_code == 0 and outcome == "completed" and ending.stopped_for not in ("pruned", "timeout"):
            return _classify_finished(ending)
        return ExitKind(exit_reason=ending.stopped_for, message="\n".join(_errors(ending)) or None)
    return _classify_finished(ending) if ending.exit_code == 0 else _classify_failed(ending, outcome)


def _classify_failed(ending: Ending, outcome: object) -> ExitKind:
    if outcome == "diverged" or (outcome is None and ending.exit_code == DIVERGED_CODE and not ending.last_is_finite):
        return ExitKind(exit_reason="diverged", message=_message(ending, "the loss is not finite"))
    if outcome == "out_of_memory" or OUT_OF_MEMORY_WORDS.search(ending.tail):
        return ExitKind(exit_reason="out_of_memory", message=_message(ending, "out of memory"))
    if ending.exit_code is not None and (ending.exit_code < 0 or ending.exit_code in KILLED_CODES):
        return _classify_killed(ending, -ending.exit_code if ending.exit_code < 0 else ending.exit_code - 128)
    if not ending.last_is_finite and ending.reported:
        return ExitKind(exit_reason="diverged", message=_message(ending, f"{ending.metric} is not finite"))
    return ExitKind(exit_reason="crashed", message=_message(ending, f"exit code {ending.exit_code}"))


def _classify_killed(ending: Ending, number: int) -> ExitKind:
    if number == signal.SIGKILL and ending.oom_killed:
        return ExitKind(exit_reason="out_of_memory", message=_message(ending, "the kernel ran out of memory"))
    return ExitKind(exit_reason="killed", message=_message(ending, f"killed by {signal_name(number)}"))


def _classify_finished(ending: Ending) -> ExitKind:
    misread = None if ending.misread is None else f"a {ending.misread} of {ending.metric} was not read in full"
    if (fault := ending.lost or misread) is not None:
        return ExitKind(exit_reason="crashed", message=_message(ending, fault))
    if ending.hole is not None:
        return ExitKind(exit_reason="crashed", message=ending.hole, is_final=True)
    if ending.metric not in ending.reported:
        names = ", ".join(sorted(ending.reported)) or "nothing"
        message = f"ended without reporting the metric {ending.metric!r}; it reported: {names}"
        return ExitKind(exit_reason="crashed", message=_message(ending, message))
    if ending.last_is_finite and ending.value is None and ending.num_finite < ending.point.last:
        fault = (
            f"its value is the {ending.point} values of {ending.metric!r} (metric.value), but it reported "
            f"{counted(ending.num_finite, 'value')}; evaluate more often, or average fewer"
        )
    if (fault := fault or ending.unread_last) is not None:
        return ExitKind(exit_reason="crashed", message=_message(ending, fault))
    if not ending.last_is_finite or ending.value is None or not math.isfinite(ending.value):
        not_finite = f"{_last_values(ending)} of {ending.metric} is not finite"
        return ExitKind(exit_reason="diverged", message="\n".join([not_finite, *ending.metric_errors]))
    return ExitKind(exit_reason="completed", message="\n".join(ending.metric_errors) or None)


def _last_values(ending: Ending) -> str:
    return "the last value" if ending.point.last == 1 else f"one of the last {ending.point.last} values"


def _errors(ending: Ending) -> list[str]:
    return [*([] if ending.lost is None else [ending.lost]), *ending.metric_errors]


def _message(ending: Ending, headline: str) -> str:
    lines = [line for line in ending.tail.splitlines() if line.strip()]
    exception = last_exception(lines)
    # A launcher of several processes, e.g. torchrun, says more than that after the exception of one of them.
    early = [] if exception is None else lines[exception : exception + 1][: max(0, len(lines) - LAST_LINES - exception)]
    return "\n".join([headline, *(each for each in _errors(ending) if each != headline), *early, *lines[-LAST_LINES:]])
