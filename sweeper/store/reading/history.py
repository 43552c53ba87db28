"""Runs that ended, of all studies of a store, as predictions want them. It reads only, and makes no store."""

import json
from collections.abc import Mapping
from typing import Any

from sweeper.forecast.trial_seconds import PastRun
from sweeper.store.reading import reader


def past_runs(store: str, program: object) -> tuple[PastRun, ...]:
    """The completed and pruned trials of a program, whatever study they belong to.

    A store that is not there yet has none.

    Raises:
        StoreError: there is a store, but it cannot be read.
    """
    same = json.dumps(program, sort_keys=True)
    found: list[PastRun] = []
    with reader.connect_if_there(store) as connection:
        if connection is None:
            return ()
        for study in reader.studies(connection):
            if json.dumps(study.spec["trial"]["program"], sort_keys=True) == same:
                found += _runs_of(connection, study)
    return tuple(found)


def _runs_of(connection: reader.ReadConnection, study: reader.StudyRow) -> list[PastRun]:
    devices = {attempt.trial_id: _kind(attempt.device) for attempt in reader.attempts(connection, study.id)}
    return [
        _run(study, trial, devices[trial.id])
        for trial in reader.trials(connection, study.id)
        if trial.state in ("completed", "pruned") and trial.device_seconds > 0 and trial.id in devices
    ]


def _run(study: reader.StudyRow, trial: reader.TrialRow, device: str) -> PastRun:
    program: Any = study.spec["trial"]["program"]
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
