"""Whether runs that differ in the seed alone are replicates at all."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sweeper.evidence.statistics.agreement import chance_of_agreement

SAME: Final = 1e-13  # of the value: less is the rounding of a sum
# Of a value: its resolution is at most that if it has eight digits or more, or is a 32-bit float. Two trainings do not
# share such a value by chance.
FINE: Final = 2.0**-23
FEW_DIGITS: Final = 1  # of values that all runs of a configuration may have, such as an accuracy of 1 or of 0.5
BY_CHANCE: Final = 5e-3  # the chance at which equal runs may be taken for copies
QUIETER: Final = 1.5  # arms often vary by that much less than the others


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
    by_arm = _by_arm(values, arms, seeds)
    repeated = [runs for runs in by_arm.values() if len(runs) > 1]
    varying = sum(not _are_equal(runs) for runs in repeated)
    return Replicates(repeated=len(repeated), varying=varying, seeds=max(map(len, by_arm.values()), default=0))


def copies(
    values: ArrayLike,
    arms: Sequence[Hashable],
    seeds: Sequence[Hashable],
    *,
    steps: Sequence[float],
    shares: Sequence[float],
    digits: Sequence[int],
    usual: float = 0.0,
) -> set[Hashable]:
    """Return the arms whose runs are equal with every seed, although their digits would show what seeds change.

    Values of eight digits or more that agree in eight are copies of one run. So are equal ones that runs with two
    thirds of the spread of the other arms would hardly ever all be rounded to. A value of one digit, such as an
    accuracy of 1, is not taken for a copy.

    Args:
        values: `[runs]`, finite, of one stratum.
        arms, seeds: of each run.
        steps: `[runs]`, by how much the resolution of the metric can change each value.
        shares: `[runs]`, the resolution over the value as measured.
        digits: `[runs]`, how many each value has as measured.
        usual: the spread of runs in other strata, which counts where no arm of this one varies.
    """
    repeated = {arm: runs for arm, runs in _by_arm(values, arms, seeds).items() if len(runs) > 1}
    equal = {arm: runs for arm, runs in repeated.items() if _are_equal(runs)}
    if not equal:
        return set()
    spreads = [standard_deviation(runs) for arm, runs in repeated.items() if arm not in equal]
    spread = (median(spreads) if spreads else usual) / QUIETER
    first = dict(zip(reversed(arms), reversed(range(len(arms))), strict=True))
    return {
        arm
        for arm, runs in equal.items()
        if digits[first[arm]] > FEW_DIGITS
        and (shares[first[arm]] <= FINE or chance_of_agreement(len(runs), steps[first[arm]], spread) < BY_CHANCE)
    }


def usual_spread(values: ArrayLike, arms: Sequence[Hashable], seeds: Sequence[Hashable]) -> float:
    """The median standard deviation of the arms whose runs differ; 0 if there is none."""
    repeated = [runs for runs in _by_arm(values, arms, seeds).values() if len(runs) > 1]
    return median([standard_deviation(runs) for runs in repeated if not _are_equal(runs)] or [0.0])


def standard_deviation(runs: Sequence[float]) -> float:
    """The standard deviation of two runs or more; of the largest numbers too."""
    mean = math.fsum(run / len(runs) for run in runs)
    return math.hypot(*(run - mean for run in runs)) / math.sqrt(len(runs) - 1)


def _by_arm(values: ArrayLike, arms: Sequence[Hashable], seeds: Sequence[Hashable]) -> dict[Hashable, list[float]]:
    """The values of each arm, one of each seed."""
    found: dict[Hashable, dict[Hashable, float]] = {}
    for value, arm, seed in zip(np.asarray(values, dtype=np.float64).tolist(), arms, seeds, strict=True):
        found.setdefault(arm, {}).setdefault(seed, value)
    return {arm: list(runs.values()) for arm, runs in found.items()}


def _are_equal(runs: Sequence[float]) -> bool:
    """Whether runs agree to eight digits: sums that are added in another order change no more."""
    return max(runs) - min(runs) <= 2.0 * FINE * max(map(abs, runs))
