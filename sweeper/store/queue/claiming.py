"""Claim the next trial and open an attempt of it, in one short transaction."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import NoResultFound

from sweeper.planning.queue_order import length_class
from sweeper.quantities import device_hours, hours
from sweeper.store import clock, optuna_mirror, same_store
from sweeper.store.queue import claim_queries as queries
from sweeper.store.queue.attempts import close_lost, fail_if_out_of_attempts
from sweeper.store.queue.ledger import balance, trial_device_seconds
from sweeper.store.queue.transitions import locks_rows, move, requeue
from sweeper.store.records import (
    BEGUN,
    HELD,
    BudgetTooSmall,
    Lease,
    PastAttempt,
    SlotIdentity,
    plain,
    run_dir_of,
)
from sweeper.store.schema import environments, trials
from sweeper.store.transactions import Record, upsert, writing

LOOK_S: Final = 1.0  # how often a slot with short trials looks for expired leases
_looked: WeakKeyDictionary[Engine, dict[int, float]] = WeakKeyDictionary()  # when, by study
_stored: WeakKeyDictionary[Engine, set[str]] = WeakKeyDictionary()  # the environments that are in the store

Phase = tuple[int, str, bool]  # id, design, and whether a trial that has begun waits there


def claim_trial(
    engine: Engine,
    study_id: int,
    slot: SlotIdentity,
    *,
    lease_s: float,
    now: float | None = None,
    environment: Mapping[str, object] | None = None,
    token: str | None = None,
) -> Lease | None:
    """Claim the next trial and open an attempt of it; return None if there is no trial to claim at the moment.

    Trials whose lease expired come first: their old attempt is closed as killed, and the same trial resumes. Then come
    waiting trials: those that have begun, whatever their phase, then by phase and number. Trials of a promotion that is
    not filled in yet cannot be claimed.

    Args:
        lease_s: others can claim the trial once this much time has passed without `renew`.
        environment: facts about the software and the machine, stored once however many attempts share them.
        token: names this claim, so that it is found again if its answer is lost (`sweeper.store.queue.recovery`).

    Raises:
        BudgetTooSmall: the study's budget does not allow the next trial.
    """
    stored = _stored.setdefault(engine, set())
    token = token or uuid4().hex
    with writing(engine) as connection:
        study, waiting = _read_and_lock(connection, study_id)
        same_store.check(connection, study.store_uid)
        moment = clock.read(connection, now)
        looks = now is not None or _looks(engine, study_id)
        lost = _with_lost_lease(connection, study_id, moment) if looks else None
        trial = lost or _next_waiting(connection, study, waiting, moment.lease)
        if trial is None:
            _looked.pop(engine, None)
            return None
        refusal = _refusal(connection, study, trial, moment.at)
        if refusal is None:
            if not _take(connection, trial, slot, moment.lease + lease_s, moment.at):
                return None
            if study.budget_ended_at is not None:
                connection.execute(queries.BUDGET_GOES_ON, {"study": study_id})
            past = past_attempts(connection, trial.id, trial.fence + 1) if trial.fence else ()
            run_dir = past[0].run_dir if past else run_dir_of(Path(study.run_root), trial.phase, trial.number)
            sha256 = None if environment is None else _store_environment(connection, environment, stored)
            attempt_id = _open_attempt(
                connection, trial, slot, run_dir=run_dir, now=moment.at, environment_sha256=sha256, token=token
            )
            optuna_mirror.start(
                connection, trial.optuna_trial_id, started_at=trial.started_at or moment.at, attempt=trial.attempts + 1
            )
            lease = lease_on(study, trial, (attempt_id, token), run_dir, past)
        elif lost is not None:  # its old attempt is closed; like the others it waits for a larger budget
            requeue(connection, "running", trials.c.id == trial.id, trials.c.fence == trial.fence)
    if refusal is not None:
        raise refusal
    if sha256 is not None:  # only now is it certain that it is stored
        stored.add(sha256)
    return lease


def record_budget_end(engine: Engine, study_id: int, now: float | None = None, *, stopped: bool = False) -> bool:
    """Record that a study's budget has ended: no trial runs, and it does not allow the next one.

    Args:
        stopped: whether the slot's trial was stopped just before the cap; then what is left of it is too little.

    Returns:
        Whether it has.
    """
    with writing(engine) as connection:
        study, waiting = _read_and_lock(connection, study_id)
        moment = clock.read(connection, now)
        trial = _next_waiting(connection, study, waiting, moment.lease)
        if trial is None or balance(connection, study_id, moment.at).running:
            return False
        if not stopped and _refusal(connection, study, trial, moment.at) is None:
            return False
        connection.execute(queries.BUDGET_ENDS, {"study": study_id, "at": moment.at})
        return True


def _looks(engine: Engine, study_id: int) -> bool:
    """Return whether it is time to look for expired leases, at most once a second."""
    looked, now = _looked.setdefault(engine, {}), time.monotonic()
    if now - looked.get(study_id, -LOOK_S) < LOOK_S:
        return False
    looked[study_id] = now
    return True


def _read_and_lock(connection: Connection, study_id: int) -> tuple[Record, Sequence[Phase]]:
    """Return a study's row, and its phases with waiting trials.

    Of a study with a cap, one claim at a time decides whether its trial fits. The lock is taken in its final strength
    at once: two that make a lock stronger can wait for each other. Nothing else is read before it.
    """
    asked = {"study": study_id}
    if not locks_rows(connection):
        rows = connection.execute(queries.STUDY_AND_PHASES_THAT_WAIT, asked).all()
        if not rows:
            raise NoResultFound
        return rows[0], [_phase(row) for row in rows if row.phase_id is not None]
    capped = connection.execute(queries.CAPPED_STUDY, asked).one_or_none()
    study = capped or connection.execute(queries.ANY_STUDY, asked).one()
    return study, [_phase(row) for row in connection.execute(queries.PHASES_THAT_WAIT, asked)]


def _phase(row: Record) -> Phase:
    return row.phase_id, row.phase_design, bool(row.has_begun)


def _refusal(connection: Connection, study: Record, trial: Record, now: float) -> BudgetTooSmall | None:
    """Return why the budget does not allow a trial: spent, reserved and predicted time must fit together."""
    if study.budget_device_hours is None:
        return None
    cap = study.budget_device_hours * 3600
    found = balance(connection, study.id, now, without=trial.id)
    predicted = trial.predicted_device_seconds or 0.0
    needed = max(0.0, predicted - trial_device_seconds(connection, trial.id)) if predicted else 0.0
    committed = found.spent + found.reserved
    if found.spent < cap and committed + needed <= cap:
        return None
    return BudgetTooSmall(
        f"the budget of {device_hours(study.budget_device_hours)} does not allow trial {trial.phase}/{trial.number}: "
        f"{hours(found.spent / 3600)} spent, {hours(found.reserved / 3600)} reserved for running trials, and "
        f"{hours(needed / 3600)} predicted for this one",
        others_running=found.running > 0,
    )


def past_attempts(connection: Connection, trial_id: int, fence: int) -> tuple[PastAttempt, ...]:
    """Return a trial's attempts before the one with this fence, newest first."""
    return tuple(
        PastAttempt(
            attempt_id=row.id,
            token=row.token,
            run_dir=Path(row.run_dir),
            machine=row.machine,
            pid=row.pid,
            pid_started_at=row.pid_started_at,
            device_share=row.device_share,
            is_lost=row.supervisor_lost,
        )
        for row in connection.execute(queries.PAST, {"trial": trial_id, "fence": fence})
    )


def _with_lost_lease(connection: Connection, study_id: int, moment: clock.Moment) -> Record | None:
    asked = {"study": study_id, "now": moment.lease}
    while (trial := connection.execute(queries.WITH_LOST_LEASE, asked).one_or_none()) is not None:
        message = f"the lease of its supervisor {trial.lease_owner} expired: it died, hung or lost the store"
        close_lost(connection, trial.id, message)
        if not fail_if_out_of_attempts(connection, trial, moment.at):
            return trial
    return None


def _next_waiting(connection: Connection, study: Record, waiting: Sequence[Phase], now: float) -> Record | None:
    """Return the first waiting trial of the phase with the longest trials; ties go to the first phase.

    A trial that has begun comes before all others: it holds files, and what it has cost so far.

    While seeds are added until claims are decided, those that a round asked for come next, in its order, and what no
    round asks for waits until the end.
    """
    upto = HELD if study.open_round is None else 0
    ordered = _in_order(connection, study.id, waiting)
    begun = [] if len(ordered) < 2 else [(phase, BEGUN) for phase in ordered if phase[2]]
    for (phase_id, design, _), rank in [*begun, *((phase, upto) for phase in ordered)]:
        query = queries.NEXT_TO_DRAW if design == "sampler" else queries.NEXT_DRAWN
        trial = connection.execute(query, {"phase": phase_id, "now": now, "rank": rank}).one_or_none()
        if trial is not None:
            return trial
    if study.open_round is None:
        return None
    return connection.execute(queries.NEXT_ASKED, {"study": study.id, "now": now}).one_or_none()


def _in_order(connection: Connection, study_id: int, waiting: Sequence[Phase]) -> Sequence[Phase]:
    """Return the phases with waiting trials: longest trials first; ties go to the first phase.

    A single phase needs no order: finding the longest of 10,000 trials takes longer than the rest of a claim.
    """
    if len(waiting) < 2:
        return waiting
    rows = connection.execute(queries.LENGTHS, {"study": study_id})
    lengths = {row[0]: row[1] for row in rows}
    return sorted(waiting, key=lambda phase: -length_class(lengths.get(phase[0])))


def _take(connection: Connection, trial: Record, slot: SlotIdentity, lease_expires_at: float, now: float) -> bool:
    values = {
        "fence": trial.fence + 1,
        "attempts": trial.attempts + 1,
        "lease_owner": f"{slot.host}/{slot.slot}",
        "lease_expires_at": lease_expires_at,
        "started_at": now if trial.started_at is None else trial.started_at,
        "exit_reason": None,
        "message": None,
    }
    return move(connection, trial.state, "running", (trial.id, trial.fence), values) is not None


def _store_environment(connection: Connection, environment: Mapping[str, object], known: set[str]) -> str:
    """Store an environment, unless this process has found it in the store before; return its SHA-256."""
    facts = json.dumps(plain(environment), sort_keys=True)
    sha256 = hashlib.sha256(facts.encode()).hexdigest()
    if sha256 not in known:
        row = {"sha256": sha256, "facts": json.loads(facts)}
        upsert(connection, environments, [row], keys=("sha256",), update=())
    return sha256


def _open_attempt(
    connection: Connection,
    trial: Record,
    slot: SlotIdentity,
    *,
    run_dir: Path,
    now: float,
    environment_sha256: str | None,
    token: str,
) -> int:
    values = {
        "token": token,
        "trial_id": trial.id,
        "number": trial.fence + 1,
        "run_dir": str(run_dir),
        "seconds_before": trial_device_seconds(connection, trial.id) if trial.fence else 0.0,
        "host": slot.host,
        "machine": slot.machine,
        "slot": slot.slot,
        "device": slot.device,
        "device_share": slot.device_share,
        "supervisor_pid": slot.supervisor_pid,
        "supervisor_started_at": slot.supervisor_started_at,
        "environment_sha256": environment_sha256,
        "started_at": now,
        "heartbeat_at": now,
    }
    key = connection.execute(queries.OPEN_ATTEMPT, values).inserted_primary_key
    assert key is not None
    return int(key[0])


def lease_on(
    study: Record, trial: Record, attempt: tuple[int, str], run_dir: Path, past: tuple[PastAttempt, ...]
) -> Lease:
    """Return the lease of a trial that was waiting until now.

    Args:
        attempt: its id, and the token of its claim.
    """
    return Lease(
        trial_id=trial.id,
        attempt_id=attempt[0],
        token=attempt[1],
        store_uid=study.store_uid,
        study_id=study.id,
        study=study.name,
        study_revision=study.revision,
        metric=study.metric,
        direction=study.direction,
        phase_id=trial.phase_id,
        phase=trial.phase,
        number=trial.number,
        fence=trial.fence + 1,
        attempt=trial.attempts + 1,
        configuration=trial.configuration,
        config=trial.config,
        configuration_hash=trial.configuration_hash,
        seed=trial.seed,
        budget=trial.budget,
        run_dir=run_dir,
        optuna_trial_id=trial.optuna_trial_id,
        past=past,
    )
