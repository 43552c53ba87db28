"""Runs that ended, of all studies of a store, as predictions want them. It reads only, and makes no store."""

from collections.abc import Mapping
from typing import Any

from sweeper.forecast.trial_seconds import PastRun
from sweeper.spec.json_form import program_from_json
from sweeper.spec.program import Program
from sweeper.store.reading import reader


def past_runs(store: str, program: Program) -> tuple[PastRun, ...]:
    """The completed and pruned trials of a program, whatever study they belong to.

    A store that is not there yet has none.

    Raises:
        StoreError: there is a store, but it cannot be read.
    """
    found: list[PastRun] = []
    with reader.connect_if_there(store) as connection:
        if connection is None:
            return ()
        for study in reader.studies(connection):
            if program_from_json(study.spec["trial"]["program"]) == program:
                found += _runs_of(connection, study, program)
    return tuple(found)


def _runs_of(connection: reader.ReadConnection, study: reader.StudyRow, program: Program) -> list[PastRun]:
    devices = {attempt.trial_id: _kind(attempt.device) for attempt in reader.attempts(connection, study.id)}
    return [
        _run(study, trial, program, devices[trial.id])
        for trial in reader.trials(connection, study.id)
        if trial.state in ("completed", "pruned") and trial.device_seconds > 0 and trial.id in devices
    ]


def _run(study: reader.StudyRow, trial: reader.TrialRow, program: Program, device: str) -> PastRun:
    config: Mapping[str, Any] = trial.config or {}
    return PastRun(
        study=study.name,
        program=program,
        config=config,
        configuration_hash=trial.configuration_hash,
        budget=trial.budget,
        step=trial.step,
        completed=trial.state == "completed",
        device=device,
        device_seconds=trial.device_seconds,
    )


def _kind(device: str) -> str:
    return "cuda" if device.startswith("cuda") else "cpu"
