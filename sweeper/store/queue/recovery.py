"""Leases found again: of a dead supervisor, with the program that it ran, and of a claim whose answer was lost."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine, select

from sweeper.spec.json_form import from_json
from sweeper.spec.program import Program
from sweeper.store.queue import claim_queries as queries
from sweeper.store.queue.claiming import lease_on, past_attempts
from sweeper.store.records import Lease
from sweeper.store.schema import attempts, phases, studies, trials
from sweeper.store.transactions import reading


def claimed(engine: Engine, token: str) -> Lease | None:
    """Return the lease that a claim obtained although its answer was lost; None if it obtained none."""
    with reading(engine) as connection:
        attempt_id = connection.execute(select(attempts.c.id).where(attempts.c.token == token)).scalar_one_or_none()
    return None if attempt_id is None else lease_of(engine, attempt_id)


def lease_of(engine: Engine, attempt_id: int) -> Lease | None:
    """Return the lease of an attempt; None if it has ended, or another attempt has the trial."""
    query = (
        select(trials, phases.c.name.label("phase"), attempts.c.run_dir, attempts.c.token)
        .join(phases, phases.c.id == trials.c.phase_id)
        .join(attempts, attempts.c.trial_id == trials.c.id)
        .where(attempts.c.id == attempt_id, attempts.c.ended_at.is_(None))
        .where(trials.c.state == "running", trials.c.fence == attempts.c.number)
    )
    with reading(engine) as connection:
        trial = connection.execute(query).one_or_none()
        if trial is None:
            return None
        study = connection.execute(queries.STUDY, {"study": trial.study_id}).one()
        past = past_attempts(connection, trial.id, trial.fence)
    lease = lease_on(study, trial, (attempt_id, trial.token or ""), Path(trial.run_dir), past)
    return replace(lease, fence=trial.fence, attempt=trial.attempts)


def program_of(engine: Engine, study_id: int) -> Program:
    """Return the program of a study's trials."""
    with reading(engine) as connection:
        study = connection.execute(select(studies).where(studies.c.id == study_id)).one()
    return from_json(study.spec, source=study.source, path=Path(study.source_path)).trial.program
