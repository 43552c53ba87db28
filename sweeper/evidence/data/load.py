"""A study as frames, read from its store in one consistent state.

::

    data = load("sqlite:///sweeper.db", "quickstart")
    data.trials.groupby("phase")["value"].min()
    data.curves("valid_perplexity")[17].values

Everything above this module works on `StudyData` alone, so frames that did not come from a store can be judged too.
"""

import json
import math
import tempfile
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from sweeper.designs.levels import Level
from sweeper.errors import UsageError
from sweeper.evidence.data.collecting import collector_paused
from sweeper.evidence.data.measures import value_step
from sweeper.export.archive import Archive, read_archive
from sweeper.export.unbundle import Damage, unpack
from sweeper.forecast.packing import Packing
from sweeper.monitor.counting import Extent, counted_unit
from sweeper.spec.claim import Constant
from sweeper.spec.json_phases import phase_from_json
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study
from sweeper.store.packings import packings_of
from sweeper.store.reading import reader
from sweeper.store.reading.decisions import DecisionRows, decision_rows
from sweeper.store.reading.declarations import Declaration
from sweeper.store.reading.declarations import declaration as read_declaration
from sweeper.store.reading.reader import AttemptRow, Curve, PhaseRow, RunnerRow, StudyRow, TrialRow

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["Constant", "Curve", "Phase", "Study", "StudyData", "load", "load_archive", "make_study_data"]

Json = object  # a JSON value
FrameRow = Mapping[Hashable, Any]  # a row of a frame, whose cells pandas does not type
FIXED: Final = (
    "trial_id", "phase", "number", "state", "exit_reason", "message", "seed", "configuration_hash", "budget",
    "attempts", "device_seconds", "elapsed_s", "peak_memory_bytes", "tokens", "flops", "step", "value", "best_step",
    "started_at", "ended_at",
)  # fmt: skip
TEXTS: Final = ("phase", "state", "exit_reason", "message", "configuration_hash", "budget")
NUMBERS: Final = ("device_seconds", "elapsed_s", "peak_memory_bytes", "tokens", "flops", "step", "value", "best_step")
TIMES: Final = (  # of an attempt
    "started_at", "heartbeat_at", "ended_at", "device_seconds", "peak_memory_bytes", "cpu_joules", "gpu_joules",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyData:
    """A study with its trials, attempts and curves.

    `trials` has one row per trial, by phase and number, with the columns of `FIXED`, a column ``result.NAME`` for each
    scalar of the trials' result.json, and one column per factor (see `column_of`). `budget` is canonical JSON, e.g.
    ``{"steps": 300}``; numbers are floats, NaN where unknown; texts are None where absent; levels are as in the study,
    lists and mappings as canonical JSON.

    Attributes:
        study: as launched, with the phases that are in the store.
        factors: in the study's order, and any that only its trials name.
        members: by phase the trials that it wants, including those shared with an earlier phase.
        configurations: by trial id the levels of its factors; empty until drawn or promoted.
        environments: by hash what attempts ran in.
        changes: when the study file was changed, and how.
        declaration: what the study declared before it had results.
        measured: by metric and trial id the learning curves.
        results: by trial id the content of result.json.
        decided: the rounds of seeds as recorded, where seeds are added until claims are decided.
        packings: how many trials shared a GPU, as pilots chose.
    """

    study: Study
    launched_at: float
    cancelled_at: float | None
    factors: tuple[str, ...]
    trials: pd.DataFrame
    members: Mapping[str, tuple[int, ...]]
    attempts: pd.DataFrame
    environments: Mapping[str, Mapping[str, Json]]
    changes: tuple[tuple[float, tuple[str, ...]], ...]
    runners: tuple[RunnerRow, ...]
    declaration: Declaration
    configurations: Mapping[int, Mapping[str, Level]] = field(repr=False)
    measured: Mapping[str, Mapping[int, Curve]] = field(repr=False)
    results: Mapping[int, Mapping[str, Json]] = field(repr=False)
    decided: DecisionRows = field(default_factory=DecisionRows, repr=False)
    packings: tuple[Packing, ...] = ()

    def curves(self, metric: str) -> Mapping[int, Curve]:
        """Return a metric's curves by trial id; empty if no trial reported it."""
        return self.measured.get(metric, {})

    def phase_trials(self, phase: str) -> pd.DataFrame:
        """Return the trials that a phase wants, in its order, including those shared with an earlier phase."""
        return self.trials.set_index("trial_id", drop=False).loc[list(self.members[phase])].reset_index(drop=True)

    def as_declared(self) -> "StudyData":
        """Return the study without the trials that were added to its phases after these had results."""
        late = {phase: set(trials) for phase, trials in self.declaration.late.items()}
        members = {
            phase: tuple(trial for trial in trials if trial not in late.get(phase, ()))
            for phase, trials in self.members.items()
        }
        return replace(self, members=members)


@collector_paused()
def load(store: "str | Engine", study_name: str) -> StudyData:
    """Read a study, all of it as of one moment.

    Its curves are those of the study's metric and of the metrics that its claims name.

    Raises:
        UsageError: there is no such study.
        StoreError: there is no such store.
    """
    with reader.connect(store) as connection:
        row = reader.study(connection, study_name)
        return make_study_data(
            row,
            phases=reader.phases(connection, row.id),
            trials=reader.trials(connection, row.id),
            members=reader.members(connection, row.id),
            attempts=reader.attempts(connection, row.id),
            environments=reader.environments(connection, row.id),
            changes=reader.changes(connection, row.id),
            declaration=read_declaration(connection, row.id),
            runners=reader.runners(connection, row.id),
            measured={name: reader.curves(connection, row.id, name) for name in wanted_metrics(row.study)},
            decided=decision_rows(connection, row.id),
            packings=packings_of(connection, row.id),
        )


def load_archive(source: Path) -> StudyData:
    """Read a study that `sweeper export --all` or `--bundle` wrote, as `load` reads one from a store.

    Args:
        source: the directory, or the bundle's file.

    Raises:
        UsageError: there is no study in it, or a bundle is not whole.
    """
    if not source.is_file():
        return _study_of(read_archive(source))
    with tempfile.TemporaryDirectory(prefix="sweeper-bundle-") as scratch:
        try:
            unpack(source, Path(scratch))
        except Damage as damage:
            remedy = f"`sweeper verify {source}` lists all that is wrong with it."
            raise UsageError(f"{source}: {damage.lines[0]}. {remedy}") from damage
        return _study_of(read_archive(Path(scratch)))


def _study_of(found: Archive) -> StudyData:
    return make_study_data(
        found.study,
        phases=found.phases,
        trials=found.trials,
        members=found.members,
        attempts=found.attempts,
        environments=found.environments,
        changes=found.changes,
        declaration=found.declaration,
        runners=found.runners,
        measured={name: found.curves.get(name, {}) for name in wanted_metrics(found.study.study)},
        decided=found.decided,
        packings=found.packings,
    )


def make_study_data(
    row: StudyRow,
    *,
    phases: Sequence[PhaseRow],
    trials: Sequence[TrialRow],
    members: Mapping[str, tuple[int, ...]],
    attempts: Sequence[AttemptRow] = (),
    environments: Mapping[str, Mapping[str, Json]] | None = None,
    changes: Sequence[tuple[float, tuple[str, ...]]] = (),
    declaration: Declaration | None = None,
    runners: Sequence[RunnerRow] = (),
    measured: Mapping[str, Mapping[int, Curve]] | None = None,
    decided: DecisionRows | None = None,
    packings: Sequence[Packing] = (),
) -> StudyData:
    """Make the frames of a study from its rows, wherever those come from."""
    curves = dict(measured or {})
    # A phase that an edited study file no longer has still has trials.
    study = replace(row.study, phases=tuple(phase_from_json({"name": each.name, **each.spec}) for each in phases))
    drawn = (name for each in trials for name in each.configuration or {})
    factors = tuple(dict.fromkeys([*study.factors, *drawn]))
    return StudyData(
        study=study,
        launched_at=row.created_at,
        cancelled_at=row.cancelled_at,
        factors=factors,
        trials=_trial_frame(study, factors, trials, curves.get(study.metric.name, {})),
        members=dict(members),
        attempts=_attempt_frame(attempts),
        environments=dict(environments or {}),
        changes=tuple(changes),
        declaration=declaration or Declaration(),
        runners=tuple(runners),
        configurations={each.id: each.configuration or {} for each in trials},
        measured=curves,
        results={each.id: each.result or {} for each in trials},
        decided=decided or DecisionRows(),
        packings=tuple(packings),
    )


def column_of(factor: str) -> str:
    """Return the column of `StudyData.trials` that holds a factor's levels: ``factor.NAME`` if NAME is taken."""
    return f"factor.{factor}" if factor in FIXED or factor.startswith("result.") else factor


def wanted_metrics(study: Study) -> tuple[str, ...]:
    """Return the study's metric and those that its claims name, without duplicates."""
    return tuple(dict.fromkeys([study.metric.name, *(claim.metric.name for claim in study.claims)]))


def step_unit(data: StudyData, frame: pd.DataFrame, curves: Mapping[int, Curve]) -> str:
    """Return what the steps of the trials in a frame count: steps, tokens or epochs."""
    if data.study.trial.is_trainer:
        return "steps"
    return counted_unit(
        Extent(budget=json.loads(budget), step=curves[trial].steps[-1], completed=state == "completed")
        for trial, state, budget in frame[["trial_id", "state", "budget"]].itertuples(index=False)
        if trial in curves
    )


def _trial_frame(
    study: Study, factors: Iterable[str], rows: Sequence[TrialRow], curves: Mapping[int, Curve]
) -> pd.DataFrame:
    columns: dict[str, list[object] | pd.Series] = {
        name: [_fixed(row, name, study, curves) for row in rows] for name in FIXED
    }
    columns |= {name: pd.Series(columns[name], dtype=object) for name in TEXTS}
    columns |= {name: pd.Series(columns[name], dtype=float) for name in (*NUMBERS, "started_at", "ended_at")}
    for name in _scalars(row.result or {} for row in rows):
        columns[f"result.{name}"] = _whole([(row.result or {}).get(name) for row in rows])
    for factor in factors:
        levels = [_flat((row.configuration or {}).get(factor)) for row in rows]
        columns[column_of(factor)] = pd.Series(levels, dtype=object)
    return pd.DataFrame(columns)


def _whole(values: list[object]) -> list[object] | pd.Series:
    """Return a column in which integers stay integers although some are missing."""
    kinds = {type(value) for value in values}
    return pd.Series(values, dtype="Int64") if kinds == {int, type(None)} else values


def _fixed(row: TrialRow, name: str, study: Study, curves: Mapping[int, Curve]) -> object:
    match name:
        case "trial_id":
            return row.id
        case "budget":
            return json.dumps(row.budget, sort_keys=True)
        case "best_step":
            step = value_step(curves[row.id], study.metric) if row.id in curves else None
            return math.nan if step is None else step
        case _:
            return getattr(row, name)


def _scalars(results: Iterable[Mapping[str, Json]]) -> list[str]:
    """Return the names of all results that are a number, a text or a truth value in some trial."""
    scalar = str | int | float | bool
    return list(
        dict.fromkeys(name for result in results for name, value in result.items() if isinstance(value, scalar))
    )


def _flat(value: Level) -> object:
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value


def _attempt_frame(rows: Sequence[AttemptRow]) -> pd.DataFrame:
    names = [each.name for each in fields(AttemptRow)]
    frame = pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)
    return frame.astype(dict.fromkeys(TIMES, float)) if len(frame) else frame
