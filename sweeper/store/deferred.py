"""Configurations that are known only once other trials have ended: promotions, and what samplers learn from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select, update

from sweeper.store import optuna_mirror, optuna_tables
from sweeper.store.attempts import fail
from sweeper.store.schema import phase_trials, phases, studies, trials
from sweeper.store.transactions import reading, writing


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTrial:
    """A trial with a configuration, as samplers, pruners and promotions see it."""

    number: int
    configuration: Mapping[str, object]
    configuration_hash: str
    config: Mapping[str, object]
    seed: int
    state: str
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What filling in one promotion did: trials that got a configuration, that were shared, and that were closed."""

    phase: str
    filled: int
    closed: int


Choose = Callable[[Sequence[PastTrial], int, str], Sequence[str]]


def history(engine: Engine, phase_id: int) -> tuple[PastTrial, ...]:
    """All trials of a phase that have a configuration, those shared with an earlier phase included, in its order."""
    with reading(engine) as connection:
        return _history(connection, phase_id)


def _history(connection: Connection, phase_id: int) -> tuple[PastTrial, ...]:
    query = (
        select(trials)
        .join(phase_trials, phase_trials.c.trial_id == trials.c.id)
        .where(phase_trials.c.phase_id == phase_id, trials.c.configuration_hash.is_not(None))
        .order_by(phase_trials.c.position)
    )
    return tuple(
        PastTrial(
            number=place,
            configuration=row.configuration,
            configuration_hash=row.configuration_hash,
            config=row.config,
            seed=row.seed,
            state=row.state,
            value=row.value,
        )
        for place, row in enumerate(connection.execute(query))
    )
