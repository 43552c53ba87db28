"""What ran since a launch or worker began, as far as it says whether further trials would fail too."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Engine, bindparam, case, func, select

from sweeper.store import clock
from sweeper.store.failures import ALIKE, COUNTED, Ran
from sweeper.store.schema import attempts, phases, trials
from sweeper.store.transactions import Record, reading

MOST_READ: Final = 300  # failures with their messages, the newest

_MINE: Final = (trials.c.study_id == bindparam("study"), attempts.c.id > bindparam("since"))
# An attempt that reported something may get further when it is retried; one that reported nothing would not.
_FINAL: Final = (trials.c.state == "failed") | attempts.c.last_step.is_(None)
_FAILED: Final = attempts.c.exit_reason.in_(COUNTED) & ~attempts.c.supervisor_lost & _FINAL
_RUNS: Final = (trials.c.state == "running") & (trials.c.lease_expires_at > bindparam("now"))
_HOLDS: Final = case((_RUNS & attempts.c.ended_at.is_(None), 1), else_=0)
_COUNTS: Final = case((_FAILED, 1), else_=0)
_SUMMARY: Final = (
    select(
        attempts.c.host,
        attempts.c.exit_reason,
        _COUNTS.label("counts"),
        func.count().label("number"),
        func.max(attempts.c.last_step).label("last_step"),
        func.max(_HOLDS).label("holds"),
    )
    .join(trials, trials.c.id == attempts.c.trial_id)
    .where(*_MINE)
    .group_by(attempts.c.host, attempts.c.exit_reason, _COUNTS)
)
_TOLD: Final = ("host", "last_step", "exit_reason", "exit_code", "exit_signal", "message")
_FAILURES: Final = (
    select(phases.c.name, trials.c.number, trials.c.configuration, *(attempts.c[name] for name in _TOLD))
    .join(trials, trials.c.id == attempts.c.trial_id)
    .join(phases, phases.c.id == trials.c.phase_id)
    .where(*_MINE, _FAILED)
    .order_by(attempts.c.id.desc())
    .limit(MOST_READ)
)


def last_attempt(engine: Engine) -> int:
    """Return the id of the store's newest attempt; later ones have higher ids."""
    with reading(engine) as connection:
        return connection.execute(select(func.max(attempts.c.id))).scalar_one() or 0


def ran_since(engine: Engine, study_id: int, since: int, now: float | None = None) -> Sequence[Ran]:
    """Return what a study's attempts after a certain one say: each failure, and a summary of the others.

    Few failures say nothing, and give an empty list.
    """
    with reading(engine) as connection:
        asked = {"study": study_id, "since": since}
        summary = connection.execute(_SUMMARY, {**asked, "now": clock.read(connection, now).lease}).all()
        if sum(row.number for row in summary if row.counts) < ALIKE:
            return ()
        return (*(_summarized(row) for row in summary if not row.counts), *_failures(connection, asked))


def _summarized(row: Record) -> Ran:
    return Ran(
        trial="",
        configuration={},
        host=row.host,
        last_step=row.last_step,
        exit_reason=row.exit_reason,
        holds_lease=bool(row.holds),
    )


def _failures(connection: Connection, asked: dict[str, int]) -> list[Ran]:
    rows = reversed(connection.execute(_FAILURES, asked).all())
    return [
        Ran(
            trial=f"{row.name}/{row.number}",
            configuration=row.configuration or {},
            counts=True,
            **{name: getattr(row, name) for name in _TOLD},
        )
        for row in rows
    ]
