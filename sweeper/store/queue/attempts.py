"""Attempts whose supervisor was lost, found by their lease or their process: closed, and their trials freed."""

from pathlib import Path

from sqlalchemy import Connection, Engine, case, func, select, update

from sweeper.store import clock
from sweeper.store.queue.transitions import fail, lock_study, requeue
from sweeper.store.records import LOST_LIMIT, Lease, RunningAttempt
from sweeper.store.schema import attempts, phases, studies, trials
from sweeper.store.transactions import Record, reading, writing


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
                run_dir=Path(row.run_dir),
                device_share=row.device_share,
            )
            for row in connection.execute(query)
        )


def release(
    engine: Engine, attempt_id: int, message: str, now: float | None = None, *, device_seconds: float | None = None
) -> bool:
    """Close an attempt whose supervisor is known to be dead, so that its trial can be claimed at once.

    Args:
        device_seconds: of its process, if they are known; else those of the last heartbeat count.

    Returns:
        False if it had already ended, or another attempt has the trial.
    """
    held = (
        select(trials.c.id, trials.c.study_id, trials.c.fence)
        .join(attempts, attempts.c.trial_id == trials.c.id)
        .where(attempts.c.id == attempt_id, attempts.c.ended_at.is_(None))
        .where(trials.c.state == "running", trials.c.fence == attempts.c.number)
    )
    with writing(engine) as connection:
        seen = connection.execute(held).one_or_none()
        if seen is None:
            return False
        lock_study(connection, seen.study_id, "share")
        trial = connection.execute(held.with_for_update(of=trials)).one_or_none()
        if trial is None:
            return False
        close_lost(connection, trial.id, message, device_seconds or 0.0)
        if not fail_if_out_of_attempts(connection, trial, clock.read(connection, now).at):
            requeue(connection, "running", trials.c.id == trial.id, trials.c.fence == trial.fence)
        return True


def close_lost(connection: Connection, trial_id: int, message: str, device_seconds: float = 0.0) -> None:
    """Close the open attempt of a trial as killed. Its end is its last heartbeat, as far as anyone knows.

    Args:
        device_seconds: what its process has used, if that is known to be more than at the last heartbeat.
    """
    recorded = attempts.c.device_seconds
    is_more = recorded < device_seconds
    later_s = (device_seconds - recorded) / attempts.c.device_share
    connection.execute(
        update(attempts)
        .where(attempts.c.trial_id == trial_id, attempts.c.ended_at.is_(None))
        .values(
            ended_at=attempts.c.heartbeat_at + case((is_more, later_s), else_=0.0),
            device_seconds=case((is_more, device_seconds), else_=recorded),
            exit_reason="killed",
            supervisor_lost=True,
            message=message,
        )
    )


def correct(engine: Engine, attempt_id: int, device_seconds: float) -> None:
    """Charge an attempt that was closed as lost what its process used in the end, if that is more than is known.

    It needs no lease: the row is the attempt's own, whoever has the trial by now.
    """
    later_s = (device_seconds - attempts.c.device_seconds) / attempts.c.device_share
    mine = (attempts.c.id == attempt_id, attempts.c.supervisor_lost, attempts.c.device_seconds < device_seconds)
    with writing(engine) as connection:
        connection.execute(
            update(attempts).where(*mine).values(ended_at=attempts.c.ended_at + later_s, device_seconds=device_seconds)
        )


def settle_seconds_before(engine: Engine, lease: Lease) -> float:
    """Record what a trial's earlier attempts cost, and return it: from there its curve goes on.

    When the trial was claimed, the last seconds of one that lost its slot may not have been known.
    """
    earlier = select(func.coalesce(func.sum(attempts.c.device_seconds), 0.0))
    with writing(engine) as connection:
        found = connection.execute(
            earlier.where(attempts.c.trial_id == lease.trial_id, attempts.c.number < lease.fence)
        ).scalar_one()
        mine = attempts.c.id == lease.attempt_id
        connection.execute(update(attempts).where(mine).values(seconds_before=found))
    return float(found)


def fail_if_out_of_attempts(connection: Connection, trial: Record, now: float) -> bool:
    """Fail a trial that lost its supervisor if it may not run again, and return whether it may not.

    Its study was cancelled, or it lost too many supervisors without a new step in between for anything but the trial to
    be the cause.

    Args:
        trial: a locked row with id, study_id and fence; its study is locked as well.
    """
    mine = (trials.c.id == trial.id, trials.c.fence == trial.fence)
    cancelled_at = select(studies.c.cancelled_at).where(studies.c.id == trial.study_id)
    if connection.execute(cancelled_at).scalar_one() is not None:
        message = "its study was cancelled"
        fail(connection, "running", *mine, exit_reason="cancelled", message=message, now=now)
        return True
    last_new = select(func.coalesce(func.max(attempts.c.number), 0)).where(
        attempts.c.trial_id == trial.id, attempts.c.progressed
    )
    lost = connection.execute(
        select(func.count())
        .select_from(attempts)
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(trials.c.id == trial.id, attempts.c.supervisor_lost, attempts.c.number > trials.c.attempts_forgiven)
        .where(attempts.c.number > last_new.scalar_subquery())
    ).scalar_one()
    if lost <= LOST_LIMIT:
        return False
    message = (
        f"{lost} attempts ended together with their supervisors, and none of them reported a new step. "
        "Does the trial crash the machine?"
    )
    fail(connection, "running", *mine, exit_reason="killed", message=message, now=now)
    return True
