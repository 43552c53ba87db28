"""Operations on a study's queue as a whole: retry, cancel, count, and when there is something to do again."""

from sqlalchemy import Engine, func, select, update

from sweeper.store import clock
from sweeper.store.queue.deciding import is_undecided
from sweeper.store.queue.transitions import fail, lock_study, requeue
from sweeper.store.records import TRIAL_STATES, TrialState
from sweeper.store.schema import phases, runners, studies, trials
from sweeper.store.transactions import reading, writing


def retry_failed(engine: Engine, study_id: int, now: float | None = None) -> int:
    """Queue all failed trials again with fresh limits; they resume from their checkpoints.

    A cancelled study resumes.

    Returns:
        How many trials were queued.
    """
    with writing(engine) as connection:
        lock_study(connection, study_id, "change")
        connection.execute(update(studies).where(studies.c.id == study_id).values(cancelled_at=None))
        values = {
            "not_before": clock.read(connection, now).lease,
            "attempts_forgiven": trials.c.attempts,
            "exit_reason": None,
            "message": None,
            "ended_at": None,
        }
        return len(requeue(connection, "failed", trials.c.study_id == study_id, values=values))


def cancel(engine: Engine, study_id: int, now: float | None = None) -> int:
    """End a study early: waiting trials fail as cancelled, and its runners are asked to stop running ones.

    Returns:
        How many trials were waiting.
    """
    with writing(engine) as connection:
        lock_study(connection, study_id, "change")
        at = clock.read(connection, now).at
        connection.execute(update(studies).where(studies.c.id == study_id).values(cancelled_at=at))
        mine = trials.c.study_id == study_id
        message = "cancelled while it was waiting"
        ended = fail(connection, "waiting", mine, exit_reason="cancelled", message=message, now=at)
        connection.execute(
            update(runners)
            .where(runners.c.study_id == study_id, runners.c.ended_at.is_(None))
            .values(stop_requested=True)
        )
        return len(ended)


def counts(engine: Engine, study_id: int) -> dict[TrialState, int]:
    """Return the number of a study's trials in each state, zeros included."""
    query = select(trials.c.state, func.count()).where(trials.c.study_id == study_id).group_by(trials.c.state)
    with reading(engine) as connection:
        found = {str(state): int(number) for state, number in connection.execute(query)}
    return {state: found.get(state, 0) for state in TRIAL_STATES}


def next_due(engine: Engine, study_id: int, now: float | None = None) -> float | None:
    """Return when the queue may next have work for a slot.

    Returns:
        The earliest time at which a trial can be claimed, as far as is known now; the present or earlier means at once,
        even if only to fill in a promotion, or to
        decide on further seeds. None if every trial has ended. A running trial counts with the end of its
        lease.
    """
    has_no_configuration = trials.c.configuration_hash.is_(None)
    kind = (trials.c.state, phases.c.design, has_no_configuration)
    query = (
        select(*kind, func.min(trials.c.not_before), func.min(trials.c.lease_expires_at))
        .join(phases, phases.c.id == trials.c.phase_id)
        .where(trials.c.study_id == study_id, trials.c.state.in_(("waiting", "running")))
        .group_by(*kind)
    )
    due: list[float] = []
    unfilled = False
    with reading(engine) as connection:
        for state, design, is_open, not_before, lease_expires_at in connection.execute(query):
            if state == "running":
                due.append(lease_expires_at)
            elif is_open and design != "sampler":
                unfilled = True
            else:
                due.append(not_before)
        if (not due and unfilled) or is_undecided(connection, study_id):
            return clock.read(connection, now).lease
    return min(due, default=None)
