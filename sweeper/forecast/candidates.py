"""Configurations that a sampler's trials may get, drawn at random to know what they may cost."""

import math
from typing import Final

import numpy as np

from sweeper.designs.factor import Factor, settled
from sweeper.designs.levels import Configuration, Level
from sweeper.designs.paths import Config
from sweeper.spec.configurations import complete_configuration, resolve, varied_factors
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study

NUM_DRAWS: Final = 24


def sampled_configurations(study: Study, phase: Phase) -> list[tuple[Configuration, Config]]:
    """Draw configurations of a phase with their complete configs, without those that the trainer refuses."""
    rng = np.random.default_rng(0)
    factors = varied_factors(study, phase)
    found: list[tuple[Configuration, Config]] = []
    for _ in range(NUM_DRAWS):
        levels = settled({name: _level(factor, rng) for name, factor in sorted(factors.items())}, factors)
        try:
            config = resolve(study, phase, levels)
        except ValueError:  # the trainer's ConfigError
            continue
        found.append((complete_configuration(study, phase, levels), config))
    return found


def _level(factor: Factor, rng: np.random.Generator) -> Level:
    if factor.range is None:
        levels = factor.listed_levels
        return levels[int(rng.integers(len(levels)))]
    low, high = factor.range.low, factor.range.high
    value = math.exp(rng.uniform(math.log(low), math.log(high))) if factor.range.log else float(rng.uniform(low, high))
    return round(value) if isinstance(low, int) and isinstance(high, int) else value
