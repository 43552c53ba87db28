"""The run time of trials, fitted to runs that ended: seconds = start + steps x (a + b x operations per step)."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MIN_SPREAD: Final = 0.05  # of the logarithm: no two runs on a machine take the same time
UNKNOWN_SPREAD: Final = 0.3  # with fewer than three runs
ONCE_SPREAD: Final = 0.15  # between runs of one configuration, if none ran twice
SPREADS: Final = 2.0  # half the interval's width, in standard deviations
# Columns in order of preference among equal fits: operations, steps, start.
SUBSETS: Final = tuple(columns for size in (1, 2, 3) for columns in itertools.combinations((2, 1, 0), size))


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a run.

    Attributes:
        amount: its budget in steps, or in tokens or epochs if the program's steps are unknown.
        operations: floating-point operations; None if unknown.
    """

    amount: float
    operations: float | None = None

    @property
    def size(self) -> float:
        """The operations, or the amount if they are unknown."""
        return self.operations if self.operations is not None else self.amount

    def row(self) -> tuple[float, float, float]:
        """Return the fit's regressors: start, steps and operations."""
        return 1.0, self.amount, self.operations if self.operations is not None else 0.0


@dataclass(frozen=True, slots=True)
class TimedRun:
    """A run that ended, with its device-seconds and the identity of its configuration."""

    work: Work
    seconds: float
    configuration_hash: str | None


@dataclass(frozen=True)
class Throughput:
    """A fit of run times.

    Attributes:
        weights: seconds per start, step and operation, `[3]`.
        spread: the standard deviation of the logarithm of actual / fitted seconds.
        smallest, largest: the range of work (operations, or amounts) that was fitted.
        own: actual / fitted seconds of each configuration that has run, by its hash.
        own_spread: as `spread`, between runs of one configuration.
    """

    weights: Array
    spread: float
    smallest: float
    largest: float
    own: Mapping[str, float]
    own_spread: float

    def seconds(self, work: Work, configuration_hash: str | None) -> tuple[float, float, float]:
        """Return the expected seconds of a run, and the ends of the interval around them."""
        own = self.own.get(configuration_hash or "")
        fitted = float(np.dot(self.weights, work.row())) * (1.0 if own is None else own)
        spread = self.spread if own is None else min(self.spread, self.own_spread)
        beyond = max(0.0, math.log(work.size / self.largest), math.log(self.smallest / work.size))
        width = math.exp(SPREADS * spread + beyond / 2)  # wider outside the range that was fitted
        return fitted, fitted / width, fitted * width


def fit_throughput(runs: Sequence[TimedRun]) -> Throughput | None:
    """Fit non-negative weights with the least relative error; return None without runs.

    Source: non-negative least squares over three columns, by trying all subsets of columns.
    """
    usable = [run for run in runs if run.seconds > 0 and run.work.size > 0]
    if not usable:
        return None
    actual = np.array([run.seconds for run in usable])
    rows = np.array([run.work.row() for run in usable])
    weights = _non_negative(rows / actual[:, None])
    ratios = actual / (rows @ weights)
    sizes = [run.work.size for run in usable]
    own: dict[str, list[float]] = {}
    for run, ratio in zip(usable, ratios, strict=True):
        if run.configuration_hash is not None:
            own.setdefault(run.configuration_hash, []).append(float(ratio))
    medians = {key: float(np.median(found)) for key, found in own.items()}
    return Throughput(weights, _spread(ratios), min(sizes), max(sizes), medians, _own_spread(own))


def _non_negative(rows: Array) -> Array:
    """Return non-negative weights for which rows @ weights is nearest to 1."""
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
    return max(MIN_SPREAD, math.sqrt(float(np.sum(np.log(ratios) ** 2)) / freedom))


def _own_spread(own: Mapping[str, Sequence[float]]) -> float:
    """Return the spread between runs of one configuration, pooled over those that ran more than once."""
    several = [np.log(found) for found in own.values() if len(found) > 1]
    if not several:
        return ONCE_SPREAD
    squares = sum(float(np.sum((found - found.mean()) ** 2)) for found in several)
    return max(MIN_SPREAD, math.sqrt(squares / sum(len(found) - 1 for found in several)))
