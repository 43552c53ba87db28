"""Imported studies as their files are edited: only their own trials, until they name a program that runs others."""

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, TrialBudget
from sweeper.spec.configurations import configuration_hash, resolve
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study
from sweeper.store import optuna_mirror
from sweeper.store.enrolment.imported import stored_trials, with_own_keys
from sweeper.store.schema import trials
from sweeper.store.transactions import Record


def known_part(connection: Connection, study_id: int, plan: Plan) -> Plan:
    """Return of a plan the trials that the store has: without a program, no others can be run."""
    query = select(trials.c.configuration_hash, trials.c.seed, trials.c.budget_key).where(trials.c.study_id == study_id)
    stored = {tuple(row) for row in connection.execute(query)}
    kept = {
        (trial.phase, trial.number)
        for trial in plan.trials
        if (trial.configuration_hash, trial.seed, trial.budget.key) in stored
    }
    return Plan(plan.study, tuple(_part(phase, kept) for phase in plan.phases))


def _part(phase: PlannedPhase, kept: set[tuple[str, int]]) -> PlannedPhase:
    return PlannedPhase(
        phase.phase,
        tuple(trial for trial in phase.trials if (trial.phase, trial.number) in kept),
        tuple(member for member in phase.members if member in kept),
    )


def adopt(connection: Connection, study_id: int, study: Study) -> None:
    """Give imported trials the identity that they have now that their study names a program, and budgets perhaps.

    Trials of phases that the study no longer has keep theirs.
    """
    by_name = {phase.name: phase for phase in study.phases}
    stored = [(row, by_name[name]) for row, name in stored_trials(connection, study_id) if name in by_name]
    for row, _ in stored:  # keys must be unique at every moment
        connection.execute(update(trials).where(trials.c.id == row.id).values(budget_key=f"~{row.id}"))
    planned = with_own_keys([_planned(row, phase, study) for row, phase in stored])
    for (row, _), own in zip(stored, planned, strict=True):
        identity: Mapping[str, object] = {
            "configuration_hash": own.configuration_hash,
            "budget": own.budget.as_dict(),
        }
        values = {**identity, "config": dict(own.config or {}), "budget_key": own.budget.key}
        connection.execute(update(trials).where(trials.c.id == row.id).values(values))
        optuna_mirror.set_attributes(connection, row.optuna_trial_id, identity)


def _planned(row: Record, phase: Phase, study: Study) -> PlannedTrial:
    levels = {name: level for name, level in row.configuration.items() if name in study.factors}
    config = resolve(study, phase, levels)
    return PlannedTrial(
        phase=phase.name,
        number=row.number,
        configuration=row.configuration,
        config=config,
        configuration_hash=configuration_hash(study.trial, config),
        seed=row.seed,
        budget=TrialBudget(phase.budget.unit, phase.budget.amount),
    )
