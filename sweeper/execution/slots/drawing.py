"""Configurations that are known only while a study runs: those that samplers draw, and those that are promoted."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Engine

from sweeper.designs.kinds import PromoteDesign, SamplerDesign
from sweeper.designs.levels import Level
from sweeper.designs.paths import Config
from sweeper.execution.slots.kept_checkpoints import checkpoint_files
from sweeper.execution.slots.sources import Source
from sweeper.spec.configurations import complete_configuration, configuration_hash, resolve, varied_factors
from sweeper.spec.phase import Phase
from sweeper.spec.program import Program
from sweeper.spec.study import Study
from sweeper.store.queue import deferred, queue
from sweeper.store.records import Lease


def draw_configuration(engine: Engine, study: Study, lease: Lease) -> Lease:
    """Draw the configuration of a sampler's trial, write it to the store and return the lease with it.

    A configuration that the phase already has gets the first unused seed instead of running twice, so the repeat
    measures noise.

    Raises:
        LeaseLost: another attempt has the trial.
    """
    from sweeper.planning.sampling import Drawn, draw  # noqa: PLC0415 - Optuna is loaded only where a phase samples

    phase, position = study.phase(lease.phase), study.position(lease.phase)
    assert isinstance(phase.design, SamplerDesign)
    history = [
        Drawn(configuration=past.configuration, state=past.state, value=past.value)
        for past in deferred.history(engine, lease.phase_id)
    ]

    def allowed(drawn: Mapping[str, Level]) -> bool:
        """Return whether the program takes a configuration; the built-in trainer refuses some combinations."""
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


def fill_promotions(engine: Engine, study: Study, study_id: int) -> None:
    """Give promoted trials their configurations as soon as the phases that they come from have ended."""

    def resolve_for(phase: str, configuration: Mapping[str, Level]) -> tuple[Config, str]:
        config = resolve(study, study.phase(phase), configuration)
        return config, configuration_hash(study.trial, config)

    deferred.fill_promotions(engine, study_id, resolve=resolve_for)


def promotion_source(engine: Engine, phase: Phase, program: Program, lease: Lease) -> Source | None:
    """Return what a promoted trial resumes from; None if it starts from scratch."""
    design = phase.design
    if not isinstance(design, PromoteDesign) or design.start != "checkpoint":
        return None
    found = deferred.promoted_from(engine, lease, design.phase)
    return None if found is None else Source(*found, checkpoint_files(program))
