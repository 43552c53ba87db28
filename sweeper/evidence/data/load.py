"""What a report is about: a study as frames, read from its store in one consistent state.

::

    data = load("sqlite:///sweeper.db", "quickstart")
    data.trials.groupby("phase")["value"].min()
    data.curves("valid_perplexity")[17].values

Everything past this module works on `StudyData` alone, so a report can also be made from frames that no store gave.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import pandas as pd

from sweeper.export.archive import read_archive
from sweeper.store.reading import reader
from sweeper.store.reading.reader import Curve, PhaseRow, RunnerRow, StudyRow, TrialRow

FIXED: Final = (
    "trial_id", "phase", "number", "state", "exit_reason", "message", "seed", "configuration_hash", "budget",
    "attempts", "device_seconds", "elapsed_s", "peak_memory_bytes", "tokens", "flops", "step", "value", "best_step",
    "started_at", "ended_at",
)  # fmt: skip
TEXTS: Final = ("phase", "state", "exit_reason", "message", "configuration_hash", "budget")
NUMBERS: Final = ("device_seconds", "elapsed_s", "peak_memory_bytes", "tokens", "flops", "step", "value", "best_step")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyData:
    """A study, read: its document, and its trials, attempts and curves.

    `trials` has a row a trial, by phase and number, with the columns of `FIXED`, a column ``result.NAME`` for each
    scalar of the trials' result.json, and a column a factor (see `column`). `budget` is canonical JSON, e.g.
    ``{"steps": 300}``; numbers are floats, NaN where unknown; texts are None where absent; levels are as in the study,
    lists and mappings as canonical JSON, None where a trial has not been drawn or does not vary the factor. `members`
    are the trials that each phase wants, those shared with an earlier phase included.
    """

    study: StudyRow
    phases: tuple[PhaseRow, ...]
    trials: pd.DataFrame
    members: Mapping[str, tuple[int, ...]]
    attempts: pd.DataFrame
    environments: Mapping[str, Mapping[str, Any]]
    changes: tuple[tuple[float, tuple[str, ...]], ...]
    runners: tuple[RunnerRow, ...]
    measured: Mapping[str, Mapping[int, Curve]] = field(repr=False)
    results: Mapping[int, Mapping[str, Any]] = field(repr=False)
    configs: Mapping[int, Mapping[str, Any]] = field(repr=False)

    def curves(self, metric: str) -> Mapping[int, Curve]:
        """One metric of every trial that reported it, over its run; by trial id. Empty where none did."""
        return self.measured.get(metric, {})

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors of the study, in its order, and any that only its trials name."""
        return tuple(_factor_columns(self.study.spec, (), self.trials.columns))

    def column(self, factor: str) -> str:
        """The column of `trials` with the levels of a factor: its name, ``factor.NAME`` where that is taken."""
        return column_of(factor)

    def phase_trials(self, phase: str) -> pd.DataFrame:
        """The trials that a phase wants, in its order, those shared with an earlier phase included."""
        return self.trials.set_index("trial_id", drop=False).loc[list(self.members[phase])].reset_index(drop=True)


def load(store_url: str, study_name: str) -> StudyData:
    """Reads a study for reporting, all of it at one moment.

    Read are the curves of the study's metric and of those that its claims name.

    Raises:
        UsageError: there is no such study.
        StoreError: there is no such store.
    """
    with reader.connect(store_url) as connection:
        study = reader.study(connection, study_name)
        return make_study_data(
            study,
            phases=reader.phases(connection, study.id),
            trials=reader.trials(connection, study.id),
            members=reader.members(connection, study.id),
            attempts=reader.attempts(connection, study.id),
            environments=reader.environments(connection, study.id),
            changes=reader.changes(connection, study.id),
            runners=reader.runners(connection, study.id),
            measured={name: reader.curves(connection, study.id, name) for name in wanted_metrics(study)},
        )


def load_archive(folder: Path) -> StudyData:
    """Reads a study that `sweeper export --all` wrote, as `load` reads one from a store.

    Raises:
        UsageError: the folder does not hold one.
    """
    found = read_archive(folder)
    return make_study_data(
        found.study,
        phases=found.phases,
        trials=found.trials,
        members=found.members,
        attempts=found.attempts,
        environments=found.environments,
        changes=found.changes,
        runners=found.runners,
        measured={name: found.curves.get(name, {}) for name in wanted_metrics(found.study)},
    )


def make_study_data(
    study: StudyRow,
    *,
    phases: Sequence[PhaseRow],
    trials: Sequence[TrialRow],
    members: Mapping[str, tuple[int, ...]],
    attempts: Sequence[reader.AttemptRow] = (),
    environments: Mapping[str, Mapping[str, Any]] | None = None,
    changes: Sequence[tuple[float, tuple[str, ...]]] = (),
    runners: Sequence[RunnerRow] = (),
    measured: Mapping[str, Mapping[int, Curve]] | None = None,
) -> StudyData:
    """The frames of a study from its rows, wherever those come from."""
    curves = dict(measured or {})
    return StudyData(
        study=study,
        phases=tuple(phases),
        trials=_trial_frame(study, trials, curves.get(study.metric, {})),
        members=dict(members),
        attempts=_attempt_frame(attempts),
        environments=dict(environments or {}),
        changes=tuple(changes),
        runners=tuple(runners),
        measured=curves,
        results={row.id: row.result or {} for row in trials},
        configs={row.id: row.config or {} for row in trials},
    )


def column_of(factor: str) -> str:
    """The column of the trial frame that holds a factor's levels."""
    return f"factor.{factor}" if factor in FIXED or factor.startswith("result.") else factor


def wanted_metrics(study: StudyRow) -> tuple[str, ...]:
    """The study's metric and those that its claims name, each once."""
    claimed = (claim.get("metric") for claim in study.spec.get("claims") or ())
    return tuple(dict.fromkeys([study.metric, *(name for name in claimed if name)]))


def best_of(curve: Curve, direction: str) -> tuple[int, float] | None:
    """The step and value of a curve's best point, the first of equals; None if it has no finite one."""
    finite = [(value, step) for value, step in zip(curve.values, curve.steps, strict=True) if math.isfinite(value)]
    if not finite:
        return None
    value, step = min(finite) if direction == "minimize" else min(finite, key=lambda point: (-point[0], point[1]))
    return step, value


def _trial_frame(study: StudyRow, rows: Sequence[TrialRow], curves: Mapping[int, Curve]) -> pd.DataFrame:
    columns: dict[str, Any] = {name: [_fixed(row, name, study, curves) for row in rows] for name in FIXED}
    columns |= {name: pd.Series(columns[name], dtype=object) for name in TEXTS}
    columns |= {name: pd.Series(columns[name], dtype=float) for name in (*NUMBERS, "started_at", "ended_at")}
    for name in _scalars(row.result or {} for row in rows):
        columns[f"result.{name}"] = [(row.result or {}).get(name) for row in rows]
    for factor, column in _factor_columns(study.spec, rows, ()).items():
        levels = [_level((row.configuration or {}).get(factor)) for row in rows]
        columns[column] = pd.Series(levels, dtype=object)
    return pd.DataFrame(columns)


def _fixed(row: TrialRow, name: str, study: StudyRow, curves: Mapping[int, Curve]) -> Any:
    match name:
        case "trial_id":
            return row.id
        case "budget":
            return json.dumps(row.budget, sort_keys=True)
        case "best_step":
            best = best_of(curves[row.id], study.direction) if row.id in curves else None
            return math.nan if best is None else best[0]
        case _:
            return getattr(row, name)


def _scalars(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all results that are a number, a text or a truth value in some trial."""
    scalar = str | int | float | bool
    return list(
        dict.fromkeys(name for result in results for name, value in result.items() if isinstance(value, scalar))
    )


def _factor_columns(spec: Mapping[str, Any], rows: Iterable[TrialRow], columns: Iterable[str]) -> dict[str, str]:
    drawn = (name for row in rows for name in row.configuration or {})
    present = (
        column.removeprefix("factor.") for column in columns if column not in FIXED and not column.startswith("result.")
    )
    return {name: column_of(name) for name in dict.fromkeys([*(spec.get("factors") or {}), *drawn, *present])}


def _level(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value


def _attempt_frame(rows: Sequence[reader.AttemptRow]) -> pd.DataFrame:
    names = [each.name for each in fields(reader.AttemptRow)]
    frame = pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)
    times = ("started_at", "heartbeat_at", "ended_at", "device_seconds", "peak_memory_bytes")
    return frame.astype(dict.fromkeys(times, float)) if len(frame) else frame
