"""Runs that another tool made, as a study whose trials have ended.

They have no attempts and cost nothing here: what another tool spent is not known. Only curves need an attempt that they
belong to; it takes no time, and its host is the tool.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, insert, select, update

from sweeper.errors import UsageError
from sweeper.planning.plan import Plan, PlannedTrial, Reference, TrialBudget
from sweeper.spec.declared import declared_phases
from sweeper.spec.study import Study
from sweeper.store import optuna_mirror
from sweeper.store.enrolment.plan_rows import write_plan
from sweeper.store.enrolment.study_columns import study_columns
from sweeper.store.records import ExitReason, Measurement, TrialState, plain, storable
from sweeper.store.schema import attempts, measurements, phases, studies, trials
from sweeper.store.transactions import Record, insert_if_new, writing

SLOT: Final = "import"
DEVICE: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTrial:
    """How a run ended in another tool.

    Attributes:
        value: of the study's metric; None unless it completed.
        result: final values of all metrics.
        curves: values by metric and step.
        started_at: in seconds since the epoch, as `ended_at`; None where the tool does not say.
    """

    state: TrialState
    exit_reason: ExitReason
    message: str = ""
    value: float | None = None
    result: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    started_at: float | None = None
    ended_at: float | None = None


def enrol_imported(
    engine: Engine,
    plan: Plan,
    study: Study,
    results: Mapping[Reference, ImportedTrial],
    *,
    tool: str,
    runs_dir: Path,
    now: float,
) -> None:
    """Write a study whose trials have ended, in one transaction; trials without a result wait.

    Its claims count as written after the results, whenever that was.

    Args:
        results: by phase and number of the plan.
        tool: that made the runs.

    Raises:
        UsageError: the store has a study of that name.
    """
    with writing(engine) as connection:
        place = runs_dir.absolute()
        where = {"runs_dir": str(place), "run_root": str(place / plan.study)}
        declared = {"claims": {}, "phases": declared_phases(study)}
        row = {**study_columns(study), **where, "name": plan.study, "created_at": now, "declared": declared}
        if not insert_if_new(connection, studies, row, keys=("name",)):
            raise UsageError(
                f"--as: the store has a study {plan.study!r} already. Choose another name, or another store by --store."
            )
        study_id = connection.execute(select(studies.c.id).where(studies.c.name == plan.study)).scalar_one()
        write_plan(connection, study_id, plan, study, {})
        for trial, phase in stored_trials(connection, study_id):
            if (found := results.get((phase, trial.number))) is not None:
                _end(connection, trial, found, tool=tool, metric=study.metric.name, now=now)


def stored_trials(connection: Connection, study_id: int) -> Sequence[tuple[Record, str]]:
    """Return the rows of a study's trials, each with the name of its phase."""
    query = (
        select(trials, phases.c.name.label("phase"))
        .join(phases, phases.c.id == trials.c.phase_id)
        .where(trials.c.study_id == study_id)
        .order_by(trials.c.id)
    )
    return [(row, row.phase) for row in connection.execute(query).all()]


def _end(connection: Connection, trial: Record, found: ImportedTrial, *, tool: str, metric: str, now: float) -> None:
    has_curves = any(found.curves.values())
    values = {
        "state": found.state,
        "exit_reason": found.exit_reason,
        "message": storable(found.message) or None,
        "value": found.value,
        "step": max((step for points in found.curves.values() for step in points), default=None),
        "result": plain(dict(found.result)) or None,
        "started_at": found.started_at,
        "ended_at": found.ended_at,
        "attempts": int(has_curves),
        "fence": int(has_curves),
    }
    connection.execute(update(trials).where(trials.c.id == trial.id).values(values))
    if has_curves:
        _add_curves(connection, trial, found, tool, now)
    points = found.curves.get(metric, {})
    reported = [Measurement(metric=metric, step=step, value=points[step]) for step in points]
    optuna_mirror.report(connection, trial.optuna_trial_id, reported)
    # Optuna requires both times of a trial that has ended.
    ended_at = found.ended_at if found.ended_at is not None else now
    optuna_mirror.end(
        connection,
        trial.optuna_trial_id,
        found.state,
        value=found.value,
        exit_reason=found.exit_reason,
        attempts=int(has_curves),
        started_at=found.started_at if found.started_at is not None else ended_at,
        ended_at=ended_at,
    )


def _add_curves(connection: Connection, trial: Record, found: ImportedTrial, tool: str, now: float) -> None:
    ended_at = found.ended_at if found.ended_at is not None else now
    steps = [step for points in found.curves.values() for step in points]
    attempt = {
        "trial_id": trial.id,
        "number": 1,
        "run_dir": "",
        "host": tool,
        "slot": SLOT,
        "device": DEVICE,
        "supervisor_pid": 0,
        "supervisor_started_at": 0.0,
        "started_at": found.started_at if found.started_at is not None else ended_at,
        "heartbeat_at": ended_at,
        "ended_at": ended_at,
        "device_seconds": 0.0,
        "exit_reason": found.exit_reason,
        "first_step": min(steps),
        "last_step": max(steps),
        "progressed": True,
    }
    key = connection.execute(insert(attempts).values(attempt)).inserted_primary_key
    assert key is not None
    rows = [
        {
            "attempt_id": int(key[0]),
            "trial_id": trial.id,
            "metric": metric,
            "step": step,
            "value": None if value != value else value,  # noqa: PLR0124 - NaN, which SQLite cannot hold
            "void": False,
        }
        for metric, points in found.curves.items()
        for step, value in points.items()
    ]
    connection.execute(insert(measurements), rows)


def with_own_keys(planned: Sequence[PlannedTrial]) -> Iterator[PlannedTrial]:
    """Yield trials as exact repeats of each other where their configuration, seed and budget are the same."""
    counts: dict[tuple[str | None, int, str], int] = {}
    for trial in planned:
        budget = TrialBudget(trial.budget.unit, trial.budget.amount)
        key = (trial.configuration_hash, trial.seed, budget.key)
        yield replace(trial, budget=replace(budget, repeat=counts.get(key, 0)))
        counts[key] = counts.get(key, 0) + 1
