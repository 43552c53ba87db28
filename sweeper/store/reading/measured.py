"""The measurements of a study, of each trial those that count: as a table, as curves, and the last ones."""

import math
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from sweeper.store.reading.read_connection import ReadConnection, Row, valid
from sweeper.store.reading.reader_rows import Curve, StudyRow, Table


def running_curves(connection: ReadConnection, study: StudyRow) -> dict[int, list[float]]:
    """Return the study's metric of each running trial so far, by step."""
    rows = connection.rows(
        "SELECT m.trial_id, m.value FROM sweeper_trials t JOIN sweeper_measurements m ON m.trial_id = t.id"  # noqa: S608 - ours
        " WHERE t.study_id = :study AND t.state = 'running' AND m.metric = :metric"
        f"{valid(connection)} ORDER BY m.trial_id, m.step",
        {"study": study.id, "metric": study.metric},
    )
    curves: dict[int, list[float]] = {}
    for trial, value in rows:
        curves.setdefault(trial, []).append(math.nan if value is None else float(value))
    return curves


def last_values(connection: ReadConnection, trial_id: int) -> dict[str, tuple[int, float]]:
    """Return the last value of each metric that a trial reported, and its step; the value may be NaN."""
    rows = connection.rows(
        "SELECT m.metric, m.step, m.value FROM sweeper_measurements m JOIN ("  # noqa: S608 - ours
        "  SELECT m.metric, max(m.step) AS step FROM sweeper_measurements m"
        f"  WHERE m.trial_id = :trial{valid(connection)} GROUP BY m.metric"
        f" ) l ON l.metric = m.metric AND l.step = m.step WHERE m.trial_id = :trial{valid(connection)}"
        " ORDER BY m.metric",
        {"trial": trial_id},
    )
    return {metric: (step, math.nan if value is None else value) for metric, step, value in rows}


def metrics(connection: ReadConnection, study_id: int) -> tuple[str, ...]:
    """Return the names of all metrics that the study's trials reported."""
    rows = connection.rows(
        "SELECT DISTINCT m.metric FROM sweeper_trials t JOIN sweeper_measurements m ON m.trial_id = t.id"  # noqa: S608 - ours
        f" WHERE t.study_id = :study{valid(connection)} ORDER BY m.metric",
        {"study": study_id},
    )
    return tuple(name for (name,) in rows)


def measurements(connection: ReadConnection, study_id: int, metric: str | None = None) -> Table:
    """Return all measurements of a study, or those of one metric; a value of None stands for NaN."""
    condition = valid(connection) + ("" if metric is None else " AND m.metric = :metric")
    rows = connection.rows(_MEASUREMENTS.format(condition=condition), {"study": study_id, "metric": metric})
    columns = ("trial_id", "phase", "number", "metric", "step", "tokens", "device_seconds", "flops", "value")
    return Table(columns, rows)


_MEASUREMENTS: Final = """
SELECT m.trial_id, p.name, t.number, m.metric, m.step, m.tokens, m.device_seconds, m.flops, m.value
FROM sweeper_phases p
JOIN sweeper_trials t ON t.phase_id = p.id
JOIN sweeper_measurements m ON m.trial_id = t.id
WHERE t.study_id = :study{condition}
ORDER BY p.position, t.number, m.metric, m.step
"""


def curves(connection: ReadConnection, study_id: int, metric: str) -> dict[int, Curve]:
    """Return one metric of every trial that reported it, over its run; by trial id."""
    # A study can have a million points. By attempt they lie in the order of the table, so that nothing looks them up.
    rows = connection.rows(
        "SELECT m.trial_id, m.step, m.tokens, m.device_seconds, m.flops, m.value"  # noqa: S608 - ours
        " FROM sweeper_trials t JOIN sweeper_attempts a ON a.trial_id = t.id"
        " JOIN sweeper_measurements m ON m.attempt_id = a.id"
        f" WHERE t.study_id = :study AND m.metric = :metric{valid(connection)}",
        {"study": study_id, "metric": metric},
    )
    by_trial: dict[int, list[Row]] = {}
    for trial, points in groupby(rows, itemgetter(0)):
        by_trial.setdefault(trial, []).extend(points)
    return {trial: _curve(by_trial[trial]) for trial in sorted(by_trial)}


def _curve(points: Sequence[Row]) -> Curve:
    _, steps, tokens, seconds, flops, values = zip(*sorted(points, key=itemgetter(1)), strict=True)
    return Curve(
        steps=list(steps),
        tokens=_floats(tokens),
        device_seconds=_floats(seconds),
        flops=_floats(flops),
        values=_floats(values),
    )


def _floats(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]
