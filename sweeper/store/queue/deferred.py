"""Configurations that are known only once other trials have ended: promotions, and what samplers learn from."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, ScalarSelect, delete, select, update

from sweeper.designs.kinds import PromoteDesign
from sweeper.designs.levels import Level
from sweeper.designs.paths import Config
from sweeper.spec.json_phases import design_from_json
from sweeper.spec.metric import Direction, mean_of
from sweeper.store import clock, optuna_mirror
from sweeper.store.queue.transitions import fail, lock_study
from sweeper.store.records import Lease, TrialState
from sweeper.store.schema import attempts, phase_trials, phases, studies, trials
from sweeper.store.transactions import Record, reading, writing

Resolve = Callable[[str, Mapping[str, Level]], tuple[Config, str]]

UNFILLED: Final = (trials.c.state == "waiting") & trials.c.configuration_hash.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTrial:
    """A trial that has a configuration, as samplers, pruners and promotions see it."""

    trial_id: int
    position: int  # in its phase
    configuration: Mapping[str, Level]
    configuration_hash: str
    seed: int
    state: TrialState
    value: float | None


@dataclass(frozen=True, slots=True)
class _Winner:
    """A configuration that is promoted, complete for the phase that it is promoted to."""

    configuration: Mapping[str, Level]
    config: Config
    configuration_hash: str


def history(engine: Engine, phase_id: int) -> tuple[PastTrial, ...]:
    """Return the trials of a phase that have a configuration, in its order, including those of earlier phases."""
    with reading(engine) as connection:
        return _history(connection, phase_id)


def promoted_from(engine: Engine, lease: Lease, source: str) -> tuple[Path, str] | None:
    """Return where the trial of the source phase has run that has a promoted trial's configuration and seed.

    Returns:
        The run directory of the attempt that completed, and its host; None if the source phase has no such trial.
    """
    query = (
        select(trials.c.configuration, attempts.c.run_dir, attempts.c.host)
        .join(phase_trials, phase_trials.c.trial_id == trials.c.id)
        .join(attempts, (attempts.c.trial_id == trials.c.id) & (attempts.c.exit_reason == "completed"))
        .where(trials.c.study_id == lease.study_id, trials.c.seed == lease.seed, trials.c.state == "completed")
        .where(phase_trials.c.phase_id == _phase_id(lease.study_id, source))
        .order_by(phase_trials.c.position)
    )
    with reading(engine) as connection:
        for configuration, run_dir, host in connection.execute(query):
            if configuration == lease.configuration:
                return Path(run_dir), host
    return None


def _phase_id(study_id: int, name: str) -> ScalarSelect[int]:
    return select(phases.c.id).where(phases.c.study_id == study_id, phases.c.name == name).scalar_subquery()


def fill_promotions(engine: Engine, study_id: int, *, resolve: Resolve, now: float | None = None) -> None:
    """Give the trials of each promotion whose source phase has ended the configurations that won there.

    Cheap if there is nothing to do, and safe to call from several slots at once: a trial is filled in once. If fewer
    configurations won than were planned, the remaining trials fail with a message, so nothing waits forever.

    Args:
        resolve: returns the program's complete config and its hash for a phase and a configuration.
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
            return
    with writing(engine) as connection:
        lock_study(connection, study_id, "decide")
        at = clock.read(connection, now).at
        for row in connection.execute(query).all():
            _fill(connection, row.id, resolve, at)


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
            position=position,
            configuration=row.configuration,
            configuration_hash=row.configuration_hash,
            seed=row.seed,
            state=row.state,
            value=row.value,
        )
        for position, row in enumerate(connection.execute(query))
    )


def _fill(connection: Connection, phase_id: int, resolve: Resolve, now: float) -> None:
    """Fill in one promotion, unless its source phase has not ended yet."""
    query = select(phases).where(phases.c.id == phase_id).with_for_update(key_share=True)
    phase = connection.execute(query).one()
    rule = design_from_json(phase.spec["design"])
    assert isinstance(rule, PromoteDesign)
    here = (phases.c.study_id == phase.study_id, phases.c.name == rule.phase)
    source = connection.execute(select(phases).where(*here)).one()
    if _still_going(connection, source.id):
        return
    direction = connection.execute(select(studies.c.direction).where(studies.c.id == phase.study_id)).scalar_one()
    best = _best(_history(connection, source.id), rule.top, direction)
    winners = [_Winner(configuration, *resolve(phase.name, configuration)) for configuration in best]
    distributions = _widen(connection, phase, source, winners)
    own = connection.execute(select(trials).where(trials.c.phase_id == phase.id).order_by(trials.c.number)).all()
    taken = {(row.configuration_hash, row.seed, row.budget_key) for row in own}  # exact repeats have their own key
    for row in own:
        if row.state != "waiting" or row.configuration_hash is not None:
            continue
        mine = (row.seed, row.budget_key)
        winner = next((each for each in winners if (each.configuration_hash, *mine) not in taken), None)
        if winner is None:
            message = _nothing_left(rule, len(winners))
            fail(connection, "waiting", trials.c.id == row.id, exit_reason="cancelled", message=message, now=now)
            continue
        taken.add((winner.configuration_hash, *mine))
        _give(connection, row, winner, distributions)


def _best(past: Sequence[PastTrial], top: int, direction: Direction) -> list[Mapping[str, Level]]:
    """Return the best configurations by their mean over the seeds, best first; ties go by the phase's order.

    Configurations with a trial that did not complete with a finite value are left out.
    """
    first: dict[str, Mapping[str, Level]] = {}
    values: dict[str, list[float]] = {}
    for trial in past:
        first.setdefault(trial.configuration_hash, trial.configuration)
        ok = trial.state == "completed" and trial.value is not None and math.isfinite(trial.value)
        values.setdefault(trial.configuration_hash, []).append(
            trial.value if ok and trial.value is not None else math.nan
        )
    sign = 1.0 if direction == "minimize" else -1.0
    means = {key: sign * mean_of(found) for key, found in values.items()}
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


def _nothing_left(rule: PromoteDesign, num_winners: int) -> str:
    return (
        f"nothing to promote: only {num_winners} of the best {rule.top} configurations of phase {rule.phase!r} "
        "completed. `sweeper retry` runs failed trials again, and then this one"
    )


def _widen(
    connection: Connection,
    phase: Record,
    source: Record,
    winners: Sequence[_Winner],
) -> optuna_mirror.Distributions:
    """Add every promoted level to the phase's distributions, which begin as those of its source."""
    base = {**source.distributions, **phase.distributions}
    distributions = optuna_mirror.widened(base, [winner.configuration for winner in winners])
    if distributions != phase.distributions:
        connection.execute(update(phases).where(phases.c.id == phase.id).values(distributions=distributions))
        optuna_mirror.set_distributions(connection, phase.optuna_study_id, distributions)
    return distributions


def _give(
    connection: Connection,
    row: Record,
    winner: _Winner,
    distributions: optuna_mirror.Distributions,
) -> None:
    """Give a waiting trial its configuration; if the study already has that very trial, the phase takes that one."""
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
        return
    values = {
        "configuration": dict(winner.configuration),
        "config": dict(winner.config),
        "configuration_hash": winner.configuration_hash,
    }
    connection.execute(update(trials).where(trials.c.id == row.id).values(values))
    optuna_mirror.set_params(connection, row.optuna_trial_id, winner.configuration, distributions)
    attributes = {"configuration_hash": winner.configuration_hash}
    optuna_mirror.set_attributes(connection, row.optuna_trial_id, attributes)
