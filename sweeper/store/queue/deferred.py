"""Configurations that are known only once other trials have ended: promotions, and what samplers learn from."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, Row, ScalarSelect, delete, select, update

from sweeper.store import optuna_mirror
from sweeper.store.queue.attempts import fail
from sweeper.store.records import Lease, TrialState
from sweeper.store.schema import phase_trials, phases, studies, trials
from sweeper.store.transactions import reading, writing

Resolve = Callable[[str, Mapping[str, object]], tuple[Mapping[str, object], str]]
Fate = Literal["filled", "shared", "closed"]

UNFILLED: Final = (trials.c.state == "waiting") & trials.c.configuration_hash.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTrial:
    """A trial that has a configuration, as samplers, pruners and promotions see it."""

    trial_id: int
    position: int  # in its phase
    configuration: Mapping[str, object]
    config: Mapping[str, object]
    configuration_hash: str
    seed: int
    state: TrialState
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What became of the waiting trials of one promotion."""

    phase: str
    filled: int  # got a configuration
    shared: int  # the study had a trial of that configuration, seed and budget already
    closed: int  # nothing was left to promote


def history(engine: Engine, phase_id: int) -> tuple[PastTrial, ...]:
    """The trials of a phase that have a configuration, in its order, those it shares with an earlier phase included."""
    with reading(engine) as connection:
        return _history(connection, phase_id)


def promoted_from(engine: Engine, lease: Lease, source: str) -> tuple[str, int] | None:
    """The trial of the source phase with a promoted trial's configuration and seed.

    Returns:
        The phase that it is counted in and its number there; None if the phase has none such.
    """
    query = (
        select(trials.c.configuration, phases.c.name, trials.c.number)
        .join(phase_trials, phase_trials.c.trial_id == trials.c.id)
        .join(phases, phases.c.id == trials.c.phase_id)
        .where(trials.c.study_id == lease.study_id, trials.c.seed == lease.seed, trials.c.state == "completed")
        .where(phase_trials.c.phase_id == _phase_id(lease.study_id, source))
        .order_by(phase_trials.c.position)
    )
    with reading(engine) as connection:
        for configuration, phase, number in connection.execute(query):
            if configuration == lease.configuration:
                return phase, number
    return None


def _phase_id(study_id: int, name: str) -> ScalarSelect[int]:
    return select(phases.c.id).where(phases.c.study_id == study_id, phases.c.name == name).scalar_subquery()


def fill_promotions(engine: Engine, study_id: int, *, now: float, resolve: Resolve | None = None) -> tuple[Filled, ...]:
    """Gives the trials of each promotion whose source phase has ended the configurations that won there.

    Cheap where there is nothing to do, and safe to call by several slots at a time: a trial is filled in once. Where
    fewer configurations won than were planned, the trials left over fail with a message, so that nothing waits for
    ever.

    Args:
        resolve: (phase, configuration) -> the program's complete config and its hash, for phases that override the
            baseline; without it the config is that of the source's trial.
    """
    query = (
        select(phases.c.position, phases.c.id)
        .join(trials, trials.c.phase_id == phases.c.id)
        .where(phases.c.study_id == study_id, phases.c.design == "promote", UNFILLED)
        .distinct()
        .order_by(phases.c.position)
    )
    with reading(engine) as connection:
        if connection.execute(query).first() is None:
            return ()
    with writing(engine) as connection:
        found = [_fill(connection, row.id, resolve, now) for row in connection.execute(query).all()]
    return tuple(filled for filled in found if filled is not None)


def _history(connection: Connection, phase_id: int) -> tuple[PastTrial, ...]:
    query = (
        select(trials)
        .join(phase_trials, phase_trials.c.trial_id == trials.c.id)
        .where(phase_trials.c.phase_id == phase_id, trials.c.configuration_hash.is_not(None))
        .order_by(phase_trials.c.position)
    )
    return tuple(
        PastTrial(
            trial_id=row.id,
            position=place,
            configuration=row.configuration,
            config=row.config,
            configuration_hash=row.configuration_hash,
            seed=row.seed,
            state=row.state,
            value=row.value,
        )
        for place, row in enumerate(connection.execute(query))
    )


def _fill(connection: Connection, phase_id: int, resolve: Resolve | None, now: float) -> Filled | None:
    """Fills in one promotion; None while its source phase has not ended."""
    phase = connection.execute(select(phases).where(phases.c.id == phase_id)).one()
    rule = phase.spec["design"]
    here = (phases.c.study_id == phase.study_id, phases.c.name == rule["promote"])
    source = connection.execute(select(phases).where(*here)).one()
    if _still_going(connection, source.id):
        return None
    direction = connection.execute(select(studies.c.direction).where(studies.c.id == phase.study_id)).scalar_one()
    winners = _winners(_history(connection, source.id), rule["top"], direction)
    if resolve is not None:
        winners = [_resolved(winner, resolve(phase.name, winner.configuration)) for winner in winners]
    distributions = _widen(connection, phase, source, winners)
    own = connection.execute(select(trials).where(trials.c.phase_id == phase.id).order_by(trials.c.number)).all()
    taken = {(row.configuration_hash, row.seed, row.budget_key) for row in own}  # exact repeats have their own key
    fates: Counter[Fate] = Counter()
    for row in own:
        if row.state != "waiting" or row.configuration_hash is not None:
            continue
        mine = (row.seed, row.budget_key)
        winner = next((each for each in winners if (each.configuration_hash, *mine) not in taken), None)
        if winner is None:
            fail(connection, row, exit_reason="cancelled", message=_nothing_left(rule, len(winners)), now=now)
            fates["closed"] += 1
            continue
        taken.add((winner.configuration_hash, *mine))
        fates[_give(connection, row, winner, distributions)] += 1
    return Filled(phase=phase.name, filled=fates["filled"], shared=fates["shared"], closed=fates["closed"])


def _winners(past: Sequence[PastTrial], top: int, direction: str) -> list[PastTrial]:
    """The best configurations by their mean over the seeds, best first; the first trial of each stands for it.

    One of which any trial did not complete with a finite value is no winner; ties go by the phase's order.
    """
    first: dict[str, PastTrial] = {}
    values: dict[str, list[float]] = {}
    for trial in past:
        first.setdefault(trial.configuration_hash, trial)
        ok = trial.state == "completed" and trial.value is not None and math.isfinite(trial.value)
        values.setdefault(trial.configuration_hash, []).append(
            trial.value if ok and trial.value is not None else math.nan
        )
    sign = 1.0 if direction == "minimize" else -1.0
    means = {key: sign * math.fsum(found) / len(found) for key, found in values.items()}
    ranked = sorted((key for key in means if math.isfinite(means[key])), key=lambda key: means[key])
    return [first[key] for key in ranked[:top]]


def _still_going(connection: Connection, phase_id: int) -> bool:
    query = (
        select(trials.c.id)
        .join(phase_trials, phase_trials.c.trial_id == trials.c.id)
        .where(phase_trials.c.phase_id == phase_id, trials.c.state.in_(("waiting", "running")))
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _nothing_left(rule: Mapping[str, Any], num_winners: int) -> str:
    return (
        f"nothing to promote: of the best {rule['top']} configurations of phase {rule['promote']!r} only "
        f"{num_winners} completed. `sweeper retry` runs failed trials again, and this one after them"
    )


def _widen(
    connection: Connection,
    phase: Row[*tuple[Any, ...]],
    source: Row[*tuple[Any, ...]],
    winners: Sequence[PastTrial],
) -> optuna_mirror.Distributions:
    """The source's distributions, with every promoted level in them."""
    base = {**source.distributions, **phase.distributions}
    distributions = optuna_mirror.widened(base, [winner.configuration for winner in winners])
    if distributions != phase.distributions:
        connection.execute(update(phases).where(phases.c.id == phase.id).values(distributions=distributions))
        optuna_mirror.set_distributions(connection, phase.optuna_study_id, distributions)
    return distributions


def _give(
    connection: Connection,
    row: Row[*tuple[Any, ...]],
    winner: PastTrial,
    distributions: optuna_mirror.Distributions,
) -> Fate:
    """Gives a waiting trial its configuration; if the study has that very trial already, the phase takes that one."""
    same = connection.execute(
        select(trials.c.id).where(
            trials.c.study_id == row.study_id,
            trials.c.configuration_hash == winner.configuration_hash,
            trials.c.seed == row.seed,
            trials.c.budget_key == row.budget_key,
        )
    ).scalar_one_or_none()
    if same is not None:
        mine = (phase_trials.c.phase_id == row.phase_id, phase_trials.c.trial_id == row.id)
        members = select(phase_trials.c.trial_id).where(phase_trials.c.phase_id == row.phase_id)
        if same in connection.execute(members).scalars().all():
            connection.execute(delete(phase_trials).where(*mine))
        else:
            connection.execute(update(phase_trials).where(*mine).values(trial_id=same))
        connection.execute(delete(trials).where(trials.c.id == row.id))
        optuna_mirror.remove_trial(connection, row.optuna_trial_id)
        return "shared"
    values = {
        "configuration": dict(winner.configuration),
        "config": dict(winner.config),
        "configuration_hash": winner.configuration_hash,
    }
    connection.execute(update(trials).where(trials.c.id == row.id).values(values))
    optuna_mirror.set_params(connection, row.optuna_trial_id, winner.configuration, distributions)
    attributes = {"configuration_hash": winner.configuration_hash}
    optuna_mirror.set_attributes(connection, row.optuna_trial_id, attributes)
    return "filled"


def _resolved(winner: PastTrial, config: tuple[Mapping[str, object], str]) -> PastTrial:
    return replace(winner, config=config[0], configuration_hash=config[1])
