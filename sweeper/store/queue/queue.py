"""The queue as supervisors use it: who runs which trial. Each function is one short transaction.

The time is that of the store's clock (`sweeper.store.clock`), unless `now`, in epoch seconds, replaces it. What a
supervisor writes is fenced (`sweeper.store.queue.finishing`).
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from sweeper.store import clock, optuna_mirror
from sweeper.store.queue.attempts import abandoned, release
from sweeper.store.queue.claiming import claim_trial, record_budget_end
from sweeper.store.queue.control import cancel, counts, next_due, retry_failed
from sweeper.store.queue.deciding import decision_due, release_held, undecided
from sweeper.store.queue.finishing import fenced_trial, finish, lost
from sweeper.store.queue.runners import (
    beat_runner,
    end_runner,
    last_beat,
    orders,
    register_runner,
    request_stop,
    stop_requested,
)
from sweeper.store.queue.transitions import lock_study, locks_rows
from sweeper.store.records import Lease
from sweeper.store.schema import attempts, phases, trials
from sweeper.store.transactions import reading, writing

__all__ = [
    "abandoned",
    "beat_runner",
    "cancel",
    "claim_trial",
    "counts",
    "decision_due",
    "end_runner",
    "finish",
    "last_beat",
    "next_due",
    "orders",
    "record_budget_end",
    "record_process",
    "register_runner",
    "release",
    "release_held",
    "renew",
    "request_stop",
    "retry_failed",
    "set_configuration",
    "stop_requested",
    "undecided",
    "used_seeds",
]

_HELD: Final = (trials.c.id == bindparam("held"), trials.c.fence == bindparam("under"), trials.c.state == "running")
_MINE: Final = attempts.c.id == bindparam("attempt")
_RECORD: Final = (
    update(attempts)
    .where(_MINE, select(trials.c.id).where(*_HELD).exists())
    .values(pid=bindparam("pid"), pid_started_at=bindparam("pid_started_at"))
)
_RENEW: Final = update(trials).where(*_HELD).values(lease_expires_at=bindparam("lease_expires_at"))
_BEAT: Final = (
    update(attempts)
    .where(_MINE)
    .values({name: bindparam(name) for name in ("heartbeat_at", "device_seconds", "peak_memory_bytes")})
)


def _held(lease: Lease) -> dict[str, object]:
    """Return the parameters of the conditions under which a lease may still write."""
    return {"held": lease.trial_id, "under": lease.fence}


def record_process(engine: Engine, lease: Lease, pid: int, pid_started_at: float) -> None:
    """Record the trial's process, so that others can end it if its supervisor dies.

    Raises:
        LeaseLost: another attempt has the trial.
    """
    values = {**_held(lease), "attempt": lease.attempt_id, "pid": pid, "pid_started_at": pid_started_at}
    with writing(engine) as connection:
        if locks_rows(connection):
            fenced_trial(connection, lease)
        if connection.execute(_RECORD, values).rowcount != 1:
            raise lost(lease)


def renew(
    engine: Engine,
    lease: Lease,
    *,
    lease_s: float,
    now: float | None = None,
    device_seconds: float,
    peak_memory_bytes: int | None = None,
) -> bool:
    """Extend the lease and record the attempt's cost since its start; return false if another attempt has the trial."""
    with writing(engine) as connection:
        moment = clock.read(connection, now)
        values = {"lease_expires_at": moment.lease + lease_s, **_held(lease)}
        if connection.execute(_RENEW, values).rowcount != 1:
            return False
        cost = {"device_seconds": device_seconds, "peak_memory_bytes": peak_memory_bytes}
        connection.execute(_BEAT, {"attempt": lease.attempt_id, "heartbeat_at": moment.at, **cost})
        return True


def set_configuration(  # noqa: PLR0917 - what defines a trial, in the usual order
    engine: Engine,
    lease: Lease,
    configuration: Mapping[str, object],
    config: Mapping[str, object],
    configuration_hash: str,
    seed: int,
) -> bool:
    """Give a claimed trial of a sampler the configuration drawn for it.

    Returns:
        False if the study already has that configuration with that seed and budget; take a seed not in `used_seeds`.

    Raises:
        LeaseLost: another attempt has the trial.
    """
    values = {
        "configuration": dict(configuration),
        "config": dict(config),
        "configuration_hash": configuration_hash,
        "seed": seed,
    }
    try:
        with writing(engine) as connection:
            lock_study(connection, lease.study_id, "decide")
            mine = phases.c.id == lease.phase_id
            phase = connection.execute(select(phases).where(mine).with_for_update(key_share=True)).one()
            fenced_trial(connection, lease)
            connection.execute(update(trials).where(trials.c.id == lease.trial_id).values(values))
            distributions = optuna_mirror.widened(phase.distributions, [configuration])
            if distributions != phase.distributions:
                connection.execute(update(phases).where(mine).values(distributions=distributions))
                optuna_mirror.set_distributions(connection, phase.optuna_study_id, distributions)
            optuna_mirror.set_params(connection, lease.optuna_trial_id, configuration, distributions)
            attributes = {"configuration_hash": configuration_hash, "seed": seed}
            optuna_mirror.set_attributes(connection, lease.optuna_trial_id, attributes)
    except IntegrityError:
        return False
    return True


def used_seeds(engine: Engine, lease: Lease, configuration_hash: str) -> frozenset[int]:
    """Return the seeds that a configuration has at the lease's budget, in the whole study."""
    mine = select(trials.c.budget_key).where(trials.c.id == lease.trial_id).scalar_subquery()
    query = select(trials.c.seed).where(
        trials.c.study_id == lease.study_id,
        trials.c.configuration_hash == configuration_hash,
        trials.c.budget_key == mine,
    )
    with reading(engine) as connection:
        return frozenset(connection.execute(query).scalars())
