"""The statements of a claim, built once: building one takes longer than running it.

Parameters: `study`, `phase`, `rank` (at most) and `now`.
"""

from typing import Any, Final

from sqlalchemy import Float, Select, bindparam, func, insert, select, update

from sweeper.store.queue.transitions import locked
from sweeper.store.records import BEGUN, HELD, LONGEST_BACK_OFF_S
from sweeper.store.schema import attempts, phases, store, studies, trials

Query = Select[*tuple[Any, ...]]

_NOW: Final = bindparam("now", type_=Float)
_MINE: Final = trials.c.study_id == bindparam("study")
_WAITING: Final = trials.c.state == "waiting"
# A study's source and document can be long, and so can a trial's result and last output.
_STUDY: Final = (
    "id", "name", "metric", "direction", "run_root", "budget_device_hours", "revision", "open_round", "budget_ended_at",
)  # fmt: skip
_UNUSED: Final = {"result", "message", "value", "step", "tokens", "flops"}

_OF_STUDY: Final = (*(studies.c[name] for name in _STUDY), select(store.c.uid).scalar_subquery().label("store_uid"))
STUDY: Final[Query] = select(*_OF_STUDY).where(studies.c.id == bindparam("study"))
CAPPED_STUDY: Final = locked(STUDY.where(studies.c.budget_device_hours.is_not(None)), "decide")
ANY_STUDY: Final = locked(STUDY, "share")

_TRIAL: Final = select(
    *(column for column in trials.c if column.name not in _UNUSED), phases.c.name.label("phase"), phases.c.design
).join(phases, phases.c.id == trials.c.phase_id)


def _first(query: Query) -> Query:
    return query.limit(1).with_for_update(skip_locked=True, of=trials)


WITH_LOST_LEASE: Final = _first(
    _TRIAL.where(_MINE, trials.c.state == "running", trials.c.lease_expires_at <= _NOW).order_by(trials.c.id)
)
# No back-off is longer than the longest: then the clock has been set back since this one was written.
_DUE: Final = (trials.c.not_before <= _NOW) | (trials.c.not_before > _NOW + LONGEST_BACK_OFF_S)
_OF_PHASE: Final = _TRIAL.where(
    trials.c.phase_id == bindparam("phase"),
    _WAITING,
    _DUE,
    trials.c.rank <= bindparam("rank"),
).order_by(trials.c.rank, trials.c.number)
NEXT_TO_DRAW: Final = _first(_OF_PHASE)
NEXT_DRAWN: Final = _first(_OF_PHASE.where(trials.c.configuration_hash.is_not(None)))
# Of those that a round asked for, whatever their phase.
NEXT_ASKED: Final = _first(
    _TRIAL.where(_MINE, _WAITING, _DUE, trials.c.rank > 0, trials.c.rank < HELD).order_by(
        trials.c.rank, phases.c.position, trials.c.number
    )
)

_WAITERS: Final = select(trials.c.id).where(trials.c.phase_id == phases.c.id, _WAITING)
_WAITS: Final = _WAITERS.exists()
_OF_PHASES: Final = (
    phases.c.id.label("phase_id"),
    phases.c.design.label("phase_design"),
    _WAITERS.where(trials.c.rank <= BEGUN).exists().label("has_begun"),
)
PHASES_THAT_WAIT: Final = (
    select(*_OF_PHASES).where(phases.c.study_id == bindparam("study"), _WAITS).order_by(phases.c.position)
)
STUDY_AND_PHASES_THAT_WAIT: Final = (  # a row per phase; a single one, without a phase, if none waits
    select(*_OF_STUDY, *_OF_PHASES)
    .select_from(studies.outerjoin(phases, (phases.c.study_id == studies.c.id) & _WAITS))
    .where(studies.c.id == bindparam("study"))
    .order_by(phases.c.position)
)
LENGTHS: Final = (
    select(trials.c.phase_id, func.max(trials.c.predicted_device_seconds))
    .where(_MINE, _WAITING)
    .group_by(trials.c.phase_id)
)
OPEN_ATTEMPT: Final = insert(attempts)
BUDGET_GOES_ON: Final = (
    update(studies).where(studies.c.id == bindparam("study")).values(budget_ended_at=None, budget_end_decided=None)
)
BUDGET_ENDS: Final = (
    update(studies)
    .where(studies.c.id == bindparam("study"), studies.c.budget_ended_at.is_(None))
    .values(budget_ended_at=bindparam("at"), budget_end_decided=False)
)

_OF_PAST: Final = (
    "id",
    "token",
    "run_dir",
    "machine",
    "pid",
    "pid_started_at",
    "device_share",
    "supervisor_lost",
)
MOST_PAST: Final = 200  # of a trial that loses its slot again and again, the newest attempts say enough
PAST: Final[Query] = (
    select(*(attempts.c[name] for name in _OF_PAST))
    .where(attempts.c.trial_id == bindparam("trial"), attempts.c.number < bindparam("fence"))
    .where(attempts.c.run_dir != "")  # imported ones ran elsewhere
    .order_by(attempts.c.number.desc())
    .limit(MOST_PAST)
)
