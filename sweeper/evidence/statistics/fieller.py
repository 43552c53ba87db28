"""Where a line through measured points reaches a value, with Fieller's interval.

Between two points the place is a ratio of two differences, and the interval is that of Fieller (1954, J. Royal
Statistical Society B 16, 175-185): all places at which the line's value does not differ from the target by Student's t
of the seeds. Over several segments the places of all of them count. An interval that reaches the first or the last
point has no end there: nothing was measured beyond.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats: TypeAlias = NDArray[np.float64]
Refusal = Literal["below", "above", "unsteady", "one seed", "unclear"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the line reaches the target.

    Attributes:
        value: the place on the axis of the points.
        low, high: its interval; an open end is that of the points.
        low_is_open, high_is_open: whether the interval may extend beyond the points.
    """

    value: float
    low: float
    high: float
    low_is_open: bool
    high_is_open: bool


def place_on_line(points: ArrayLike, values: ArrayLike, targets: ArrayLike, *, level: float = 0.95) -> Place | Refusal:
    """Return where the mean line through points reaches the mean target, or why that is unknown.

    Args:
        points: `[points]`, increasing.
        values: `[seeds, points]`, that of each seed at each point.
        targets: `[seeds]`, the value that each seed is to reach.
        level: of the interval.

    Returns:
        the place; or ``below`` or ``above`` if the target is lower or higher than all means, ``unsteady`` if the line
        reaches it more than once, ``one seed`` if there are no two seeds, ``unclear`` if the interval has no end.
    """
    x, y, goal = (np.asarray(each, dtype=np.float64) for each in (points, values, targets))
    means, wanted = y.mean(axis=0), float(goal.mean())
    if wanted > means.max() or wanted < means.min():
        return "above" if wanted > means.max() else "below"
    shares = [_share(float(low), float(high), wanted) for low, high in pairwise(means)]
    found = sorted({_on(x, place, share) for place, share in enumerate(shares) if share is not None})
    if len(found) != 1:
        return "unsteady"
    if len(goal) < 2:
        return "one seed"
    (value,) = found
    quantile = float(special.stdtrit(len(goal) - 1, 0.5 + level / 2))
    accepted = [
        (_on(x, place, low), _on(x, place, high))
        for place in range(len(x) - 1)
        for low, high in _accepted(goal - y[:, place], y[:, place + 1] - y[:, place], quantile)
    ]
    low, high = _around(value, accepted)
    opens = (low <= x[0], high >= x[-1])
    return "unclear" if all(opens) else Place(value, low, high, *opens)


def _share(start: float, end: float, wanted: float) -> float | None:
    """Return the share of a segment at which its line has a value; None where it has not."""
    if start == end:
        return 0.0 if wanted == start else None
    share = (wanted - start) / (end - start)
    return share if 0.0 <= share <= 1.0 else None


def _on(x: Floats, place: int, share: float) -> float:
    return float(x[place] + share * (x[place + 1] - x[place]))


def _accepted(rises: Floats, spans: Floats, quantile: float) -> list[tuple[float, float]]:
    """Return the shares of a segment at which the mean of rises - share spans is not shown to differ from 0.

    Args:
        rises: `[seeds]`, of the target over the segment's start.
        spans: `[seeds]`, of the segment's end over its start.
        quantile: Student's t.
    """
    k = quantile**2 / len(rises)
    covariance = np.cov(rises, spans, ddof=1)
    rise, span = float(rises.mean()), float(spans.mean())
    a = span**2 - k * float(covariance[1, 1])
    b = -2.0 * (rise * span - k * float(covariance[0, 1]))
    c = rise**2 - k * float(covariance[0, 0])
    roots = [float(root.real) for root in np.roots([a, b, c]) if abs(root.imag) < 1e-12] if a or b else []
    ends = sorted({0.0, 1.0, *(root for root in roots if 0.0 < root < 1.0)})
    return [(low, high) for low, high in pairwise(ends) if _is_within(a, b, c, 0.5 * (low + high))]


def _is_within(a: float, b: float, c: float, share: float) -> bool:
    return a * share**2 + b * share + c <= 0.0


def _around(value: float, accepted: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the ends of all that is accepted, from the first to the last, with the estimate."""
    ends = [end for each in accepted for end in each]
    return min([value, *ends]), max([value, *ends])
