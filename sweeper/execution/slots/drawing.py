"""Configurations that are known only at run time: a sampler's draws, and phases that override the baseline."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from sweeper.designs.kinds import SamplerDesign
from sweeper.spec.configurations import complete_configuration, configuration_hash, resolve, varied_factors
from sweeper.spec.json_form import from_json
from sweeper.store.queue import deferred, queue
from sweeper.store.records import Lease, run_dir_of


def draw_configuration(engine: Engine, document: Mapping[str, Any], lease: Lease) -> Lease:
    """Draw the configuration of a sampler's trial and write it into the store; the claim with it.

    A configuration that was drawn before gets the first seed that it does not have yet, so that no trial is run twice
    and the repetition tells something about the noise.

    Raises:
        LeaseLost: the trial is another attempt's.
    """
    from sweeper.planning.sampling import Drawn, draw  # noqa: PLC0415 - Optuna is loaded only where a phase samples

    study = from_json(document)
    phase, position = study.phase(lease.phase), study.position(lease.phase)
    assert isinstance(phase.design, SamplerDesign)
    history = [
        Drawn(configuration=past.configuration, state=past.state, value=past.value)
        for past in deferred.history(engine, lease.phase_id)
    ]

    def allowed(drawn: Mapping[str, object]) -> bool:
        """Whether the program takes a configuration; the built-in trainer refuses some combinations."""
        try:
            resolve(study, phase, drawn)
        except ValueError:
            return False
        return True

    drawn = draw(
        phase.design,
        varied_factors(study, phase),
        history,
        direction=study.metric.direction,
        seed=(study.seed, position, lease.number),
        exclude=phase.exclude,
        allowed=allowed,
    )
    configuration = complete_configuration(study, phase, drawn)
    config = resolve(study, phase, configuration)
    config_hash = configuration_hash(study.trial, config)
    seed = lease.seed
    while not queue.set_configuration(engine, lease, configuration, config, config_hash, seed):
        used = queue.used_seeds(engine, lease, config_hash)
        seed = next(number for number in range(lease.seed, lease.seed + len(used) + 2) if number not in used)
    return replace(lease, configuration=configuration, config=config, configuration_hash=config_hash, seed=seed)


def find_phase(document: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], int]:
    """A phase of a study's document, and its place."""
    for position, phase in enumerate(document["phases"]):
        if phase["name"] == name:
            return phase, position
    raise KeyError(name)  # the store's phases are those of its document


def fill_promotions(engine: Engine, document: Mapping[str, Any], study_id: int, now: float) -> None:
    """Give promoted trials their configurations as soon as the phases that they come from have ended."""

    def resolve_for(phase_name: str, configuration: Mapping[str, object]) -> tuple[Mapping[str, object], str]:
        study = from_json(document)
        config = resolve(study, study.phase(phase_name), configuration)
        return config, configuration_hash(study.trial, config)

    deferred.fill_promotions(engine, study_id, now=now, resolve=resolve_for)


def promotion_source(engine: Engine, phase: Mapping[str, Any], lease: Lease) -> Path | None:
    """The run directory of the trial whose checkpoint a promoted trial goes on from; None where it starts afresh."""
    design = phase["design"]
    if lease.design != "promote" or design.get("from") != "checkpoint":
        return None
    place = deferred.promoted_from(engine, lease, design["promote"])
    return None if place is None else run_dir_of(lease.run_dir.parents[1], *place)
