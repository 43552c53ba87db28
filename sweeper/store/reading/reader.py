"""The read-only module through which status, export and reports see a store.

::

    with reader.connect(url) as connection:
        study = reader.study(connection, "quickstart")
        trials = reader.trials(connection, study.id)

One `connect` sees one state of the store, however long it lasts and whatever is written in the meantime.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Final

from sweeper.errors import UsageError
from sweeper.store.reading.extents import ExtentRow, extents
from sweeper.store.reading.measured import curves, last_values, measurements, metrics, running_curves
from sweeper.store.reading.read_connection import ReadConnection, Row, connect, connect_if_there, json_value
from sweeper.store.reading.reader_rows import (
    AttemptRow,
    Curve,
    DurationRow,
    PhaseRow,
    RunnerRow,
    StudyRow,
    Table,
    TrialRow,
)
from sweeper.store.records import TRIAL_STATES, TrialState

__all__ = [
    "AttemptRow",
    "Curve",
    "DurationRow",
    "ExtentRow",
    "PhaseRow",
    "ReadConnection",
    "RunnerRow",
    "StudyRow",
    "Table",
    "TrialRow",
    "attempts",
    "best_value",
    "changes",
    "connect",
    "connect_if_there",
    "counts",
    "curves",
    "durations",
    "environments",
    "extents",
    "last_values",
    "lowest_value",
    "measurements",
    "members",
    "metrics",
    "phases",
    "runners",
    "running_curves",
    "seed_spreads",
    "spent",
    "studies",
    "study",
    "trial_table",
    "trials",
]


def studies(connection: ReadConnection) -> tuple[StudyRow, ...]:
    """Return all studies of the store, the newest last."""
    columns = ", ".join(_STUDY_FIELDS)
    rows = connection.rows(f"SELECT {columns} FROM sweeper_studies ORDER BY created_at, id", {})  # noqa: S608 - ours
    return tuple(_study(row) for row in rows)


_STUDY_FIELDS: Final = tuple(field.name for field in fields(StudyRow))


def study(connection: ReadConnection, name: str) -> StudyRow:
    """Return a study by its name.

    Raises:
        UsageError: there is none of that name; the message lists those that exist.
    """
    found = {row.name: row for row in studies(connection)}
    if name in found:
        return found[name]
    if not found:
        raise UsageError(f"no study {name!r}: the store has none yet. Run `sweeper launch STUDY.yaml` first")
    close = difflib.get_close_matches(name, found, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    raise UsageError(f"no study {name!r} in the store. It has: {', '.join(found)}.{guess}")


def phases(connection: ReadConnection, study_id: int) -> tuple[PhaseRow, ...]:
    """Return the phases of a study in their order."""
    rows = connection.rows(
        "SELECT id, position, name, design, spec FROM sweeper_phases WHERE study_id = :study ORDER BY position",
        {"study": study_id},
    )
    return tuple(
        PhaseRow(id=key, position=position, name=name, design=design, spec=json_value(spec))
        for key, position, name, design, spec in rows
    )


def counts(connection: ReadConnection, study_id: int) -> dict[str, dict[TrialState, int]]:
    """Return the number of trials of each phase in each state; a trial counts in the first phase that has it."""
    result = {phase.name: dict.fromkeys(TRIAL_STATES, 0) for phase in phases(connection, study_id)}
    rows = connection.rows(
        "SELECT p.name, t.state, count(*) FROM sweeper_trials t JOIN sweeper_phases p ON p.id = t.phase_id"
        " WHERE t.study_id = :study GROUP BY p.name, t.state",
        {"study": study_id},
    )
    for phase, state, number in rows:
        result[phase][state] = number
    return result


def members(connection: ReadConnection, study_id: int) -> dict[str, tuple[int, ...]]:
    """Return the ids of the trials of each phase, in its order, including those of an earlier phase."""
    result: dict[str, list[int]] = {phase.name: [] for phase in phases(connection, study_id)}
    rows = connection.rows(
        "SELECT p.name, m.trial_id FROM sweeper_phase_trials m JOIN sweeper_phases p ON p.id = m.phase_id"
        " WHERE p.study_id = :study ORDER BY p.position, m.position",
        {"study": study_id},
    )
    for phase, trial in rows:
        result[phase].append(trial)
    return {phase: tuple(found) for phase, found in result.items()}


def trials(connection: ReadConnection, study_id: int, *, state: TrialState | None = None) -> tuple[TrialRow, ...]:
    """Return the trials of a study by phase and number; only those in one state if `state` is given."""
    condition = "" if state is None else " AND t.state = :state"
    # The text that is inserted is one of two constants; values are parameters.
    rows = connection.rows(_TRIALS.format(condition=condition), {"study": study_id, "state": state})
    return tuple(_trial(row) for row in rows)


_TRIALS: Final = """
SELECT t.id, p.name, t.number, t.state, t.configuration, t.config, t.configuration_hash, t.seed, t.budget,
       t.predicted_device_seconds, t.attempts, t.exit_reason, t.message, t.value, t.step, t.tokens, t.flops, t.result,
       t.started_at, t.ended_at, coalesce(a.device_seconds, 0.0), coalesce(a.elapsed_s, 0.0), a.peak_memory_bytes
FROM sweeper_trials t
JOIN sweeper_phases p ON p.id = t.phase_id
LEFT JOIN (
    SELECT a.trial_id, sum(a.device_seconds) AS device_seconds, max(a.peak_memory_bytes) AS peak_memory_bytes,
           sum(coalesce(a.ended_at, a.heartbeat_at) - a.started_at) AS elapsed_s
    FROM sweeper_attempts a JOIN sweeper_trials t ON t.id = a.trial_id
    WHERE t.study_id = :study{condition}
    GROUP BY a.trial_id
) a ON a.trial_id = t.id
WHERE t.study_id = :study{condition}
ORDER BY p.position, t.number
"""


def trial_table(study: StudyRow, rows: Sequence[TrialRow]) -> Table:
    """Return the trials as `sweeper export` writes them: identity, cost, the metric, and a column per factor."""
    factors = list(dict.fromkeys(factor for row in rows for factor in row.configuration or {}))
    fixed = ("phase", "number", "state", "seed", "configuration_hash", "attempts", "device_seconds", "tokens", "flops")
    return Table(
        ("study", *fixed, study.metric, *factors),
        [
            (
                study.name,
                *(getattr(row, name) for name in fixed),
                row.value,
                *((row.configuration or {}).get(factor) for factor in factors),
            )
            for row in rows
        ],
    )


def attempts(connection: ReadConnection, study_id: int, *, running: bool = False) -> tuple[AttemptRow, ...]:
    """Return the attempts of a study in the order of their starts; only running ones if `running`."""
    condition = " AND a.ended_at IS NULL AND t.state = 'running'" if running else ""
    energy = "a.cpu_joules, a.gpu_joules" if connection.revision >= ENERGY_SINCE else "NULL, NULL"
    rows = connection.rows(_ATTEMPTS.format(condition=condition, energy=energy), {"study": study_id})
    found = (dict(zip(_ATTEMPT_FIELDS, row, strict=True)) for row in rows)
    return tuple(AttemptRow(**{**row, "supervisor_lost": bool(row["supervisor_lost"])}) for row in found)


ENERGY_SINCE: Final = "0008"  # the revision that added the energy of attempts
_ATTEMPTS: Final = """
SELECT a.id, a.trial_id, p.name, t.number, a.number, a.host, a.slot, a.device, a.device_share, a.pid,
       a.environment_sha256, a.started_at, a.heartbeat_at, a.ended_at, a.device_seconds, a.peak_memory_bytes,
       a.exit_reason, a.exit_code, a.exit_signal, a.supervisor_lost, a.message, {energy}
FROM sweeper_trials t
JOIN sweeper_attempts a ON a.trial_id = t.id
JOIN sweeper_phases p ON p.id = t.phase_id
WHERE t.study_id = :study{condition}
ORDER BY a.started_at, a.id
"""
_ATTEMPT_FIELDS: Final = tuple(AttemptRow.__slots__)


def spent(connection: ReadConnection, study_id: int) -> dict[str, float]:
    """Return the device-seconds of the study's attempts by exit reason, `running` for running ones: the ledger."""
    rows = connection.rows(
        "SELECT coalesce(a.exit_reason, 'running'), sum(a.device_seconds)"
        " FROM sweeper_trials t JOIN sweeper_attempts a ON a.trial_id = t.id"
        " WHERE t.study_id = :study GROUP BY a.exit_reason",
        {"study": study_id},
    )
    return {reason: float(seconds) for reason, seconds in rows}


def durations(connection: ReadConnection, study_id: int) -> tuple[DurationRow, ...]:
    """Return how long each trial took or was predicted to take, in the order of the queue."""
    rows = connection.rows(
        "SELECT t.id, p.name, t.state, t.predicted_device_seconds, coalesce(a.elapsed_s, 0.0)"
        " FROM sweeper_trials t JOIN sweeper_phases p ON p.id = t.phase_id LEFT JOIN ("
        "  SELECT a.trial_id, sum(coalesce(a.ended_at, a.heartbeat_at) - a.started_at) AS elapsed_s"
        "  FROM sweeper_attempts a JOIN sweeper_trials t ON t.id = a.trial_id WHERE t.study_id = :study"
        "  GROUP BY a.trial_id) a ON a.trial_id = t.id"
        " WHERE t.study_id = :study ORDER BY p.position, t.number",
        {"study": study_id},
    )
    return tuple(
        DurationRow(trial_id=key, phase=phase, state=state, predicted_s=predicted, elapsed_s=elapsed)
        for key, phase, state, predicted, elapsed in rows
    )


def best_value(connection: ReadConnection, study: StudyRow) -> float | None:
    """Return the best value of the study's metric among completed trials."""
    best = "min" if study.direction == "minimize" else "max"
    rows = connection.rows(
        f"SELECT {best}(t.value) FROM sweeper_trials t"  # noqa: S608 - one of two constants
        " WHERE t.study_id = :study AND t.state = 'completed'",
        {"study": study.id},
    )
    return None if rows[0][0] is None else float(rows[0][0])


def lowest_value(connection: ReadConnection, study_id: int) -> float | None:
    """Return the lowest value of a completed trial; None if there is none."""
    rows = connection.rows(
        "SELECT min(t.value) FROM sweeper_trials t WHERE t.study_id = :study AND t.state = 'completed'",
        {"study": study_id},
    )
    return None if rows[0][0] is None else float(rows[0][0])


def seed_spreads(connection: ReadConnection, study_id: int) -> tuple[tuple[str, int, float, float], ...]:
    """Return phase, number of seeds, least and largest value of each configuration with several completed seeds."""
    rows = connection.rows(
        "SELECT p.name, count(DISTINCT t.seed), min(t.value), max(t.value)"
        " FROM sweeper_trials t JOIN sweeper_phases p ON p.id = t.phase_id"
        " WHERE t.study_id = :study AND t.state = 'completed' AND t.value IS NOT NULL"
        " GROUP BY p.position, p.name, t.configuration_hash HAVING count(DISTINCT t.seed) > 1 ORDER BY p.position",
        {"study": study_id},
    )
    return tuple((phase, int(seeds), float(low), float(high)) for phase, seeds, low, high in rows)


def environments(connection: ReadConnection, study_id: int) -> dict[str, Mapping[str, object]]:
    """Return the software and hardware of a study's attempts, by the SHA-256 that they name."""
    rows = connection.rows(
        "SELECT e.sha256, e.facts FROM sweeper_environments e WHERE e.sha256 IN (SELECT a.environment_sha256"
        " FROM sweeper_trials t JOIN sweeper_attempts a ON a.trial_id = t.id WHERE t.study_id = :study)",
        {"study": study_id},
    )
    return {sha256: json_value(facts) for sha256, facts in rows}


def runners(connection: ReadConnection, study_id: int) -> tuple[RunnerRow, ...]:
    """Return the launchers and workers of a study; those alive have no end and a recent heartbeat."""
    rows = connection.rows(
        "SELECT id, host, pid, slots, started_at, heartbeat_at, stop_requested, ended_at FROM sweeper_runners"
        " WHERE study_id = :study ORDER BY id",
        {"study": study_id},
    )
    return tuple(
        RunnerRow(
            id=key,
            host=host,
            pid=pid,
            slots=slots,
            started_at=started_at,
            heartbeat_at=heartbeat_at,
            stop_requested=bool(stop),
            ended_at=ended_at,
        )
        for key, host, pid, slots, started_at, heartbeat_at, stop, ended_at in rows
    )


def changes(connection: ReadConnection, study_id: int) -> tuple[tuple[float, tuple[str, ...]], ...]:
    """Return what edited files changed in a study after its first launch: when, and the lines."""
    rows = connection.rows(
        "SELECT changed_at, lines FROM sweeper_changes WHERE study_id = :study ORDER BY id", {"study": study_id}
    )
    return tuple((changed_at, tuple(json_value(lines))) for changed_at, lines in rows)


def _study(row: Row) -> StudyRow:
    values = dict(zip(_STUDY_FIELDS, row, strict=True))
    return StudyRow(**{**values, "spec": json_value(values["spec"])})


def _trial(row: Row) -> TrialRow:
    values = dict(zip(TrialRow.__slots__, row, strict=True))
    decoded = {name: json_value(values[name]) for name in ("configuration", "config", "budget", "result")}
    return TrialRow(**{**values, **decoded})


def is_in_store(store: str, study: str) -> bool:
    """Return whether a study of that name is in the store.

    Raises:
        StoreError: there is a store, but it cannot be read.
    """
    with connect_if_there(store) as connection:
        return connection is not None and any(row.name == study for row in studies(connection))
