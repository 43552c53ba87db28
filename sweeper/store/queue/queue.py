"""The queue as supervisors use it: who runs which trial. Each function is one short transaction.

Time comes in as `now`, in epoch seconds. What a supervisor writes is fenced: the trial must still be running under
the fence of its claim. So an attempt that was taken for dead, and was not, cannot write into the one after it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select, update
from sqlalchemy.exc import IntegrityError

from sweeper.store import optuna_mirror
from sweeper.store.queue.attempts import FREED, abandoned, release
from sweeper.store.queue.claiming import claim
from sweeper.store.queue.control import cancel, counts, next_due, retry_failed
from sweeper.store.queue.runners import (
    beat_runner,
    end_runner,
    last_beat,
    register_runner,
    request_stop,
    stop_requested,
)
from sweeper.store.records import (
    LONGEST_BACK_OFF_S,
    RETRIED,
    RETURNED,
    BudgetTooSmall,
    Claim,
    LeaseLost,
    Measurement,
    Outcome,
    SlotIdentity,
    plain,
    storable,
)
from sweeper.store.schema import attempts, phases, studies, trials
from sweeper.store.transactions import reading, writing

__all__ = [
    "BudgetTooSmall",
    "Claim",
    "LeaseLost",
    "Measurement",
    "Outcome",
    "SlotIdentity",
    "abandoned",
    "beat_runner",
    "cancel",
    "claim",
    "counts",
    "end_runner",
    "finish",
    "last_beat",
    "next_due",
    "record_process",
    "register_runner",
    "release",
    "renew",
    "request_stop",
    "retry_failed",
    "set_configuration",
    "stop_requested",
    "used_seeds",
]

BACK_OFF_S: Final = 1.0  # before a trial runs again that crashed or ran out of memory; doubles with each time
BACKS_OFF: Final = ("crashed", "out_of_memory")


def record_process(engine: Engine, claim: Claim, pid: int, pid_started_at: float) -> None:
    """Notes the trial's process, so that others may end it should its supervisor die.

    Raises:
        LeaseLost: the trial is another attempt's.
    """
    with writing(engine) as connection:
        _fenced(connection, claim)
        connection.execute(
            update(attempts).where(attempts.c.id == claim.attempt_id).values(pid=pid, pid_started_at=pid_started_at)
        )


def renew(
    engine: Engine,
    claim: Claim,
    *,
    lease_s: float,
    now: float,
    device_seconds: float,
    peak_memory_bytes: int | None = None,
) -> bool:
    """Extends the lease and notes what the attempt has cost since its start; false if the trial is another's."""
    with writing(engine) as connection:
        renewed = connection.execute(update(trials).where(*_fence(claim)).values(lease_expires_at=now + lease_s))
        if renewed.rowcount != 1:
            return False
        connection.execute(
            update(attempts)
            .where(attempts.c.id == claim.attempt_id)
            .values(heartbeat_at=now, device_seconds=device_seconds, peak_memory_bytes=peak_memory_bytes)
        )
        return True


def set_configuration(  # noqa: PLR0917 - what defines a trial, in the order of everywhere else
    engine: Engine,
    claim: Claim,
    configuration: Mapping[str, object],
    config: Mapping[str, object],
    configuration_hash: str,
    seed: int,
) -> bool:
    """Gives a claimed trial of a sampler the configuration drawn for it.

    Returns:
        False: the study has that configuration with that seed and budget already; take a seed not in `used_seeds`.

    Raises:
        LeaseLost: the trial is another attempt's.
    """
    values = {
        "configuration": dict(configuration),
        "config": dict(config),
        "configuration_hash": configuration_hash,
        "seed": seed,
    }
    try:
        with writing(engine) as connection:
            _fenced(connection, claim)
            connection.execute(update(trials).where(trials.c.id == claim.trial_id).values(values))
            phase = connection.execute(select(phases).where(phases.c.id == claim.phase_id)).one()
            distributions = optuna_mirror.widened(phase.distributions, [configuration])
            if distributions != phase.distributions:
                connection.execute(
                    update(phases).where(phases.c.id == claim.phase_id).values(distributions=distributions)
                )
                optuna_mirror.set_distributions(connection, phase.optuna_study_id, distributions)
            optuna_mirror.set_params(connection, claim.optuna_trial_id, configuration, distributions)
            attributes = {"configuration_hash": configuration_hash, "seed": seed}
            optuna_mirror.set_attributes(connection, claim.optuna_trial_id, attributes)
    except IntegrityError:
        return False
    return True


def used_seeds(engine: Engine, claim: Claim, configuration_hash: str) -> frozenset[int]:
    """The seeds that a configuration has at the claim's budget, in the whole study."""
    mine = select(trials.c.budget_key).where(trials.c.id == claim.trial_id).scalar_subquery()
    query = select(trials.c.seed).where(
        trials.c.study_id == claim.study_id,
        trials.c.configuration_hash == configuration_hash,
        trials.c.budget_key == mine,
    )
    with reading(engine) as connection:
        return frozenset(connection.execute(query).scalars())


def finish(engine: Engine, claim: Claim, outcome: Outcome, *, retry: Mapping[str, int], now: float) -> str:
    """Closes the attempt and decides what becomes of the trial.

    Completed and pruned trials have ended. Those that were preempted or stopped by the budget wait again. The others
    wait again while attempts of that kind are within the limit, else they failed for good.

    Args:
        retry: how many times a trial may run again, by exit reason; one not named may not.

    Returns:
        The trial's new state: completed, pruned, failed or waiting.

    Raises:
        LeaseLost: the trial is another attempt's; nothing was written.
        ValueError: a completed trial without a value of the study's metric.
    """
    value = _number(outcome.value)
    outcome = replace(outcome, message=None if outcome.message is None else storable(outcome.message))
    if outcome.exit_reason == "completed" and value is None:
        raise ValueError(f"a completed trial has a value of {claim.metric}, but got {outcome.value!r}")
    with writing(engine) as connection:
        trial = _fenced(connection, claim)
        _close(connection, claim, outcome, now)
        state, exit_reason, not_before = _next_state(connection, claim, outcome, retry, now)
        values: dict[str, object] = {
            **FREED,
            "state": state,
            "exit_reason": exit_reason,
            "message": outcome.message,
            "not_before": not_before,
            "ended_at": None if state == "waiting" else now,
        }
        if value is not None:
            values["value"] = value
        if outcome.result is not None:
            values["result"] = plain(outcome.result)
        connection.execute(update(trials).where(trials.c.id == claim.trial_id).values(values))
        if state == "waiting":
            optuna_mirror.requeue(connection, [trial.optuna_trial_id])
        else:
            optuna_mirror.end(
                connection,
                trial.optuna_trial_id,
                state,
                value=value,
                exit_reason=exit_reason,
                started_at=trial.started_at,
                ended_at=now,
            )
        return state


def _fence(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return trials.c.id == claim.trial_id, trials.c.fence == claim.fence, trials.c.state == "running"


def _fenced(connection: Connection, claim: Claim) -> Row[*tuple[Any, ...]]:
    row = connection.execute(select(trials).where(*_fence(claim)).with_for_update()).one_or_none()
    if row is None:
        raise LeaseLost(f"trial {claim.phase}/{claim.number}: attempt {claim.attempt} lost its lease")
    return row


def _close(connection: Connection, claim: Claim, outcome: Outcome, now: float) -> None:
    connection.execute(
        update(attempts)
        .where(attempts.c.id == claim.attempt_id)
        .values(
            ended_at=now,
            heartbeat_at=now,
            device_seconds=outcome.device_seconds,
            peak_memory_bytes=outcome.peak_memory_bytes,
            exit_reason=outcome.exit_reason,
            exit_code=outcome.exit_code,
            exit_signal=outcome.exit_signal,
            message=outcome.message,
        )
    )


def _next_state(
    connection: Connection, claim: Claim, outcome: Outcome, retry: Mapping[str, int], now: float
) -> tuple[str, str, float]:
    """The trial's state after an attempt, its exit reason, and the time before which it must not be claimed."""
    reason = outcome.exit_reason
    if reason in ("completed", "pruned"):
        return reason, reason, now
    ended = select(studies.c.cancelled_at).where(studies.c.id == claim.study_id)
    if reason == "cancelled" or (reason in RETURNED and connection.execute(ended).scalar_one() is not None):
        return "failed", "cancelled", now
    if reason in RETURNED:
        return "waiting", reason, now
    assert reason in RETRIED
    times = connection.execute(
        select(func.count())
        .select_from(attempts)
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(trials.c.id == claim.trial_id, attempts.c.exit_reason == reason, ~attempts.c.supervisor_lost)
        .where(attempts.c.number > trials.c.attempts_forgiven)
    ).scalar_one()
    if times > retry.get(reason, 0) or connection.execute(ended).scalar_one() is not None:
        return "failed", reason, now
    wait_s = min(LONGEST_BACK_OFF_S, BACK_OFF_S * 2 ** (times - 1)) if reason in BACKS_OFF else 0.0
    return "waiting", reason, now + wait_s


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else value  # noqa: PLR0124 - not a number
