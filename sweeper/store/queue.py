"""The queue as supervisors use it: who runs which trial. Each function is one short transaction.

Time comes in as `now`, in epoch seconds. What a supervisor writes is fenced: the trial must still be running under
the fence of its claim. So an attempt that was taken for dead, and was not, cannot write into the one after it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sweeper.store import optuna_mirror
from sweeper.store.attempts import FREED, abandoned, close_lost, fail_if_hopeless, release
from sweeper.store.control import cancel, counts, next_due, retry_failed
from sweeper.store.records import RETRIED, RETURNED, Claim, LeaseLost, Measurement, Outcome, SlotIdentity, plain
from sweeper.store.runners import beat_runner, end_runner, register_runner, request_stop, stop_requested
from sweeper.store.schema import attempts, environments, phases, studies, trials
from sweeper.store.transactions import reading, upsert, writing

__all__ = [
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
LONGEST_BACK_OFF_S: Final = 30.0
BACKS_OFF: Final = ("crashed", "out_of_memory")


def claim(
    engine: Engine,
    study_id: int,
    slot: SlotIdentity,
    *,
    lease_s: float,
    now: float,
    environment: Mapping[str, object] | None = None,
) -> Claim | None:
    """Takes the next trial and opens an attempt of it; None if there is nothing to take at the moment.

    First come trials whose lease ran out: their old attempt is closed as killed, and the same trial goes on. Then
    what waits, by phase and number. Trials of a promotion that is not filled in yet are not there to take.

    Args:
        lease_s: the trial can be claimed by others once this much time passes without `renew`.
        environment: facts about the software and the machine, stored once however many attempts share them.
    """
    with writing(engine) as connection:
        study = connection.execute(select(studies).where(studies.c.id == study_id)).one()
        trial = _with_lost_lease(connection, study_id, now) or _next_waiting(connection, study_id, now)
        if trial is None or not _take(connection, trial, slot, now + lease_s, now):
            return None
        attempt_id = _open_attempt(connection, trial, slot, now, environment)
        optuna_mirror.start(
            connection, trial.optuna_trial_id, started_at=trial.started_at or now, attempt=trial.attempts + 1
        )
        return _claim(study, trial, attempt_id)


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


def _candidates() -> Select[Any]:
    columns = (trials, phases.c.name.label("phase"), phases.c.design)
    return select(*columns).join(phases, phases.c.id == trials.c.phase_id)


def _with_lost_lease(connection: Connection, study_id: int, now: float) -> Row[*tuple[Any, ...]] | None:
    query = (
        _candidates()
        .where(trials.c.study_id == study_id, trials.c.state == "running", trials.c.lease_expires_at <= now)
        .order_by(trials.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=trials)
    )
    while (trial := connection.execute(query).one_or_none()) is not None:
        message = f"the supervisor {trial.lease_owner} let its lease run out: it died, hung or lost the store"
        close_lost(connection, trial.id, message)
        if not fail_if_hopeless(connection, trial, now):
            return trial
    return None


def _next_waiting(connection: Connection, study_id: int, now: float) -> Row[*tuple[Any, ...]] | None:
    """The next of the first phase that has one; a phase at a time, so that the index gives it without sorting."""
    order = select(phases.c.id, phases.c.design).where(phases.c.study_id == study_id).order_by(phases.c.position)
    for phase_id, design in connection.execute(order).all():
        query = _candidates().where(
            trials.c.phase_id == phase_id, trials.c.state == "waiting", trials.c.not_before <= now
        )
        if design != "sampler":
            query = query.where(trials.c.configuration_hash.is_not(None))
        query = query.order_by(trials.c.number).limit(1).with_for_update(skip_locked=True, of=trials)
        trial = connection.execute(query).one_or_none()
        if trial is not None:
            return trial
    return None


def _take(
    connection: Connection, trial: Row[*tuple[Any, ...]], slot: SlotIdentity, lease_expires_at: float, now: float
) -> bool:
    taken = connection.execute(
        update(trials)
        .where(trials.c.id == trial.id, trials.c.state == trial.state, trials.c.fence == trial.fence)
        .values(
            state="running",
            fence=trial.fence + 1,
            attempts=trial.attempts + 1,
            lease_owner=f"{slot.host}/{slot.slot}",
            lease_expires_at=lease_expires_at,
            started_at=now if trial.started_at is None else trial.started_at,
            exit_reason=None,
            message=None,
        )
    )
    return taken.rowcount == 1


def _open_attempt(
    connection: Connection,
    trial: Row[*tuple[Any, ...]],
    slot: SlotIdentity,
    now: float,
    environment: Mapping[str, object] | None,
) -> int:
    sha256 = None
    if environment is not None:
        facts = json.dumps(plain(environment), sort_keys=True)
        sha256 = hashlib.sha256(facts.encode()).hexdigest()
        row = {"sha256": sha256, "facts": json.loads(facts)}
        upsert(connection, environments, [row], keys=("sha256",), update=())
    values = {
        "trial_id": trial.id,
        "number": trial.fence + 1,
        "host": slot.host,
        "slot": slot.slot,
        "device": slot.device,
        "device_share": slot.device_share,
        "supervisor_pid": slot.supervisor_pid,
        "supervisor_started_at": slot.supervisor_started_at,
        "environment_sha256": sha256,
        "started_at": now,
        "heartbeat_at": now,
    }
    key = connection.execute(insert(attempts).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _claim(study: Row[*tuple[Any, ...]], trial: Row[*tuple[Any, ...]], attempt_id: int) -> Claim:
    return Claim(
        trial_id=trial.id,
        attempt_id=attempt_id,
        study_id=study.id,
        study=study.name,
        metric=study.metric,
        direction=study.direction,
        phase_id=trial.phase_id,
        phase=trial.phase,
        design=trial.design,
        number=trial.number,
        fence=trial.fence + 1,
        attempt=trial.attempts + 1,
        configuration=trial.configuration,
        config=trial.config,
        configuration_hash=trial.configuration_hash,
        seed=trial.seed,
        budget=trial.budget,
        run_dir=Path(study.runs_dir) / study.name / trial.phase / f"{trial.number:05d}",
        predicted_device_seconds=trial.predicted_device_seconds,
        optuna_trial_id=trial.optuna_trial_id,
    )


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
