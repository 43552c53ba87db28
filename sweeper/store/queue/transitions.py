"""The only writer of a trial's state, and the locks under which it is decided.

A trial's state changes in one statement that names the state before, so whoever comes second changes nothing. What is
decided from several rows is decided under a lock. Locks are taken in one order: study, phase, trial, attempt. SQLite
has a single writer and needs none of them.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal, assert_never

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from sweeper.store import optuna_mirror
from sweeper.store.records import BEGUN, HELD, ExitReason, TrialState
from sweeper.store.schema import studies, trials
from sweeper.store.transactions import Record

LEGAL: Final[Mapping[TrialState, tuple[TrialState, ...]]] = {
    "waiting": ("running", "failed"),
    "running": ("running", "waiting", "completed", "pruned", "failed"),  # from one lease to the next, or to its end
    "completed": (),
    "pruned": (),
    "failed": ("waiting",),
}
NO_LEASE: Final = {"lease_owner": None, "lease_expires_at": None}
# Of a trial that waits again. Trials that are held until all claims have stopped stay held.
_RANK: Final = case(((trials.c.rank == HELD) | (trials.c.fence == 0), trials.c.rank), else_=BEGUN)

_RETURNED: Final = (trials.c.id, trials.c.study_id, trials.c.optuna_trial_id, trials.c.attempts, trials.c.started_at)

StudyLock = Literal["share", "decide", "change"]


def locked(query: Select[*tuple[Any, ...]], lock: StudyLock) -> Select[*tuple[Any, ...]]:
    """Return a query of a study's row that takes a lock on it.

    Args:
        lock: "share" while one trial ends, so that the study is not changed meanwhile; "decide" for what others may
            not decide at the same time, e.g. whether a trial fits into the budget; "change" for what concerns all
            trials, e.g. a cancel: it waits for the other two, and they wait for it.
    """
    match lock:
        case "share":
            return query.with_for_update(read=True, key_share=True, of=studies)
        case "decide":
            return query.with_for_update(key_share=True, of=studies)
        case "change":
            return query.with_for_update(of=studies)
        case _:
            assert_never(lock)


def locks_rows(connection: Connection) -> bool:
    """Return whether the database locks rows. SQLite has locked everything since the transaction began."""
    return connection.dialect.name != "sqlite"


def lock_study(connection: Connection, study_id: int, lock: StudyLock) -> None:
    """Lock a study's row, before any other row of the study."""
    if locks_rows(connection):
        connection.execute(locked(select(studies.c.id).where(studies.c.id == study_id), lock))


def transition(
    connection: Connection,
    origin: TrialState,
    target: TrialState,
    *where: ColumnElement[bool],
    values: Mapping[str, object] | None = None,
) -> Sequence[Record]:
    """Bring the trials that meet the conditions, and are in the first state, into the second; return their rows.

    A trial that does not run has no lease.

    Returns:
        id, study_id, optuna_trial_id, attempts and started_at of the trials that changed.
    """
    assert target in LEGAL[origin], f"no trial goes from {origin} to {target}"
    lease = {} if target == "running" else NO_LEASE
    rank = {"rank": _RANK} if target == "waiting" else {}
    return connection.execute(
        update(trials)
        .where(trials.c.state == origin, *where)
        .values({**lease, **rank, **(values or {}), "state": target})
        .returning(*_RETURNED)
    ).all()


def move(
    connection: Connection, origin: TrialState, target: TrialState, lease: tuple[int, int], values: Mapping[str, object]
) -> Record | None:
    """Bring one trial from one state into another, as `transition` does, by a statement that is built once.

    Args:
        lease: the trial's id, and its fence before.
        values: plain values.

    Returns:
        The row of the trial; None if it is in another state by now, or has another fence.
    """
    assert target in LEGAL[origin], f"no trial goes from {origin} to {target}"
    found = dict(values) if target == "running" else {**NO_LEASE, **values}
    trial_id, fence = lease
    statement = _move(origin, target, tuple(found))
    return connection.execute(
        statement, {"of_id": trial_id, "of_fence": fence, **{f"new_{name}": value for name, value in found.items()}}
    ).one_or_none()


@cache
def _move(origin: TrialState, target: TrialState, names: tuple[str, ...]) -> ReturningUpdate[*tuple[Any, ...]]:
    new = {name: bindparam(f"new_{name}", type_=trials.c[name].type) for name in names}
    mine = (trials.c.id == bindparam("of_id"), trials.c.fence == bindparam("of_fence"), trials.c.state == origin)
    rank = {"rank": _RANK} if target == "waiting" else {}
    return update(trials).where(*mine).values(**new, **rank, state=target).returning(*_RETURNED)


def requeue(
    connection: Connection, origin: TrialState, *where: ColumnElement[bool], values: Mapping[str, object] | None = None
) -> Sequence[Record]:
    """Let trials wait again, in our tables and Optuna's; return the rows of those that changed."""
    changed = transition(connection, origin, "waiting", *where, values=values)
    optuna_mirror.requeue(connection, [row.optuna_trial_id for row in changed])
    return changed


def fail(
    connection: Connection,
    origin: TrialState,
    *where: ColumnElement[bool],
    exit_reason: ExitReason,
    message: str | None,
    now: float,
) -> Sequence[Record]:
    """End trials as failed, in our tables and Optuna's; return the rows of those that changed."""
    values = {"exit_reason": exit_reason, "message": message, "ended_at": now}
    changed = transition(connection, origin, "failed", *where, values=values)
    for row in changed:
        optuna_mirror.end(
            connection,
            row.optuna_trial_id,
            "failed",
            value=None,
            exit_reason=exit_reason,
            attempts=row.attempts,
            started_at=row.started_at,
            ended_at=now,
        )
    return changed
