"""Past runs of all studies in a store, for predictions. Reads only, and creates no store."""

from sweeper.forecast.trial_seconds import PastRun
from sweeper.spec.program import Program
from sweeper.store.reading import reader


def past_runs(store: str, program: Program) -> tuple[PastRun, ...]:
    """Return the completed and pruned trials of a program in any study; none if there is no store yet.

    Raises:
        StoreError: the store cannot be read.
    """
    found: list[PastRun] = []
    with reader.connect_if_there(store) as connection:
        if connection is None:
            return ()
        for study in reader.studies(connection):
            if study.study.trial.program == program:
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
    return PastRun(
        study=study.name,
        program=program,
        config=trial.config or {},
        configuration_hash=trial.configuration_hash,
        budget=trial.budget,
        step=trial.step,
        completed=trial.state == "completed",
        device=device,
        device_seconds=trial.device_seconds,
    )


def _kind(device: str) -> str:
    return "cuda" if device.startswith("cuda") else "cpu"
