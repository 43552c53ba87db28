"""Whether runs that differ in the seed alone are replicates at all."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

SAME: Final = 1e-13  # of the value: less is the rounding of a sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicates:
    """How many seeds the configurations ran with, and whether any of them differ.

    Attributes:
        repeated: configurations with two seeds or more.
        varying: those of them whose values differ between seeds.
        seeds: the most that a configuration ran with.
    """

    repeated: int
    varying: int
    seeds: int

    @property
    def degenerate(self) -> bool:
        """Whether the seed changes nothing: repeats are copies, and nothing is known of the spread of a run."""
        return self.repeated > 0 and self.varying == 0

    @property
    def reason(self) -> str:
        """Why nothing can be concluded, in words; empty if the seed changes something."""
        return f"the seed changes nothing: 1 run, not {self.seeds}" if self.degenerate else ""


def replicates(values: ArrayLike, arms: Sequence[Hashable], seeds: Sequence[Hashable]) -> Replicates:
    """Compare the runs of each configuration over its seeds.

    A program that ignores its seed, or prints too few digits, gives the same value with each: their standard
    deviation is zero, and a paired test would call any difference certain. One configuration that does vary shows
    that the seed is used.

    Args:
        values: `[runs]`, finite.
        arms: the configuration of each run.
        seeds: of each run. Runs that share both are exact repeats, of which the first counts.
    """
    found = np.asarray(values, dtype=np.float64)
    by_arm: dict[Hashable, dict[Hashable, float]] = {}
    for value, arm, seed in zip(found.tolist(), arms, seeds, strict=True):
        by_arm.setdefault(arm, {}).setdefault(seed, value)
    repeated = [list(runs.values()) for runs in by_arm.values() if len(runs) > 1]
    varying = sum(max(runs) - min(runs) > SAME * max(map(abs, runs)) for runs in repeated)
    return Replicates(repeated=len(repeated), varying=varying, seeds=max(map(len, by_arm.values()), default=0))
