"""The best value that a configuration reaches by each cost, and from which cost on one is ahead of another.

The envelope of a configuration at a cost is its value at the best of its lengths that cost no more, chosen by the mean
over seeds, the same length for all of them. Between two lengths it is a straight line over the logarithm of the cost.
Nothing is said of costs that not both configurations were measured at.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.statistics.paired import paired_t

Row = NDArray[np.float64]  # [costs]
Matrix = NDArray[np.float64]  # [seeds, costs]
State = Literal["overtakes", "ahead", "behind", "apart"]
LEVEL: Final = 0.95


@dataclass(frozen=True)
class Envelope:
    """The best values of a configuration by cost, less for better.

    Attributes:
        costs: at which it was measured, the smallest first, each once.
        values: by seed and cost.
    """

    costs: Row
    values: Matrix

    def at(self, costs: Row) -> Matrix:
        """Return the values at other costs within the measured ones."""
        places, own = np.log(costs), np.log(self.costs)
        return np.array([np.interp(places, own, row) for row in self.values])


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """From which cost on one configuration is ahead of another.

    Attributes:
        state: whether it overtakes the other one at a cost, is ahead or behind at all costs that both were measured
            at (``behind``: at the last one), or was measured at none of the other's costs.
        at: the cost of the crossing; NaN without one.
        low, high: its 95% interval; an open end is the first or last common cost. NaN with one seed.
        low_is_open, high_is_open: whether the interval may extend beyond.
        first, last: the first and the last common cost.
        seeds: the number of common seeds.
        costs: the number of common costs: those that either was measured at, and both ends.
        ahead, behind: at how many of them a paired t test shows that it is ahead of the other one, or behind it. Each
            is a test of its own, at 5%.
        is_shown: whether the test at the last common cost shows what the means say there.
    """

    state: State
    at: float = math.nan
    low: float = math.nan
    high: float = math.nan
    low_is_open: bool = False
    high_is_open: bool = False
    first: float = math.nan
    last: float = math.nan
    seeds: int = 0
    costs: int = 0
    ahead: int = 0
    behind: int = 0
    is_shown: bool = False


def envelope(costs: Row, chosen_by: Matrix, values: Matrix) -> Envelope:
    """Return the envelope of a configuration.

    Args:
        costs: of its lengths, in any order.
        chosen_by: by seed and length what lengths are chosen by, less for better; all known.
        values: by seed and length what is shown, less for better; all known.
    """
    order = np.argsort(costs, kind="stable")
    means = chosen_by.mean(axis=0)[order]
    best = order[[int(np.argmin(means[: place + 1])) for place in range(len(order))]]
    ordered = costs[order]
    last = np.append(ordered[1:] != ordered[:-1], True)  # of several lengths of one cost, all are affordable
    return Envelope(ordered[last], values[:, best[last]])


def crossing(start: Envelope, to: Envelope) -> Crossing:
    """Return from which cost on `to` is ahead of `start`; both have the same seeds, in the same order.

    The interval has all costs at which a paired t test does not show which of the two is ahead, as far as they are next
    to the crossing.
    """
    first, last = max(start.costs[0], to.costs[0]), min(start.costs[-1], to.costs[-1])
    if first > last:
        return Crossing(state="apart", seeds=len(to.values))
    grid = np.unique(np.concatenate([start.costs, to.costs, [first, last]]))
    grid = grid[(grid >= first) & (grid <= last)]
    differences = to.at(grid) - start.at(grid)
    means, halves = differences.mean(axis=0), np.array([_half(column) for column in differences.T])
    shown = np.where(means + halves < 0, -1, np.where(means - halves > 0, 1, 0))
    common = Crossing(
        state="behind",
        first=float(first),
        last=float(last),
        seeds=len(differences),
        costs=len(grid),
        ahead=int((shown < 0).sum()),
        behind=int((shown > 0).sum()),
        is_shown=bool(shown[-1]),
    )
    if means[-1] >= 0:
        return common
    behind = np.flatnonzero(means >= 0)
    if not len(behind):
        return replace(common, state="ahead")
    place = int(behind[-1])
    sure_behind = np.flatnonzero(shown[: place + 1] > 0)
    sure_ahead = place + 1 + np.flatnonzero(shown[place + 1 :] < 0)
    is_known = bool(np.isfinite(halves).all())
    low = _root(grid, means - halves, int(sure_behind[-1])) if len(sure_behind) else float(first)
    high = _root(grid, means + halves, int(sure_ahead[0]) - 1) if len(sure_ahead) else float(last)
    return replace(
        common,
        state="overtakes",
        at=_root(grid, means, place),
        low=low if is_known else math.nan,
        high=high if is_known else math.nan,
        low_is_open=is_known and not len(sure_behind),
        high_is_open=is_known and not len(sure_ahead),
    )


def _half(differences: Row) -> float:
    """Return half the width of the interval of a mean; NaN with one seed."""
    low, high = paired_t(differences.tolist()).interval(LEVEL)
    return (high - low) / 2


def _root(costs: Row, values: Row, place: int) -> float:
    """Return the cost between two places at which a line over the logarithm of the cost is 0."""
    one, two = values[place], values[place + 1]
    share = one / (one - two) if one != two else 0.0
    return float(math.exp(math.log(costs[place]) + share * (math.log(costs[place + 1]) - math.log(costs[place]))))
