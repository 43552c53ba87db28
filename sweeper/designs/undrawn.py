"""Designs whose configurations are drawn or chosen while the study runs: samplers and promotions."""

from collections.abc import Mapping, Sequence
from typing import Any


def sampler_seeds(design: Mapping[str, Any], seeds: Sequence[int]) -> list[int]:
    """The seed of each trial of a sampler: as many as ``trials`` says; several seeds are taken in turns."""
    return [seeds[number % len(seeds)] for number in range(int(design["trials"]))]


def promoted_seeds(design: Mapping[str, Any], seeds: Sequence[int]) -> list[int]:
    """The seed of each trial of a promotion: ``top`` configurations with each seed, the first seed of all first."""
    return [seed for seed in seeds for _ in range(int(design["top"]))]
