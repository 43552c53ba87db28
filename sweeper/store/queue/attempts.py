"""Attempts whose supervisor was lost, found by their lease or their process: closed, and their trials freed."""

from typing import Final

from sqlalchemy import Connection, Engine, func, select, update

from sweeper.store import optuna_mirror
from sweeper.store.records import LOST_LIMIT, ExitReason, RunningAttempt
from sweeper.store.schema import attempts, phases, studies, trials
from sweeper.store.transactions import Record, reading, writing

FREED: Final = {"state": "waiting", "lease_owner": None, "lease_expires_at": None}


def abandoned(engine: Engine, study_id: int, machine: str) -> tuple[RunningAttempt, ...]:
    """Return the running attempts of a machine.

    A caller that finds a supervisor dead ends what is left of its trial and releases the trial.
    """
    query = (
        select(attempts, phases.c.name.label("phase"), trials.c.number.label("trial_number"))
        .join(trials, trials.c.id == attempts.c.trial_id)
        .join(phases, phases.c.id == trials.c.phase_id)
        .where(trials.c.study_id == study_id, trials.c.state == "running", attempts.c.number == trials.c.fence)
        .where(attempts.c.machine == machine, attempts.c.ended_at.is_(None))
        .order_by(attempts.c.id)
    )
    with reading(engine) as connection:
        return tuple(
            RunningAttempt(
                attempt_id=row.id,
                trial_id=row.trial_id,
                phase=row.phase,
                number=row.trial_number,
                slot=row.slot,
                supervisor_pid=row.supervisor_pid,
                supervisor_started_at=row.supervisor_started_at,
                pid=row.pid,
                pid_started_at=row.pid_started_at,
            )
            for row in connection.execute(query)
        )


def release(engine: Engine, attempt_id: int, message: str, now: float) -> bool:
    """Close an attempt whose supervisor is known to be dead, so that its trial can be claimed at once.

    Returns:
        False if it had already ended, or another attempt has the trial.
    """
    with writing(engine) as connection:
        row = connection.execute(
            select(trials.c.id, trials.c.optuna_trial_id, trials.c.study_id, trials.c.started_at)
            .join(attempts, attempts.c.trial_id == trials.c.id)
            .where(attempts.c.id == attempt_id, attempts.c.ended_at.is_(None))
            .where(trials.c.state == "running", trials.c.fence == attempts.c.number)
        ).one_or_none()
        if row is None:
            return False
        close_lost(connection, row.id, message)
        if fail_if_out_of_attempts(connection, row, now):
            return True
        connection.execute(update(trials).where(trials.c.id == row.id).values(FREED))
        optuna_mirror.requeue(connection, [row.optuna_trial_id])
        return True


def close_lost(connection: Connection, trial_id: int, message: str) -> None:
    """Close the open attempt of a trial as killed. Its end is its last heartbeat, as far as anyone knows."""
    connection.execute(
        update(attempts)
        .where(attempts.c.trial_id == trial_id, attempts.c.ended_at.is_(None))
        .values(ended_at=attempts.c.heartbeat_at, exit_reason="killed", supervisor_lost=True, message=message)
    )


def fail_if_out_of_attempts(connection: Connection, trial: Record, now: float) -> bool:
    """Fail a trial that lost its supervisor if it may not run again, and return whether it may not.

    Its study was cancelled, or it lost too many supervisors for anything but the trial to be the cause.

    Args:
        trial: a row with id, study_id, optuna_trial_id and started_at.
    """
    cancelled_at = select(studies.c.cancelled_at).where(studies.c.id == trial.study_id)
    if connection.execute(cancelled_at).scalar_one() is not None:
        fail(connection, trial, exit_reason="cancelled", message="its study was cancelled", now=now)
        return True
    lost = connection.execute(
        select(func.count())
        .select_from(attempts)
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(trials.c.id == trial.id, attempts.c.supervisor_lost, attempts.c.number > trials.c.attempts_forgiven)
    ).scalar_one()
    if lost <= LOST_LIMIT:
        return False
    message = f"{lost} attempts ended together with their supervisors. Does the trial crash the machine?"
    fail(connection, trial, exit_reason="killed", message=message, now=now)
    return True


def fail(connection: Connection, trial: Record, *, exit_reason: ExitReason, message: str | None, now: float) -> None:
    """End a trial as failed, in our tables and Optuna's. `trial` has id, optuna_trial_id and started_at."""
    values = {**FREED, "state": "failed", "exit_reason": exit_reason, "message": message, "ended_at": now}
    connection.execute(update(trials).where(trials.c.id == trial.id).values(values))
    optuna_mirror.end(
        connection,
        trial.optuna_trial_id,
        "failed",
        value=None,
        exit_reason=exit_reason,
        started_at=trial.started_at,
        ended_at=now,
    )
