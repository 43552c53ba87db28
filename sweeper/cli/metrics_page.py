"""What was found of a study's metrics, as `sweeper metrics` and `sweeper launch --try` print it."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from sweeper.execution.slots.log_reading import LogReading, Point
from sweeper.execution.slots.metrics import MisreadPart, misread_part
from sweeper.execution.slots.pattern_use import PatternUse
from sweeper.execution.slots.unread import last_fault
from sweeper.quantities import counted
from sweeper.spec.metric import Metric
from sweeper.spec.program import STEP, CommandProgram
from sweeper.spec.study import Study

SHOWN_POINTS: Final = 3  # at the beginning of a curve
NONE: Final = PatternUse()


def is_found(study: Study, reading: LogReading) -> bool:
    """Return whether a trial with this output would have a value of the study's metric."""
    return _fault(study.metric, reading) is None


def page_lines(study: Study, reading: LogReading) -> list[str]:
    """Return the page."""
    head = [] if reading.lines is None else [f"{reading.place}: {counted(reading.lines, 'line')}"]
    rows = [f"{name}: {counted(number, 'row')}" for name, number in reading.rows.items()]
    lines = [*head, *rows]
    for name in _names(study, reading):
        lines += ["", *_metric_lines(name, reading)]
    lines += ["", *_value_lines(study.metric, reading)]
    if reading.problems:
        lines += ["", *reading.problems]
    return lines[1:] if lines[0] == "" else lines


def page_json(study: Study, reading: LogReading) -> dict[str, object]:
    """Return the page as JSON has it."""
    return {
        "study": study.name,
        "log": str(reading.place),
        "lines": reading.lines,
        "rows": dict(reading.rows),
        "metrics": {name: _metric_json(name, reading) for name in _names(study, reading)},
        "metric": study.metric.name,
        "value": _value(study.metric, reading),
        "value_is": str(study.metric.value),
        "found": is_found(study, reading),
        "problems": list(reading.problems),
    }


def _names(study: Study, reading: LogReading) -> list[str]:
    program = study.trial.program
    declared = program.metric_names if isinstance(program, CommandProgram) else []
    return list(dict.fromkeys([*reading.patterns, *reading.curves, *declared, study.metric.name]))


def _metric_lines(name: str, reading: LogReading) -> Iterator[str]:
    pattern, use, curve = reading.patterns.get(name), reading.uses.get(name, NONE), reading.curves.get(name, ())
    yield name if pattern is None else f"{name}: '{pattern}'"
    if pattern is not None:
        yield from _use_lines(use)
    yield from (f"  has its name: {line!r}" for line in reading.mentions.get(name, ()))
    if name == STEP:
        return
    if not curve:
        yield "  no number was read"
        return
    yield f"  {counted(len(curve), 'value')}: {_some(curve)}"
    bad = sum(not math.isfinite(value) for _, value in curve)
    if len(curve) > 1:
        finite = [value for _, value in curve if math.isfinite(value)]
        ends = f"; from {min(finite):g} to {max(finite):g}" if finite else ""
        counted_on = ", counted, since there is no step" if pattern is not None and STEP not in reading.patterns else ""
        yield f"  steps {curve[0][0]:,} to {curve[-1][0]:,}{counted_on}{ends}{f'; {bad} not finite' if bad else ''}"


def _use_lines(use: PatternUse) -> Iterator[str]:
    yield f"  matched {counted(use.lines, 'line') if use.lines else 'no line'}"
    for example in use.examples.values() if use.not_numbers < use.lines else ():
        yield f"  {example.word!r} in {example.line!r}"
    if use.not_number is not None:
        number = "all" if use.not_numbers == use.lines else f"{use.not_numbers}"
        yield f"  {number} without a number: {use.not_number.word!r} in {use.not_number.line!r}"


def _some(curve: Sequence[Point]) -> str:
    """Return the first points of a curve and its last."""
    first = [f"{value:g}" for _, value in curve[:SHOWN_POINTS]]
    if len(curve) <= SHOWN_POINTS:
        return ", ".join(first)
    between = ", …, " if len(curve) > SHOWN_POINTS + 1 else ", "
    return f"{', '.join(first)}{between}{curve[-1][1]:g}"


def _misread(metric: Metric, reading: LogReading) -> MisreadPart | None:
    return misread_part(metric.name, reading.patterns, reading.misread)


def _value(metric: Metric, reading: LogReading) -> float | None:
    curve = reading.curves.get(metric.name)
    return metric.value.of([value for _, value in curve], metric.direction) if curve else None


def _unread(metric: Metric, reading: LogReading) -> str | None:
    """Return which value of the metric was not read; None if the trial has all that it needs."""
    name = metric.name
    if (part := _misread(metric, reading)) is not None:
        return f"a {part} of {name} was not read in full"
    if not reading.curves.get(name):
        return f"it reports no {name}, but {', '.join(reading.curves) or 'nothing'}"
    return last_fault(name, metric.value, reading.unread_last)


def _fault(metric: Metric, reading: LogReading) -> str | None:
    """Return why a trial with these metrics would not complete, as its supervisor decides it; None if it would."""
    name, curve = metric.name, reading.curves.get(metric.name, ())
    finite = sum(math.isfinite(value) for _, value in curve)
    if (unread := _unread(metric, reading)) is not None:
        return f"would fail: {unread}"
    if not math.isfinite(curve[-1][1]):
        return f"would count as diverged: the last value of {name} is {curve[-1][1]:g}"
    value = metric.value.of([value for _, value in curve], metric.direction)
    if math.isfinite(value):
        return None
    if finite < metric.value.last:
        return (
            f"would fail: its value is the {metric.value} values of {name}, but it reports {counted(finite, 'value')}"
        )
    return f"would count as diverged: {name}, {metric.value}, is {value:g}"


def _value_lines(metric: Metric, reading: LogReading) -> Iterator[str]:
    fault, value = _fault(metric, reading), _value(metric, reading)
    if fault is not None:
        yield f"A trial with these metrics {fault}."
    else:
        yield f"A trial with these metrics has the value {value:g}: {metric.name}, {metric.value}."


def _metric_json(name: str, reading: LogReading) -> dict[str, object]:
    use, curve = reading.uses.get(name, NONE), reading.curves.get(name, ())
    bad = use.not_number
    return {
        "pattern": reading.patterns.get(name),
        "lines": use.lines if name in reading.patterns else None,
        "examples": [{"line": each.line, "matched": each.word} for each in use.examples.values()],
        "without_number": {
            "lines": use.not_numbers,
            "example": None if bad is None else {"line": bad.line, "matched": bad.word},
        },
        "values": [{"step": step, "value": value} for step, value in curve],
        "mentions": list(reading.mentions.get(name, ())),
    }
