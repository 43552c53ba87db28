"""How runs ended, and with which value: states as tools name them, and runs that are no result."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from sweeper.errors import UsageError
from sweeper.importing.arguments import is_option, option
from sweeper.importing.faults import Faults
from sweeper.importing.source_runs import STATE_NAMES, RunState, SourceRun
from sweeper.spec.metric import CurveValue, Direction
from trainer.config.wording import shown, suggestion

Ended = Literal["completed", "pruned", "failed", "diverged"]
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """A run that has ended.

    Attributes:
        value: of the metric; None where it has none, or did not complete.
        message: why it failed.
    """

    run: SourceRun
    state: Ended
    value: float | None
    message: str = ""


def ended_runs(
    runs: Sequence[SourceRun], *, metric: str, direction: Direction, value: CurveValue
) -> tuple[list[EndedRun], list[str]]:
    """Return the runs that have ended, and notes on the others and on values that are missing.

    Args:
        value: which point of a curve is the value of a run.

    Raises:
        UsageError: a state is unknown, or no run has a value.
    """
    faults = Faults()
    for run in runs:
        if fault := state_fault(run):
            faults.add(fault)
    faults.check()
    states = [_state(run) for run in runs]
    notes: list[str] = []
    if open_runs := [run for run, state in zip(runs, states, strict=True) if state == "unfinished"]:
        verbs = _have(open_runs, "has not ended, and is", "have not ended, and are")
        notes.append(f"{places(open_runs)}: {verbs} left out. {_later(open_runs)}")
    found = [
        _ended(run, state, _value(run, metric, direction, value), metric)
        for run, state in zip(runs, states, strict=True)
        if state != "unfinished"
    ]
    if not any(each.value is not None for each in found):
        others = _metrics_of(each.run for each in found)
        near = suggestion(metric, others)
        known = ", ".join(others) or "none"
        raise UsageError(f"{option('metric')}: no completed run has a value of {metric!r}.{near} Metrics: {known}.")
    notes += _missing(found, metric)
    return found, notes


def _later(runs: Sequence[SourceRun]) -> str:
    """Return what to do once runs have ended: a name of the store is taken once."""
    ended = _have(runs, "it has ended", "they have ended")
    if not is_option():
        return f"Read again once {ended}."
    return f"Once {ended}, import again under another name by --as, or into another store by --store."


def places(runs: Sequence[SourceRun]) -> str:
    """Return the places of runs, the first few of many."""
    text = ", ".join(run.place for run in runs[:MOST_NAMED])
    more = len(runs) - MOST_NAMED
    return text if more <= 0 else f"{text} and {more} more"


def state_fault(run: SourceRun) -> str:
    """Return what is wrong with the state of a run; empty if it is known."""
    name = _state_name(run)
    if not run.state or name in STATE_NAMES:
        return ""
    near = suggestion(name, STATE_NAMES)
    return f"{run.place}: {shown(run.state)} is not a state.{near} States: {', '.join(STATE_NAMES)}."


def _state(run: SourceRun) -> RunState:
    return STATE_NAMES[_state_name(run)] if run.state else "completed"


def _state_name(run: SourceRun) -> str:
    return run.state.strip().lower().rpartition(".")[2]  # TrialState.COMPLETE


def _value(run: SourceRun, metric: str, direction: Direction, value: CurveValue) -> float | None:
    """Return a run's value: what the source says, unless another point of its curve is wanted."""
    points = run.curves.get(metric, {})
    if metric in run.values and (value.kind == "last" or not points):
        return run.values[metric]
    return value.of([points[step] for step in sorted(points)], direction) if points else None


def _ended(run: SourceRun, state: RunState, value: float | None, metric: str) -> EndedRun:
    assert state != "unfinished"
    if state == "completed" and value is None:
        return EndedRun(run=run, state="failed", value=None, message=run.message or f"no value of {metric}")
    if state == "completed" and value is not None and not math.isfinite(value):
        return EndedRun(run=run, state="diverged", value=None, message=run.message or f"{metric} is {value}")
    return EndedRun(run=run, state=state, value=value if state == "completed" else None, message=run.message)


def _missing(found: Iterable[EndedRun], metric: str) -> list[str]:
    """Return a note on completed runs without a value of the metric, with what they have instead."""
    without = [each.run for each in found if each.state == "failed" and each.message == f"no value of {metric}"]
    if not without:
        return []
    others = _metrics_of(without)
    instead = f"; {_have(without, 'it has', 'they have')} {', '.join(others[:MOST_NAMED])}" if others else ""
    return [
        f"{places(without)}: no value of {metric}{instead}. {_have(without, 'The run counts', 'The runs count')} as "
        "failed. Name one metric for all runs, or remove them."
    ]


def _metrics_of(runs: Iterable[SourceRun]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in (*run.values, *run.curves)))


def _have(runs: Sequence[SourceRun], one: str, many: str) -> str:
    return one if len(runs) == 1 else many


def without_superseded(runs: Sequence[EndedRun], key_of: Mapping[int, object]) -> tuple[list[int], list[str]]:
    """Return the indices of runs that are results of their own, and notes on the others.

    A failed run is no result where another run of the same configuration and seed has ended otherwise: it was run
    again. One that diverged is: to leave it out would favor its configuration. Of two lines that are equal in all, the
    second is a copy.

    Args:
        key_of: by index, the phase, configuration and seed of a run whose seed is known.
    """
    better = {key_of[index] for index, each in enumerate(runs) if index in key_of and each.state != "failed"}
    kept: list[int] = []
    seen: set[object] = set()
    superseded: list[SourceRun] = []
    copies: list[SourceRun] = []
    for index, each in enumerate(runs):
        key = key_of.get(index)
        if key is not None and each.state == "failed" and key in better:
            superseded.append(each.run)
            continue
        content = (key, each.state, repr(each.value), repr(replace(each.run, place="")))
        if key is not None and content in seen:
            copies.append(each.run)
            continue
        seen.add(content)
        kept.append(index)
    return kept, list(_left_out(superseded, copies))


def _left_out(superseded: Sequence[SourceRun], copies: Sequence[SourceRun]) -> Iterator[str]:
    if superseded:
        what = _have(superseded, "an earlier attempt", "earlier attempts")
        yield (
            f"{places(superseded)}: failed, and another run of the same configuration and seed did not. Left out as "
            f"{what}; if that is wrong, give {_have(superseded, 'it a seed of its own', 'them seeds of their own')}."
        )
    if copies:
        what = _have(copies, "is a copy of an earlier line, and counts", "are copies of earlier lines, and count")
        yield f"{places(copies)}: {what} once. Remove {_have(copies, 'it', 'them')}."
