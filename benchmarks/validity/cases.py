"""What a case of the benchmark is: a study with planted truth, what is counted, and what was promised."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

Counts: TypeAlias = Mapping[str, tuple[float, int]]  # by quantity: how often it happened, of how many studies
Play: TypeAlias = Callable[[np.random.Generator], Mapping[str, float]]  # of one study: what happened, 0 to 1 each

SURE = 1.96
QUICK_STUDIES = 8


@dataclass(frozen=True, slots=True)
class Target:
    """Between which rates a quantity should be."""

    low: float = 0.0
    high: float = 1.0

    def met(self, rate: float, error: float) -> bool:
        """Whether a rate is within the target, or misses it by no more than simulation explains."""
        return self.low - SURE * error <= rate <= self.high + SURE * error

    def __str__(self) -> str:
        if self.low <= 0 and self.high >= 1:
            return "none"
        if self.low <= 0:
            return f"≤ {100 * self.high:g}%"
        if self.high >= 1:
            return f"≥ {100 * self.low:g}%"
        return f"{100 * self.low:g}% to {100 * self.high:g}%"


COVERS = Target(0.93, 0.97)
ERRS = Target(high=0.05)
NEVER = Target(high=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of study.

    Attributes:
        name: what it is, in words.
        play: draws a study, judges it, and says what happened.
        targets: of each quantity that `play` gives.
        studies: how many are drawn.
    """

    name: str
    play: Play = field(repr=False)
    targets: Mapping[str, Target]
    studies: int = 1000

    def tally(self, generator: np.random.Generator, studies: int) -> dict[str, list[float]]:
        """Play N studies; return the sum, sum of squares and number of studies of each quantity."""
        sums: dict[str, list[float]] = {name: [0.0, 0.0, 0.0] for name in self.targets}
        for _ in range(studies):
            for name, happened in self.play(generator).items():
                if math.isfinite(happened):
                    for place, amount in enumerate((happened, happened**2, 1.0)):
                        sums[name][place] += amount
        return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A rate that was found, beside its target."""

    case: str
    quantity: str
    rate: float
    error: float
    studies: int
    target: Target

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.target.met(self.rate, self.error)


def rows_of(case: Case, sums: Mapping[str, list[float]]) -> Iterator[Row]:
    """The rates of a case; one that was never seen is left out."""
    for name, target in case.targets.items():
        total, squares, count = sums[name]
        if count:
            rate = total / count
            variance = max(squares / count - rate**2, rate * (1 - rate) / count, 0.0)
            yield Row(
                case=case.name, quantity=name, rate=rate, error=math.sqrt(variance / count), studies=int(count),
                target=target,
            )  # fmt: skip
