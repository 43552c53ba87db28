"""From a phase's levels to the complete configurations of its trials, and their identity."""

import copy
import hashlib
import json
from collections.abc import Mapping

from sweeper.designs.enumeration import crossed, enumerate_design
from sweeper.designs.factor import DesignError, Factor, Factors, complete, settled
from sweeper.designs.levels import Configuration, Level, distinct, is_excluded
from sweeper.designs.paths import Config, apply_levels, merged
from sweeper.spec.json_form import program_to_json
from sweeper.spec.phase import Phase
from sweeper.spec.program import Trial
from sweeper.spec.study import Study

BALANCED = ("fractional", "plackett_burman")


def factors_in(study: Study, phase: Phase) -> dict[str, Factor]:
    """Return all factors of a study, with their levels and baselines in a phase."""
    return {name: phase.adapt(factor) for name, factor in study.factors.items()}


def varied_factors(study: Study, phase: Phase) -> dict[str, Factor]:
    """Return the factors that a phase's design varies, in its order; blocks are not among them."""
    return varied(phase, factors_in(study, phase))


def varied(phase: Phase, factors: Factors) -> dict[str, Factor]:
    """Return those of all factors that a phase's design varies."""
    names = phase.factors if phase.factors is not None else factors
    return {name: factors[name] for name in names if name not in phase.blocks}


def enumerate_phase(phase: Phase, factors: Factors) -> list[Configuration]:
    """Return the configurations of a phase, each once and with a level for every factor of the study.

    Args:
        factors: all factors of the study, as they are in the phase.

    Raises:
        DesignError: the design cannot be made of its factors, or is known only while the study runs.
    """
    if phase.exclude and phase.design.kind in BALANCED:
        raise DesignError(f"a {phase.design.kind} design without some of its rows is not balanced. Use grid")
    rows = enumerate_design(phase.design, varied(phase, factors), factors)
    blocks = {name: factors[name].listed_levels for name in phase.blocks}
    full = distinct(settled(complete(row, factors), factors) for row in crossed(rows, blocks))
    return [row for row in full if not is_excluded(row, phase.exclude)]


def complete_configuration(study: Study, phase: Phase, configuration: Mapping[str, Level]) -> Configuration:
    """Return a level for every factor of the study: the given one, else the phase's baseline where there is one."""
    return complete(configuration, factors_in(study, phase))


def baseline_config(study: Study, phase: Phase) -> dict[str, object]:
    """Return the baseline configuration of a phase as the study file has it, without the program's defaults."""
    return merged(study.trial.config, phase.config)


def resolve(study: Study, phase: Phase, configuration: Mapping[str, Level]) -> dict[str, object]:
    """Return the complete config of a configuration: the phase's baseline, the levels, and the program's defaults.

    Raises:
        trainer.config.ConfigError: the built-in trainer refuses it.
    """
    levels = complete_configuration(study, phase, configuration)
    return with_defaults(study.trial, apply_levels(baseline_config(study, phase), study.factors, levels))


def resolve_baseline(study: Study) -> dict[str, object]:
    """Return the complete config of the study's baseline, whatever its phases change.

    Raises:
        trainer.config.ConfigError: the built-in trainer refuses it.
    """
    return with_defaults(study.trial, apply_levels(study.trial.config, study.factors, complete({}, study.factors)))


def with_defaults(trial: Trial, config: Config) -> dict[str, object]:
    """Return a config with every default of its program, as far as they are known: the built-in trainer's are.

    Raises:
        trainer.config.ConfigError: the built-in trainer refuses it.
    """
    if not trial.is_trainer:
        return copy.deepcopy(dict(config))
    from trainer.config import resolve as resolve_trainer  # noqa: PLC0415 - pydantic is slow to load

    return resolve_trainer(config)


def configuration_hash(trial: Trial, config: Config) -> str:
    """Return the identity of a configuration: the SHA-256 of the program and its complete config."""
    document = {"program": program_to_json(trial.program), "config": config}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
