"""How long runs take, fitted to runs that ended: seconds = start + steps x (a + b x operations of a step)."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_SPREAD: Final = 0.05  # of the logarithm: no two runs of a machine take the same time
UNKNOWN_SPREAD: Final = 0.3  # with fewer than three runs
ONCE_SPREAD: Final = 0.15  # between runs of one configuration, where none ran twice
SPREADS: Final = 2.0  # half the interval's width, as many standard deviations
# Columns in the order in which they are preferred where they fit alike: operations, steps, start.
SUBSETS: Final = tuple(columns for size in (1, 2, 3) for columns in itertools.combinations((2, 1, 0), size))


@dataclass(frozen=True, slots=True)
class Work:
    """What a run has to do.

    Attributes:
        amount: of its budget: steps, or tokens or epochs where the program's steps are unknown.
        operations: floating-point operations; None where they are unknown.
    """

    amount: float
    operations: float | None = None

    def row(self) -> tuple[float, float, float]:
        """Start, steps and operations, each once."""
        return 1.0, self.amount, self.operations if self.operations is not None else 0.0


@dataclass(frozen=True, slots=True)
class Timed:
    """A run that ended, and the identity of its configuration."""

    work: Work
    seconds: float
    configuration_hash: str | None


@dataclass(frozen=True)
class Pace:
    """Fitted weights and how well they fit."""

    weights: Array  # [3]
    spread: float  # standard deviation of the logarithm of actual / fitted
    smallest: float  # of the operations (or amounts) seen
    largest: float
    own: dict[str, float]  # actual / fitted of configurations that have run, by their hash
    own_spread: float  # as `spread`, of runs of one configuration

    def seconds(self, work: Work, configuration_hash: str | None) -> tuple[float, float, float]:
        """Expected seconds of a run, and the interval around them."""
        own = self.own.get(configuration_hash or "")
        fitted = float(np.dot(self.weights, work.row())) * (1.0 if own is None else own)
        spread = self.spread if own is None else min(self.spread, self.own_spread)
        size = _size(work)
        beyond = max(0.0, math.log(size / self.largest), math.log(self.smallest / size))
        width = math.exp(SPREADS * spread + beyond / 2)  # beyond what was seen, less is known
        return fitted, fitted / width, fitted * width


def fit(runs: Sequence[Timed]) -> Pace | None:
    """Weights that are not negative, with the least relative error; None without runs.

    Source: non-negative least squares over three columns, of which all subsets are tried.
    """
    usable = [run for run in runs if run.seconds > 0 and _size(run.work) > 0]
    if not usable:
        return None
    actual = np.array([run.seconds for run in usable])
    rows = np.array([run.work.row() for run in usable])
    weights = _non_negative(rows / actual[:, None])
    ratios = actual / (rows @ weights)
    sizes = [_size(run.work) for run in usable]
    own: dict[str, list[float]] = {}
    for run, ratio in zip(usable, ratios, strict=True):
        if run.configuration_hash is not None:
            own.setdefault(run.configuration_hash, []).append(float(ratio))
    medians = {key: float(np.median(found)) for key, found in own.items()}
    return Pace(weights, _spread(ratios), min(sizes), max(sizes), medians, _own_spread(own))


def _size(work: Work) -> float:
    return work.operations if work.operations is not None else work.amount


def _non_negative(rows: Array) -> Array:
    """Weights for which rows @ weights is nearest to 1."""
    best, best_error = np.zeros(3), math.inf
    for columns in SUBSETS:
        chosen = rows[:, columns]
        if not chosen.any(axis=0).all():
            continue
        found, *_ = np.linalg.lstsq(chosen, np.ones(len(rows)))
        error = float(np.sum((chosen @ found - 1) ** 2))
        if (found > 0).all() and error < best_error * 0.99 - 1e-9:
            best, best_error = np.zeros(3), error
            best[list(columns)] = found
    return best


def _spread(ratios: Array) -> float:
    if len(ratios) < 3:
        return UNKNOWN_SPREAD
    freedom = max(1, len(ratios) - 3)
    return max(LEAST_SPREAD, math.sqrt(float(np.sum(np.log(ratios) ** 2)) / freedom))


def _own_spread(own: Mapping[str, Sequence[float]]) -> float:
    """How far runs of one configuration are apart, of all that ran more than once together."""
    several = [np.log(found) for found in own.values() if len(found) > 1]
    if not several:
        return ONCE_SPREAD
    squares = sum(float(np.sum((found - found.mean()) ** 2)) for found in several)
    return max(LEAST_SPREAD, math.sqrt(squares / sum(len(found) - 1 for found in several)))
