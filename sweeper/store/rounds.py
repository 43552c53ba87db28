"""Write what was decided when a round of seeds was complete: looks, the next round and its trials, in one transaction.

Whoever finds a round complete may decide, and several may at once: a decision names the round and the version of the
study that it was made from, and is dropped if either has changed by the time it is written. What is there already stays
as it is, so a decision that is made again writes only what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from sweeper.planning.plan import PlannedTrial, Reference
from sweeper.store import clock
from sweeper.store.enrolment.plan_rows import add_members, add_trials, adopt_members
from sweeper.store.queue.deciding import is_due
from sweeper.store.queue.transitions import lock_study
from sweeper.store.reading.decisions import ClaimState, RequestRow
from sweeper.store.records import HELD
from sweeper.store.schema import asked_trials, claim_states, looks, phases, requests, rounds, studies, trials
from sweeper.store.transactions import Record, insert_if_new, reading, writing


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLook:
    """What a look at a claim saw and led to: a row of `looks`, whose comments say what is what."""

    round: int
    claim: str
    parts: Sequence[Mapping[str, object]]
    p_support: float
    p_refute: float
    p_adjusted: float
    p_refuted_adjusted: float
    alpha_spent: float | None
    verdict: str | None
    stop: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTrial:
    """A trial that a round asks for.

    Attributes:
        request: the position of its request; None for a first seed.
        trial_id: if the study has it.
        planned: if it is to be added, with a number of its own among those that are.
        like: the id of a trial with the same configuration and budget, which is predicted to take as long.
    """

    request: int | None
    trial_id: int | None = None
    planned: PlannedTrial | None = None
    like: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The state of a study from which a decision is made.

    Attributes:
        open_round: None if no seeds are added.
        revision: raised whenever an edited file changes the study.
        budget_ended_at: None while it allows a trial.
    """

    study_id: int
    open_round: int | None
    revision: int
    budget_ended_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be written.

    Attributes:
        version: from which it was made.
        round: that runs from now on; None if all claims have stopped.
        looks: at the rounds that are complete.
        requests: of the round.
        trials: that it waits for, in the order of its requests.
        states: where the claims are then, in the study's order.
        is_at_budget_end: whether it looks at what is complete of a round that the budget has ended; the round stays.
    """

    version: Version
    round: int | None
    looks: tuple[NewLook, ...] = ()
    requests: tuple[RequestRow, ...] = ()
    trials: tuple[AskedTrial, ...] = ()
    states: tuple[ClaimState, ...] = ()
    is_at_budget_end: bool = False


def read_version(engine: Engine, name: str) -> Version:
    """Return the version of a study in the store."""
    query = select(*_VERSION, studies.c.id).where(studies.c.name == name)
    with reading(engine) as connection:
        row = connection.execute(query).one()
    return Version(
        study_id=row.id, open_round=row.open_round, revision=row.revision, budget_ended_at=row.budget_ended_at
    )


def write_decision(engine: Engine, decision: Decision, now: float | None = None) -> bool:
    """Write a decision; return false if another was made meanwhile, or the study was changed or cancelled."""
    study_id = decision.version.study_id
    with writing(engine) as connection:
        lock_study(connection, study_id, "change")
        version = decision.version
        found = connection.execute(select(*_VERSION).where(studies.c.id == study_id)).one()
        if tuple(found) != (version.open_round, version.revision, version.budget_ended_at):
            return False
        if not is_due(connection, study_id):
            return False
        at = clock.read(connection, now).at
        for look in decision.looks:
            row = {**asdict(look), "study_id": study_id, "looked_at": at}
            insert_if_new(connection, looks, row, keys=("study_id", "round", "claim"))
        _write_states(connection, study_id, decision.states)
        values: dict[str, object] = {"budget_end_decided": True}
        if not decision.is_at_budget_end:
            if decision.round is not None:
                _ask(connection, study_id, decision, at)
            values = {"open_round": decision.round}
        connection.execute(update(studies).where(studies.c.id == study_id).values(values))
        return True


_VERSION: Final = (studies.c.open_round, studies.c.revision, studies.c.budget_ended_at)


def _write_states(connection: Connection, study_id: int, states: Sequence[ClaimState]) -> None:
    """Replace where the claims of a study were; claims that an edited file removed go."""
    connection.execute(delete(claim_states).where(claim_states.c.study_id == study_id))
    if states:
        connection.execute(insert(claim_states), [{**asdict(state), "study_id": study_id} for state in states])


def _ask(connection: Connection, study_id: int, decision: Decision, at: float) -> None:
    """Write a round, and have its trials run."""
    row = {"study_id": study_id, "number": decision.round, "asked_at": at}
    insert_if_new(connection, rounds, row, keys=("study_id", "number"))
    for request in decision.requests:
        keys = ("study_id", "round", "position")
        insert_if_new(connection, requests, {**asdict(request), "study_id": study_id}, keys=keys)
    added = _add(connection, study_id, [trial for trial in decision.trials if trial.planned is not None])
    for trial in decision.trials:
        trial_id = trial.trial_id if trial.planned is None else added[trial.planned.number]
        rank = 0 if trial.request is None else trial.request + 1
        held = (trials.c.id == trial_id, trials.c.rank == HELD)
        connection.execute(update(trials).where(*held).values(rank=rank))
        asked = {"trial_id": trial_id, "round": decision.round, "request": trial.request}
        insert_if_new(connection, asked_trials, asked, keys=("trial_id",))
    adopt_members(connection, study_id)


def _add(connection: Connection, study_id: int, new: Sequence[AskedTrial]) -> dict[int, int]:
    """Add trials to their phases; return ids by planned number."""
    owners = {row.name: row for row in connection.execute(select(phases).where(phases.c.study_id == study_id))}
    likes = [trial.like for trial in new if trial.like is not None]
    query = select(trials.c.id, trials.c.predicted_device_seconds).where(trials.c.id.in_(likes))
    seconds = {row.id: row.predicted_device_seconds for row in connection.execute(query)}
    predicted = {
        (trial.planned.phase, trial.planned.number): seconds[trial.like]
        for trial in new
        if trial.planned is not None and trial.like is not None and seconds[trial.like] is not None
    }
    planned = [trial.planned for trial in new if trial.planned is not None]
    added: dict[int, int] = {}
    for name in dict.fromkeys(trial.phase for trial in planned):
        own = [trial for trial in planned if trial.phase == name]
        added |= _add_to_phase(connection, owners[name], own, predicted)
    return added


def _add_to_phase(
    connection: Connection, phase: Record, own: Sequence[PlannedTrial], predicted: Mapping[Reference, float]
) -> dict[int, int]:
    used = connection.execute(select(trials.c.number).where(trials.c.phase_id == phase.id)).scalars()
    first = max(used, default=-1) + 1
    numbers = {trial.number: first + place for place, trial in enumerate(own)}
    ids = add_trials(connection, phase, own, numbers, predicted, rank=HELD)
    add_members(connection, phase.id, [ids[trial.number] for trial in own])
    return ids
