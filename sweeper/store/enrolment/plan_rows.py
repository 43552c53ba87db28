"""The rows of a plan: phases, their trials and members, and Optuna's view, for new and extended studies alike."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from sweeper.designs.kinds import is_fixed
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, Reference
from sweeper.spec.json_phases import phase_from_json, phase_to_json
from sweeper.spec.study import Study
from sweeper.store import optuna_mirror
from sweeper.store.optuna_mirror import MirroredTrial
from sweeper.store.records import HELD
from sweeper.store.schema import asked_trials, phase_trials, phases, trials
from sweeper.store.transactions import Record


@dataclass(frozen=True, slots=True)
class Written:
    """Number of new trials, and the stored trials that the plan does not have, as ``phase/number``."""

    added: int
    unwanted: tuple[str, ...]


def write_plan(
    connection: Connection,
    study_id: int,
    plan: Plan,
    study: Study,
    predicted: Mapping[Reference, float],
    *,
    with_results: Collection[str] = (),
) -> Written:
    """Add to the store what it lacks of a plan.

    A trial is identified by its configuration, seed and budget. Trials of samplers and promotions have no configuration
    yet and are identified by their phase, seed and budget; any of them may have been drawn in the meantime.

    Args:
        with_results: the phases that have results already, so that what is added to them is late.
    """
    stored = connection.execute(select(trials).where(trials.c.study_id == study_id).order_by(trials.c.id)).all()
    known = {(row.configuration_hash, row.seed, row.budget_key): row.id for row in stored if row.configuration_hash}
    rows = _write_phases(connection, study_id, plan, study)
    ids: dict[Reference, int] = {}
    added = 0
    for phase in plan.phases:
        own = [row for row in stored if row.phase_id == rows[phase.name].id]
        found = _match(phase, own, known)
        fresh = [trial for trial in phase.trials if trial.number not in found]
        first = max((row.number for row in own), default=-1) + 1
        numbers = {trial.number: first + offset for offset, trial in enumerate(fresh)}
        rank = 0 if phase.phase.adaptive is None else HELD  # until a round asks for them
        new = add_trials(connection, rows[phase.name], fresh, numbers, predicted, rank=rank)
        ids |= {(phase.name, number): trial_id for number, trial_id in (found | new).items()}
        added += len(new)
    for phase in plan.phases:
        is_late = phase.name in with_results
        _write_members(connection, rows[phase.name].id, [ids[member] for member in phase.members], is_late=is_late)
    adopt_members(connection, study_id)
    wanted = {*ids.values(), *_added_by_rounds(connection, study_id, plan)}
    names = {row.id: row.name for row in connection.execute(select(phases).where(phases.c.study_id == study_id))}
    unwanted = tuple(f"{names[row.phase_id]}/{row.number}" for row in stored if row.id not in wanted)
    return Written(added, unwanted)


def _added_by_rounds(connection: Connection, study_id: int, plan: Plan) -> frozenset[int]:
    """Return the trials of phases that add seeds which rounds asked for beyond the plan."""
    names = [phase.name for phase in plan.phases if phase.phase.adaptive is not None]
    query = (
        select(asked_trials.c.trial_id)
        .join(phase_trials, phase_trials.c.trial_id == asked_trials.c.trial_id)
        .join(phases, phases.c.id == phase_trials.c.phase_id)
        .where(phases.c.study_id == study_id, phases.c.name.in_(names))
    )
    return frozenset(connection.execute(query).scalars())


def _match(phase: PlannedPhase, own: Sequence[Record], known: Mapping[tuple[str, int, str], int]) -> dict[int, int]:
    """Return the stored trials of those that the phase owns in the plan: ids by planned number."""
    found: dict[int, int] = {}
    taken: set[int] = set()
    for trial in phase.trials:
        if trial.configuration_hash is not None:
            trial_id = known.get((trial.configuration_hash, trial.seed, trial.budget.key))
        else:
            alike = (row.id for row in own if row.id not in taken and _may_be(row, trial, phase.kind))
            trial_id = next(alike, None)
        if trial_id is not None:
            found[trial.number] = trial_id
            taken.add(trial_id)
    return found


def _may_be(row: Record, trial: PlannedTrial, design: str) -> bool:
    """Return whether a stored trial may be a planned one; a sampler's may have got another seed when it was drawn."""
    return bool(row.budget_key == trial.budget.key and (design == "sampler" or row.seed == trial.seed))


def _write_phases(connection: Connection, study_id: int, plan: Plan, study: Study) -> dict[str, Record]:
    """Write the plan's phases in its order, with distributions wide enough for all their trials."""
    here = phases.c.study_id == study_id
    known = {row.name: row for row in connection.execute(select(phases).where(here).order_by(phases.c.position))}
    # Positions must be unique at every moment: move the old ones out of the way first.
    connection.execute(update(phases).where(here).values(position=-1 - phases.c.position))
    for position, phase in enumerate(plan.phases):
        row = known.get(phase.name)
        base = _distributions(phase, study) if row is None else row.distributions
        drawn = [trial.configuration for trial in phase.trials if trial.configuration is not None]
        distributions = optuna_mirror.widened(base, drawn)
        values = {
            "position": position,
            "design": phase.kind,
            "spec": phase_to_json(phase.phase),
            "distributions": distributions,
        }
        if row is None:
            attributes = {"study": study.name, "phase": phase.name, "metric": study.metric.name, "design": phase.kind}
            name = f"{study.name}/{phase.name}"
            optuna_id = optuna_mirror.create_study(connection, name, study.metric.direction, attributes)
            connection.execute(
                insert(phases).values(study_id=study_id, name=phase.name, optuna_study_id=optuna_id, **values)
            )
        else:
            connection.execute(update(phases).where(phases.c.id == row.id).values(values))
            optuna_mirror.set_distributions(connection, row.optuna_study_id, distributions)
    left = [name for name in known if name not in {phase.name for phase in plan.phases}]
    for position, name in enumerate(left, start=len(plan.phases)):
        connection.execute(update(phases).where(phases.c.id == known[name].id).values(position=position))
    return {row.name: row for row in connection.execute(select(phases).where(here))}


def _distributions(planned: PlannedPhase, study: Study) -> dict[str, dict[str, object]]:
    """Return the distribution of each factor of a phase: its range, or its levels in the file's order."""
    phase = planned.phase
    names = [*(phase.factors or study.factors), *phase.blocks]
    used = {name for trial in planned.trials for name in (trial.configuration or {})}
    result: dict[str, dict[str, object]] = {}
    for name in dict.fromkeys(names):
        factor = phase.adapt(study.factors[name])
        if (of := factor.range) is not None:
            result[name] = optuna_mirror.interval(of.low, of.high, log=of.log, step=of.step)
        elif factor.levels and (name in used or not is_fixed(phase.design)):
            result[name] = optuna_mirror.categorical(list(factor.levels))
    return result


def add_trials(
    connection: Connection,
    phase: Record,
    planned: Sequence[PlannedTrial],
    numbers: Mapping[int, int],
    predicted: Mapping[Reference, float],
    *,
    rank: int = 0,
) -> dict[int, int]:
    """Add waiting trials to our tables and Optuna's; return ids by planned number.

    Args:
        phase: the row of the phase that owns them.
        numbers: theirs in the store, by planned number.
        rank: their place in the queue.
    """
    if not planned:
        return {}
    mirrored = [_mirrored(trial, numbers[trial.number]) for trial in planned]
    optuna_ids = optuna_mirror.add_trials(connection, phase.optuna_study_id, mirrored, phase.distributions)
    rows = [
        {
            "study_id": phase.study_id,
            "phase_id": phase.id,
            "number": numbers[trial.number],
            "state": "waiting",
            "configuration": None if trial.configuration is None else dict(trial.configuration),
            "config": None if trial.config is None else dict(trial.config),
            "configuration_hash": trial.configuration_hash,
            "seed": trial.seed,
            "budget": trial.budget.as_dict(),
            "budget_key": trial.budget.key,
            "predicted_device_seconds": predicted.get((phase.name, trial.number)),
            "rank": rank,
            "optuna_trial_id": optuna_ids[numbers[trial.number]],
        }
        for trial in planned
    ]
    connection.execute(insert(trials), rows)
    own = connection.execute(select(trials.c.number, trials.c.id).where(trials.c.phase_id == phase.id))
    ids = {row.number: row.id for row in own}
    return {trial.number: ids[numbers[trial.number]] for trial in planned}


def _mirrored(trial: PlannedTrial, number: int) -> MirroredTrial:
    attributes = {
        "seed": trial.seed,
        "budget": trial.budget.as_dict(),
        "configuration_hash": trial.configuration_hash,
        "attempts": 0,
    }
    return MirroredTrial(number=number, configuration=trial.configuration, attributes=attributes)


def _write_members(connection: Connection, phase_id: int, wanted: Iterable[int], *, is_late: bool) -> None:
    """Write the trials of a phase in the plan's order; earlier members that it no longer has come after them."""
    query = select(phase_trials).where(phase_trials.c.phase_id == phase_id).order_by(phase_trials.c.position)
    before = {row.trial_id: row.late for row in connection.execute(query)}
    members = list(dict.fromkeys([*wanted, *before]))
    connection.execute(delete(phase_trials).where(phase_trials.c.phase_id == phase_id))
    rows = [
        {"phase_id": phase_id, "position": index, "trial_id": trial, "late": before.get(trial, is_late)}
        for index, trial in enumerate(members)
    ]
    if rows:
        connection.execute(insert(phase_trials), rows)


def adopt_members(connection: Connection, study_id: int) -> None:
    """Let phases that add seeds have every trial of their configurations, whichever phase it was added for.

    A configuration that several phases share runs once with each seed.
    """
    own = connection.execute(select(trials).where(trials.c.study_id == study_id).order_by(trials.c.id)).all()
    rows = connection.execute(select(phases).where(phases.c.study_id == study_id).order_by(phases.c.position)).all()
    for row in rows:
        seeds = phase_from_json({"name": row.name, **row.spec}).adaptive
        if seeds is None:
            continue
        members = _members(connection, row.id)
        arms = {(trial.configuration_hash, trial.budget_key) for trial in own if trial.id in members}
        new = [
            trial.id
            for trial in own
            if trial.id not in members
            and (trial.configuration_hash, trial.budget_key) in arms
            and 0 <= trial.seed < (math.inf if seeds.most is None else seeds.most)
        ]
        add_members(connection, row.id, new)


def add_members(connection: Connection, phase_id: int, new: Iterable[int]) -> None:
    """Add trials to a phase, after those that it has."""
    first = max(_members(connection, phase_id).values(), default=-1) + 1
    rows = [{"phase_id": phase_id, "position": first + place, "trial_id": trial} for place, trial in enumerate(new)]
    if rows:
        connection.execute(insert(phase_trials), rows)


def _members(connection: Connection, phase_id: int) -> dict[int, int]:
    """Return the positions of a phase's trials."""
    found = connection.execute(select(phase_trials).where(phase_trials.c.phase_id == phase_id))
    return {row.trial_id: row.position for row in found}
