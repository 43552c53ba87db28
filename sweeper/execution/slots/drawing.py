"""Configurations that are known only while a study runs: those that samplers draw, and those that are promoted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from sweeper.designs.kinds import PromoteDesign, SamplerDesign
from sweeper.designs.levels import Configuration, Level
from sweeper.designs.paths import Config
from sweeper.execution.slots.kept_checkpoints import resumable_files
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
    measures noise. If the design says so, another one is drawn instead, as long as there are others.

    Raises:
        LeaseLost: another attempt has the trial.
    """
    phase = study.phase(lease.phase)
    assert isinstance(phase.design, SamplerDesign)
    found = _drawn(engine, study, phase, lease, ())
    seed = lease.seed
    refused: list[str] = []
    while not queue.set_configuration(engine, lease, found.configuration, found.config, found.configuration_hash, seed):
        if phase.design.duplicates == "redraw" and found.configuration_hash not in refused:
            refused.append(found.configuration_hash)
            found = _drawn(engine, study, phase, lease, refused)
            continue
        used = queue.used_seeds(engine, lease, found.configuration_hash)
        seed = next(number for number in range(lease.seed, lease.seed + len(used) + 2) if number not in used)
    return replace(
        lease,
        configuration=found.configuration,
        config=found.config,
        configuration_hash=found.configuration_hash,
        seed=seed,
    )


@dataclass(frozen=True, slots=True)
class _Draw:
    configuration: Configuration
    config: Config
    configuration_hash: str


def _drawn(engine: Engine, study: Study, phase: Phase, lease: Lease, refused: Sequence[str]) -> _Draw:
    """Return what the phase's sampler draws.

    Args:
        refused: the hashes of configurations that turned out to be taken.
    """
    from sweeper.planning.sampling import Drawn, draw  # noqa: PLC0415 - Optuna is loaded only where a phase samples

    assert isinstance(phase.design, SamplerDesign)
    past = deferred.history(engine, lease.phase_id)
    taken = {*refused, *(each.configuration_hash for each in past)}

    def allowed(drawn: Mapping[str, Level]) -> bool:
        """Return whether the program takes a configuration; the built-in trainer refuses some combinations."""
        try:
            resolve(study, phase, drawn)
        except ValueError:
            return False
        return True

    def is_new(drawn: Mapping[str, Level]) -> bool:
        return configuration_hash(study.trial, resolve(study, phase, drawn)) not in taken

    levels = draw(
        phase.design,
        varied_factors(study, phase),
        [Drawn(configuration=each.configuration, state=each.state, value=each.value) for each in past],
        direction=study.metric.direction,
        seed=(study.seed, study.position(lease.phase), lease.number),
        exclude=phase.exclude,
        allowed=allowed,
        is_new=is_new if phase.design.duplicates == "redraw" else None,
    )
    configuration = complete_configuration(study, phase, levels)
    config = resolve(study, phase, configuration)
    return _Draw(configuration, config, configuration_hash(study.trial, config))


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
    return None if found is None else Source(*found, resumable_files(program))
