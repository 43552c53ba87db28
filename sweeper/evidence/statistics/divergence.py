"""Runs that diverged or failed: how often, and what they leave of a comparison.

A run that diverges is an outcome, and the worst there is. If such runs are left out, an arm that diverges whenever a
run goes badly looks better than it is. The value of such a run is unknown but beyond all others, so that a mean has no
finite estimate with it; what remains true is one-sided. Where the arm that a claim favours diverged and its partner did
not, the claim cannot be supported; where the partner diverged, leaving the pair out only weakens the case.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # scipy.stats takes half a second to load, and does so where it is first used

from sweeper.evidence.statistics.multiplicity import tost
from sweeper.evidence.statistics.paired import Estimate


@dataclass(frozen=True, slots=True)
class Share:
    """How many of an arm's runs diverged or failed."""

    diverged: int
    runs: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The exact interval of the probability (Clopper and Pearson 1934, Biometrika 26)."""
        low, high = scipy.stats.binomtest(self.diverged, self.runs).proportion_ci(level, method="exact")
        return float(low), float(high)

    def __str__(self) -> str:
        return f"{self.diverged}/{self.runs}"


@dataclass(frozen=True, slots=True)
class Worst:
    """Where runs that diverged push an effect: without bound upwards, downwards, or both."""

    up: bool = False
    down: bool = False

    @property
    def any(self) -> bool:
        """Whether they push it at all."""
        return self.up or self.down


def worst_case(pairs: Iterable[Sequence[tuple[float, bool]]], sign: float) -> Worst:
    """Where the pairs with runs that diverged would push the effect, were each such run the worst.

    A pair in which runs of both sides diverged tells nothing and is left out.

    Args:
        pairs: of each the weight of every run and whether it diverged or failed.
        sign: 1 where a larger value is worse, -1 where a smaller one is.
    """
    up = down = False
    for pair in pairs:
        pushes = {weight * sign > 0 for weight, diverged in pair if diverged and weight}
        if len(pushes) == 1:
            up, down = up or True in pushes, down or False in pushes
    return Worst(up, down)


def p_with_worst(effect: Estimate, low: float | None, high: float | None, worst: Worst) -> tuple[float, float]:
    """p-values for and against "the effect lies above `low` and below `high`", runs that diverged counting as worst.

    A bound beyond which such a run would push the effect cannot be shown to hold, nor one to be broken that it would
    push the effect back from.

    Args:
        effect: of the pairs that are complete.
        low, high: the region; None for no bound.
        worst: from `worst_case`.

    Returns:
        The p-value of the denial (small supports) and of the claim itself (small refutes).
    """
    above = {bound: 1.0 if worst.down else effect.p_above(bound) for bound in (low, high) if bound is not None}
    below = {bound: 1.0 if worst.up else effect.p_below(bound) for bound in (low, high) if bound is not None}
    if low is not None and high is not None:
        if not worst.any:
            both = tost(effect, low, high)
            return both.p_equivalent, both.p_different
        return 1.0, min(1.0, 2 * min(below[low], above[high]))
    if low is not None:
        return above[low], below[low]
    assert high is not None
    return below[high], above[high]


def diverges_more_p(excess: Iterable[int]) -> float:
    """One-sided p-value of H0 "the first arm diverges no more often than the second", for runs paired by seed.

    Seeds are independent draws, the pairs of one seed are not: a seed that breaks a level breaks it in all of them. So
    the sign of each seed's excess is flipped, exactly over all flips. With one pair of each seed this is McNemar's test
    (1947, Psychometrika 12) in its exact form.

    Args:
        excess: of each seed, in how many of its pairs the first alone diverged, minus those in which the second did.
    """
    sizes = [each for each in excess if each]
    total = sum(map(abs, sizes))
    chances = np.zeros(2 * total + 1)  # of each sum from -total to total
    chances[total] = 1.0
    for size in map(abs, sizes):
        chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2.0
    return min(float(chances[total + sum(sizes) :].sum()), 1.0) if sizes else 1.0


def fewest_that_differ(alpha: float) -> int:
    """The fewest seeds of which all must differ one way for a p-value of `diverges_more_p` below a level."""
    return math.floor(math.log2(1.0 / alpha)) + 1
