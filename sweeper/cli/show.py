"""`sweeper show`: one trial, whole."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sweeper.cli.options import json_option, print_json, store_option, study_name
from sweeper.errors import UsageError
from sweeper.store.reading import reader
from sweeper.store.reading.reader import AttemptRow, StudyRow, TrialRow
from sweeper.store.records import run_dir_of


@click.command()
@click.argument("study")
@click.argument("trial")
@store_option
@json_option
def show(study: str, trial: str, store: str, as_json: bool) -> None:
    """Show one TRIAL of STUDY: configuration, attempts and results.

    TRIAL is PHASE/NUMBER, e.g. screen/3; NUMBER alone where the study has one phase; or the beginning of a
    configuration's hash, if one trial has it.
    """
    name = study_name(study)

    with reader.connect(store) as connection:
        row = reader.study(connection, name)
        found = _find(reader.trials(connection, row.id), name, trial)
        attempts = [each for each in reader.attempts(connection, row.id) if each.trial_id == found.id]
        last = reader.last_values(connection, found.id)
    document = _document(row, found, attempts, last)
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(_lines(_without_doubles(document), 0)))


def _find(trials: Sequence[TrialRow], study: str, wanted: str) -> TrialRow:
    phases = list(dict.fromkeys(trial.phase for trial in trials))
    phase, _, number = wanted.rpartition("/")
    phase = phase or (phases[0] if len(phases) == 1 else "")
    found = [trial for trial in trials if trial.phase == phase and str(trial.number) == number]
    if not found and len(wanted) >= 6:
        found = [trial for trial in trials if (trial.configuration_hash or "").startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{trial.phase}/{trial.number}" for trial in found[:10])
        raise UsageError(
            f"trial {wanted!r}: {len(found)} trials of {study} have that configuration: {names}. Name one."
        )
    ranges = ", ".join(
        f"{name}/0 to {name}/{max(trial.number for trial in trials if trial.phase == name)}" for name in phases
    )
    raise UsageError(f"trial {wanted!r}: {study} has no such trial. It has {ranges or 'none yet'}.")


def _document(
    study: StudyRow, trial: TrialRow, attempts: Sequence[AttemptRow], last: Mapping[str, tuple[int, float]]
) -> dict[str, Any]:

    return {
        "trial": f"{trial.phase}/{trial.number}",
        "state": trial.state,
        "exit_reason": trial.exit_reason,
        "message": trial.message,
        study.metric: trial.value,
        "configuration": dict(trial.configuration or {}),
        "seed": trial.seed,
        "budget": dict(trial.budget),
        "device_seconds": round(trial.device_seconds, 3),
        "configuration_hash": trial.configuration_hash,
        "run_dir": str(run_dir_of(Path(study.runs_dir) / study.name, trial.phase, trial.number)),
        "last_values": {name: {"step": step, "value": value} for name, (step, value) in last.items()},
        "attempts": [_attempt(each) for each in attempts],
        "result": trial.result,
        "config": trial.config,
    }


def _without_doubles(document: Mapping[str, Any]) -> dict[str, Any]:
    """A result that repeats the trial's config does so in JSON alone: people read it once."""
    result = document["result"]
    if not isinstance(result, dict):
        return dict(document)
    return {**document, "result": {key: value for key, value in result.items() if key != "config"}}


def _attempt(attempt: AttemptRow) -> dict[str, Any]:
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


def _lines(value: Any, depth: int) -> list[str]:
    """A document as indented lines; what is absent is left out."""
    indent = "  " * depth
    lines: list[str] = []
    items = value.items() if isinstance(value, dict) else [("-", item) for item in value]
    for key, item in items:
        if item is None or item in ({}, []):
            continue
        head = f"{indent}{key}" if key == "-" else f"{indent}{key}:"
        if isinstance(item, dict) or (isinstance(item, list) and any(isinstance(each, dict) for each in item)):
            lines += [head, *_lines(item, depth + 1)]
        else:
            words = str(item).lower() if isinstance(item, bool) else str(item)
            first, *rest = words.splitlines() or [""]
            lines += [f"{head} {first}", *(f"{indent}    {line}" for line in rest)]
    return lines
