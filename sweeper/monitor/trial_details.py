"""Everything that the store knows about one trial. The JSON of `sweeper show --json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sweeper.errors import UsageError
from sweeper.spec.phase import OWN_LENGTH
from sweeper.store.reading import reader
from sweeper.store.reading.directories import run_directory
from sweeper.store.reading.reader import AttemptRow, ReadConnection, StudyRow, TrialRow

SHORTEST_HASH: Final = 6  # hexadecimal digits that may name a configuration
MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDetails:
    """A trial with its attempts.

    Attributes:
        run_dir: of its latest attempt.
        last_values: step and value of the last measurement of each metric.
    """

    study: StudyRow
    trial: TrialRow
    run_dir: Path
    attempts: Sequence[AttemptRow]
    last_values: Mapping[str, tuple[int, float]]


def trial_details(connection: ReadConnection, study: StudyRow, name: str) -> TrialDetails:
    """Return the trial that a name refers to.

    Args:
        name: ``PHASE/NUMBER``, ``NUMBER`` in a study with one phase, or the beginning of a configuration hash that
            only one trial has.

    Raises:
        UsageError: no trial or several trials have this name.
    """
    trial = find_trial(reader.trials(connection, study.id), study.name, name)
    return TrialDetails(
        study=study,
        trial=trial,
        run_dir=run_directory(connection, trial),
        attempts=[each for each in reader.attempts(connection, study.id) if each.trial_id == trial.id],
        last_values=reader.last_values(connection, trial.id),
    )


def find_trial(trials: Sequence[TrialRow], study: str, name: str) -> TrialRow:
    """Return the trial that a name refers to, as `trial_details` does."""
    phases = list(dict.fromkeys(trial.phase for trial in trials))
    phase, _, number = name.rpartition("/")
    phase = phase or (phases[0] if len(phases) == 1 else "")
    found = [trial for trial in trials if trial.phase == phase and str(trial.number) == number]
    if not found and len(name) >= SHORTEST_HASH:
        found = [trial for trial in trials if (trial.configuration_hash or "").startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{trial.phase}/{trial.number}" for trial in found[:MOST_NAMED])
        raise UsageError(
            f"trial {name!r}: {len(found)} trials of {study} have this configuration: {names}. Name one of them."
        )
    ranges = ", ".join(
        f"{phase}/0 to {phase}/{max(trial.number for trial in trials if trial.phase == phase)}" for phase in phases
    )
    raise UsageError(f"trial {name!r}: {study} has no such trial. It has {ranges or 'none yet'}.")


def trial_json(details: TrialDetails) -> dict[str, object]:
    """Return what `sweeper show --json` prints."""
    study, trial = details.study, details.trial
    return {
        "trial": f"{trial.phase}/{trial.number}",
        "state": trial.state,
        "exit_reason": trial.exit_reason,
        "message": trial.message,
        study.metric: trial.value,
        "configuration": dict(trial.configuration or {}),
        "seed": trial.seed,
        "budget": None if OWN_LENGTH.unit in trial.budget else dict(trial.budget),
        "device_seconds": round(trial.device_seconds, 3),
        "configuration_hash": trial.configuration_hash,
        "run_dir": str(details.run_dir),
        "last_values": {name: {"step": step, "value": value} for name, (step, value) in details.last_values.items()},
        "attempts": [_attempt(each) for each in details.attempts],
        "result": trial.result,
        "config": trial.config,
    }


def _attempt(attempt: AttemptRow) -> dict[str, object]:
    return {
        "attempt": attempt.attempt,
        "slot": f"{attempt.host}/{attempt.slot}",
        "device": attempt.device,
        "started_at": _time(attempt.started_at),
        "ended_at": _time(attempt.ended_at),
        "device_seconds": round(attempt.device_seconds, 3),
        "peak_memory_bytes": attempt.peak_memory_bytes,
        "exit_reason": attempt.exit_reason,
        "exit_code": attempt.exit_code,
        "exit_signal": attempt.exit_signal,
        "message": attempt.message,
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
