"""The end of an attempt: it is closed, and its trial ends, waits to run again, or fails.

Every write of a supervisor is fenced: its trial must still be running under the fence of its lease. So an attempt that
was wrongly taken for dead cannot write into the next one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, func, select, update

from sweeper.store import clock, optuna_mirror
from sweeper.store.queue.ingest import Portion, add
from sweeper.store.queue.transitions import lock_study, move
from sweeper.store.records import (
    LONGEST_BACK_OFF_S,
    RETRIED,
    RETURNED,
    ExitReason,
    Lease,
    LeaseLost,
    Outcome,
    TrialState,
    plain,
    storable,
)
from sweeper.store.schema import attempts, studies, trials
from sweeper.store.transactions import writing

BACK_OFF_S: Final = 1.0  # before a trial that crashed or ran out of memory runs again; doubles each time
ALIKE_FACTOR: Final = 8  # of that time, after two attempts that failed alike within
QUICK_S: Final = 5.0
ENDED: Final = ("completed", "pruned")  # whatever else the trial's attempts did
BACKS_OFF: Final = ("crashed", "out_of_memory")

_TOLD: Final = ("device_seconds", "peak_memory_bytes", "exit_reason", "exit_code", "exit_signal", "message")
_ENERGY: Final = ("cpu_joules", "gpu_joules")
_CLOSE: Final = (
    update(attempts)
    .where(attempts.c.id == bindparam("attempt"))
    .values({name: bindparam(name) for name in ("ended_at", "heartbeat_at", *_TOLD, *_ENERGY)})
)


def fence(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a lease may still write: nobody else has claimed its trial since."""
    return trials.c.id == lease.trial_id, trials.c.fence == lease.fence, trials.c.state == "running"


def fenced_trial(connection: Connection, lease: Lease) -> None:
    """Lock the trial of a lease.

    Raises:
        LeaseLost: another attempt has the trial.
    """
    query = select(trials.c.id).where(*fence(lease)).with_for_update()
    if connection.execute(query).one_or_none() is None:
        raise lost(lease)


def lost(lease: Lease) -> LeaseLost:
    """Return what a supervisor is told whose trial another attempt has."""
    return LeaseLost(f"trial {lease.phase}/{lease.number}: attempt {lease.attempt} lost its lease")


def finish(
    engine: Engine,
    lease: Lease,
    outcome: Outcome,
    *,
    retry: Mapping[str, int],
    last: Portion | None = None,
    now: float | None = None,
) -> TrialState:
    """Close the attempt and decide what happens to the trial; if it is closed like that already, do nothing.

    Completed and pruned trials have ended. Trials that were preempted or stopped by the budget wait again. Others wait
    again while attempts of that kind are within the limit; then they fail for good.

    Args:
        retry: how often a trial may run again, by exit reason; never for a reason that is not in it.
        last: what the attempt reported and is not in the store yet.

    Returns:
        The trial's new state: completed, pruned, failed or waiting.

    Raises:
        LeaseLost: another attempt has the trial; nothing was written.
        ValueError: a completed trial without a value of the study's metric.
    """
    value = _number(outcome.value)
    outcome = replace(outcome, message=None if outcome.message is None else storable(outcome.message))
    if outcome.exit_reason == "completed" and value is None:
        raise ValueError(f"a completed trial must have a value of {lease.metric}, but got {outcome.value!r}")
    with writing(engine) as connection:
        is_certain = outcome.exit_reason in ENDED
        if not is_certain:  # it depends on the trial's other attempts, and on the study
            lock_study(connection, lease.study_id, "share")
            try:
                fenced_trial(connection, lease)
            except LeaseLost:
                if (known := _closed_alike(connection, lease, outcome)) is not None:
                    return known
                raise
        moment = clock.read(connection, now)
        state, exit_reason, not_before = _next_state(connection, lease, outcome, retry, moment.lease)
        values = {
            "exit_reason": exit_reason,
            "message": outcome.message,
            "not_before": not_before,
            "ended_at": None if state == "waiting" else moment.at,
            # What an earlier attempt reported may have become void.
            **({} if value is None and outcome.exit_reason in RETURNED else {"value": value}),
            **({} if outcome.result is None else {"result": plain(outcome.result)}),
        }
        held = last is None or add(connection, lease, last, now)
        ended = move(connection, "running", state, (lease.trial_id, lease.fence), values) if held else None
        if ended is None:
            if (known := _closed_alike(connection, lease, outcome)) is not None:
                return known
            raise lost(lease)
        _close(connection, lease, outcome, moment.at)
        if state == "waiting":
            optuna_mirror.requeue(connection, [lease.optuna_trial_id])
        else:
            optuna_mirror.end(
                connection,
                lease.optuna_trial_id,
                state,
                value=value,
                exit_reason=exit_reason,
                attempts=lease.attempt,
                started_at=ended.started_at,
                ended_at=moment.at,
            )
        return state


def _closed_alike(connection: Connection, lease: Lease, outcome: Outcome) -> TrialState | None:
    """Return the trial's state if this outcome is in the store already: its acknowledgement was lost."""
    value = _number(outcome.value)
    query = (
        select(trials.c.state)
        .join(attempts, attempts.c.trial_id == trials.c.id)
        .where(attempts.c.id == lease.attempt_id, attempts.c.exit_reason == outcome.exit_reason)
        .where(attempts.c.device_seconds == outcome.device_seconds, ~attempts.c.supervisor_lost)
        .where(attempts.c.ended_at.is_not(None))
    )
    if outcome.exit_reason in ENDED:  # no later attempt has given the trial another value
        query = query.where(trials.c.value.is_(None) if value is None else trials.c.value == value)
    return connection.execute(query).scalar_one_or_none()


def _close(connection: Connection, lease: Lease, outcome: Outcome, now: float) -> None:
    told = {name: getattr(outcome, name) for name in _TOLD}
    told |= {name: getattr(outcome.energy, name) for name in _ENERGY}
    connection.execute(_CLOSE, {"attempt": lease.attempt_id, "ended_at": now, "heartbeat_at": now, **told})


def _next_state(
    connection: Connection, lease: Lease, outcome: Outcome, retry: Mapping[str, int], now: float
) -> tuple[TrialState, ExitReason, float]:
    """Return the trial's state after an attempt, its exit reason, and when it can be claimed again."""
    reason = outcome.exit_reason
    if reason in ENDED:
        return reason, reason, now
    ended = select(studies.c.cancelled_at).where(studies.c.id == lease.study_id)
    if reason == "cancelled" or (reason in RETURNED and connection.execute(ended).scalar_one() is not None):
        return "failed", "cancelled", now
    if reason in RETURNED:
        return "waiting", reason, now + outcome.wait_s
    assert reason in RETRIED
    times = (
        1
        + connection.execute(
            select(func.count())
            .select_from(attempts)
            .join(trials, trials.c.id == attempts.c.trial_id)
            .where(trials.c.id == lease.trial_id, attempts.c.exit_reason == reason, ~attempts.c.supervisor_lost)
            .where(attempts.c.number > trials.c.attempts_forgiven)
        ).scalar_one()
    )
    if outcome.is_final or times > retry.get(reason, 0) or connection.execute(ended).scalar_one() is not None:
        return "failed", reason, now
    wait_s = BACK_OFF_S * 2 ** (times - 1) if reason in BACKS_OFF else 0.0
    if wait_s and _fails_alike(connection, lease, outcome):
        wait_s *= ALIKE_FACTOR
    return "waiting", reason, now + min(LONGEST_BACK_OFF_S, wait_s)


def _fails_alike(connection: Connection, lease: Lease, outcome: Outcome) -> bool:
    """Return whether an attempt failed at once, as the one before it did: another one would hardly do better now."""
    if outcome.device_seconds >= QUICK_S:
        return False
    before = select(attempts.c.message, attempts.c.device_seconds, attempts.c.exit_reason).where(
        attempts.c.trial_id == lease.trial_id, attempts.c.number == lease.fence - 1
    )
    last = connection.execute(before).one_or_none()
    return (
        last is not None
        and last.device_seconds < QUICK_S
        and (last.message, last.exit_reason) == (outcome.message, outcome.exit_reason)
    )


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN
