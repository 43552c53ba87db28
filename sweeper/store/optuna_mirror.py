"""Optuna's view of our trials, written in the same transaction as ours, so that it can neither drift nor lag.

Each phase is an Optuna study ``<study>/<phase>``, each trial an Optuna trial with the same number: its factors are
the parameters, the study's metric its value and intermediate values. Whatever reads Optuna's storage (its dashboard,
``optuna.load_study``, importances) works on it as usual. Only this module writes it: Optuna's own calls take 6 ms per
trial and several transactions.

Differences from a study that Optuna ran itself:

1. Levels that are lists or mappings are labels: their JSON text.
2. A failed trial may be queued again; a process that has cached it as failed must load the study again.
3. A trial's start is that of its first attempt.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from sweeper.errors import UsageError
from sweeper.store import optuna_tables as tables
from sweeper.store.records import ExitReason, Measurement, TrialState
from sweeper.store.transactions import upsert

STATES: Final[Mapping[TrialState, str]] = {
    "waiting": "WAITING",
    "running": "RUNNING",
    "completed": "COMPLETE",
    "pruned": "PRUNED",
    "failed": "FAIL",
}

_SET_STATE: Final = (  # built once: building a statement takes longer than running it
    update(tables.trials)
    .where(tables.trials.c.trial_id == bindparam("trial"))
    .values({name: bindparam(name) for name in ("state", "datetime_start", "datetime_complete")})
)

Distributions = Mapping[str, dict[str, object]]  # by factor, as Optuna writes them into JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredTrial:
    """A new trial as Optuna's tables hold it."""

    number: int
    configuration: Mapping[str, object] | None  # None until it is drawn or promoted
    attributes: Mapping[str, object]  # seed, budget, configuration_hash, attempts


def categorical(levels: Iterable[object]) -> dict[str, object]:
    """Return the distribution of a factor that takes these levels, duplicates left out, in their order."""
    choices: dict[str, object] = {}
    for level in levels:
        choices.setdefault(_identity(level), _choice(level))
    return {"name": "CategoricalDistribution", "attributes": {"choices": list(choices.values())}}


def interval(low: float, high: float, *, log: bool, step: float | None) -> dict[str, object]:
    """Return the distribution of a range; of integers if both ends and the step are integers."""
    if isinstance(low, int) and isinstance(high, int) and (step is None or isinstance(step, int)):
        attributes: dict[str, object] = {"log": log, "step": step or 1, "low": low, "high": high}
        return {"name": "IntDistribution", "attributes": attributes}
    attributes = {"step": step, "low": float(low), "high": float(high), "log": log}
    return {"name": "FloatDistribution", "attributes": attributes}


def widened(
    distributions: Distributions, configurations: Iterable[Mapping[str, object]]
) -> dict[str, dict[str, object]]:
    """Return the distributions with every level of the configurations added; existing choices keep their indices."""
    result = {factor: dict(distribution) for factor, distribution in distributions.items()}
    for factor, levels in _levels(configurations).items():
        known = result.get(factor)
        if known is None:
            result[factor] = categorical(levels)
        elif known["name"] == "CategoricalDistribution":
            result[factor] = categorical([*_choices(known), *levels])
    return result


def create_study(connection: Connection, name: str, direction: str, attributes: Mapping[str, object]) -> int:
    """Create an Optuna study and return its id.

    Raises:
        UsageError: Optuna has a study of that name that is not ours.
    """
    if connection.execute(select(tables.studies.c.study_id).where(tables.studies.c.study_name == name)).first():
        raise UsageError(
            f"the store holds an Optuna study {name!r} that sweeper did not create. "
            "Rename your study (study: NAME), or use another store (--store)"
        )
    study_id = connection.execute(insert(tables.studies).values(study_name=name)).inserted_primary_key
    assert study_id is not None
    number = int(study_id[0])
    connection.execute(
        insert(tables.study_directions).values(study_id=number, objective=0, direction=direction.upper())
    )
    rows = [{"study_id": number, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()]
    connection.execute(insert(tables.study_user_attributes), rows)
    return number


def add_trials(
    connection: Connection, optuna_study_id: int, trials: Sequence[MirroredTrial], distributions: Distributions
) -> dict[int, int]:
    """Add waiting trials to a study; return Optuna's ids by their numbers."""
    if not trials:
        return {}
    rows = [{"study_id": optuna_study_id, "number": trial.number, "state": "WAITING"} for trial in trials]
    connection.execute(insert(tables.trials), rows)
    found = connection.execute(
        select(tables.trials.c.number, tables.trials.c.trial_id).where(tables.trials.c.study_id == optuna_study_id)
    )
    ids = {int(row.number): int(row.trial_id) for row in found}
    attributes = [
        {"trial_id": ids[trial.number], "key": key, "value_json": json.dumps(value)}
        for trial in trials
        for key, value in trial.attributes.items()
    ]
    connection.execute(insert(tables.trial_user_attributes), attributes)
    drawn = [(ids[trial.number], trial.configuration) for trial in trials if trial.configuration is not None]
    _insert_params(connection, drawn, distributions)
    return {trial.number: ids[trial.number] for trial in trials}


def set_params(
    connection: Connection, optuna_trial_id: int, configuration: Mapping[str, object], distributions: Distributions
) -> None:
    """Set the parameters of a trial that has only now got its configuration, instead of any earlier ones."""
    connection.execute(delete(tables.trial_params).where(tables.trial_params.c.trial_id == optuna_trial_id))
    _insert_params(connection, [(optuna_trial_id, configuration)], distributions)


def remove_trial(connection: Connection, optuna_trial_id: int) -> None:
    """Remove a trial that never ran, because the study already has it in another phase."""
    for table in (tables.trial_params, tables.trial_user_attributes, tables.trials):
        connection.execute(delete(table).where(table.c.trial_id == optuna_trial_id))


def set_distributions(connection: Connection, optuna_study_id: int, distributions: Distributions) -> None:
    """Rewrite the distributions of a study's parameters; choices may only have been added at the end."""
    params, trials = tables.trial_params, tables.trials
    members = select(trials.c.trial_id).where(trials.c.study_id == optuna_study_id)
    for factor, distribution in distributions.items():
        connection.execute(
            update(params)
            .where(params.c.param_name == factor, params.c.trial_id.in_(members))
            .values(distribution_json=json.dumps(distribution))
        )


def set_attributes(connection: Connection, optuna_trial_id: int, attributes: Mapping[str, object]) -> None:
    """Set user attributes of a trial."""
    rows = [
        {"trial_id": optuna_trial_id, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()
    ]
    upsert(connection, tables.trial_user_attributes, rows, keys=("trial_id", "key"), update=("value_json",))


def start(connection: Connection, optuna_trial_id: int, *, started_at: float, attempt: int) -> None:
    """Mark a trial as running; `started_at` is the start of its first attempt."""
    _set_state(connection, optuna_trial_id, "running", started_at=started_at, ended_at=None)
    if attempt > 1:  # most trials have one attempt, which their end records
        set_attributes(connection, optuna_trial_id, {"attempts": attempt})


def requeue(connection: Connection, optuna_trial_ids: Sequence[int]) -> None:
    """Mark trials as waiting, whatever they were, and delete their values."""
    for trial_id in optuna_trial_ids:
        _set_state(connection, trial_id, "waiting", started_at=None, ended_at=None)
    if optuna_trial_ids:
        values = tables.trial_values
        connection.execute(
            delete(values).where(values.c.trial_id == bindparam("id")), [{"id": number} for number in optuna_trial_ids]
        )


def end(
    connection: Connection,
    optuna_trial_id: int,
    state: TrialState,
    *,
    value: float | None,
    exit_reason: ExitReason,
    attempts: int,
    started_at: float | None,
    ended_at: float,
) -> None:
    """End a trial: completed with a value, pruned or failed."""
    if value is not None and not math.isnan(value) and state != "failed":
        kind, number = _stored(value)
        row = {"trial_id": optuna_trial_id, "objective": 0, "value": number, "value_type": kind}
        upsert(connection, tables.trial_values, [row], keys=("trial_id", "objective"), update=("value", "value_type"))
    _set_state(connection, optuna_trial_id, state, started_at=started_at, ended_at=ended_at)
    set_attributes(connection, optuna_trial_id, {"exit_reason": exit_reason, "attempts": attempts})


def report(connection: Connection, optuna_trial_id: int, measurements: Sequence[Measurement]) -> None:
    """Set intermediate values by step; a step that is reported again replaces the old value."""
    rows = []
    for measurement in measurements:
        kind, value = _stored(measurement.value)
        rows.append(
            {
                "trial_id": optuna_trial_id,
                "step": measurement.step,
                "intermediate_value": value,
                "intermediate_value_type": kind,
            }
        )
    upsert(
        connection,
        tables.trial_intermediate_values,
        rows,
        keys=("trial_id", "step"),
        update=("intermediate_value", "intermediate_value_type"),
    )


def forget(connection: Connection, optuna_trial_id: int, step: int) -> None:
    """Delete the intermediate values from a step on."""
    values = tables.trial_intermediate_values
    connection.execute(delete(values).where(values.c.trial_id == optuna_trial_id, values.c.step >= step))


def _set_state(
    connection: Connection, optuna_trial_id: int, state: TrialState, *, started_at: float | None, ended_at: float | None
) -> None:
    values = {"state": STATES[state], "datetime_start": _utc(started_at), "datetime_complete": _utc(ended_at)}
    connection.execute(_SET_STATE, {"trial": optuna_trial_id, **values})


def _insert_params(
    connection: Connection, drawn: Sequence[tuple[int, Mapping[str, object]]], distributions: Distributions
) -> None:
    texts = {factor: json.dumps(distribution) for factor, distribution in distributions.items()}
    indices = {
        factor: {_identity(choice): index for index, choice in enumerate(_choices(distribution))}
        for factor, distribution in distributions.items()
        if distribution["name"] == "CategoricalDistribution"
    }
    rows = [
        {
            "trial_id": trial_id,
            "param_name": factor,
            "param_value": float(indices[factor][_identity(_choice(level))]) if factor in indices else level,
            "distribution_json": texts[factor],
        }
        for trial_id, configuration in drawn
        for factor, level in configuration.items()
    ]
    if rows:
        connection.execute(insert(tables.trial_params), rows)


def _levels(configurations: Iterable[Mapping[str, object]]) -> dict[str, list[object]]:
    levels: dict[str, dict[str, object]] = {}
    for configuration in configurations:
        for factor, level in configuration.items():
            levels.setdefault(factor, {}).setdefault(_identity(level), level)
    return {factor: list(found.values()) for factor, found in levels.items()}


def _choices(distribution: Mapping[str, object]) -> Sequence[object]:
    attributes = distribution["attributes"]
    assert isinstance(attributes, Mapping)
    choices = attributes["choices"]
    assert isinstance(choices, Sequence)
    return choices


def _choice(level: object) -> object:
    """Return what Optuna takes as a categorical choice: a plain value, or the JSON text of a list or mapping."""
    if level is None or isinstance(level, bool | int | float | str):
        return level
    return json.dumps(level, sort_keys=True)


def _identity(level: object) -> str:
    """Return text that differs for levels that Python considers equal: True, 1 and 1.0."""
    return json.dumps(_choice(level))


def _stored(value: float) -> tuple[str, float | None]:
    if math.isnan(value):
        return "NAN", None
    if math.isinf(value):
        return ("INF_POS" if value > 0 else "INF_NEG"), None
    return "FINITE", value


def _utc(seconds: float | None) -> datetime | None:
    """Return a time as Optuna stores it: naive, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
