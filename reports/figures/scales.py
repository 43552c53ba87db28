"""Scales of axes: the metric's, and those of time, steps and FLOPs in units that suit their values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reports import wording
from reports.figures.drawing import LEAST, MOST, drawable
from sweeper.evidence.data.measures import Metric

NARROW: Final = 3.0  # axes whose ends differ by less than this factor get evenly spaced ticks
MANTISSAS: Final = ((1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0), (1.0, 2.0, 3.0, 5.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
MARGIN: Final = 0.06
ALIKE: Final = 1.02  # costs within this factor count as one, around which the axis extends by `SPREAD`
SPREAD: Final = 1.25
ROUNDING: Final = 1e-12  # of equal values, relative to their size
MOST_DIGITS: Final = 17  # that tell any two floats apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit for an axis: a value in the unit is the value divided by `size`."""

    size: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """An axis from `low` to `high`, with its ticks; `label` says what it counts."""

    low: float
    high: float
    log: bool = False
    label: str = ""
    ticks: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()

    def share(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return how far along the axis values are, from 0 to 1; NaN for those that it cannot show."""
        numbers = drawable(values)
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                numbers = np.where(numbers > 0, np.log(numbers), np.nan)
            low, high = math.log(self.low), math.log(self.high)
        else:
            low, high = self.low, self.high
        return np.asarray((numbers - low) / (high - low))


def make_scale(low: float, high: float, *, log: bool = False, label: str = "", most: int = 6) -> Scale:
    """Return a scale with at most about `most` round ticks."""
    places = ticks(low, high, log=log, most=most)
    return Scale(
        low=low, high=high, log=log, label=wording.label(label), ticks=tuple(places), texts=tuple(tick_texts(places))
    )


def time_unit(seconds: ArrayLike) -> Unit:
    """Return device-hours, or device-minutes or -seconds if all times are short."""
    longest = np.max(np.nan_to_num(np.asarray(seconds, dtype=float)), initial=0.0)
    if longest >= 3600:
        return Unit(size=3600.0, name="device-hours")
    return Unit(size=60.0, name="device-minutes") if longest >= 120 else Unit(size=1.0, name="device-seconds")


def metric_scale(metric: Metric, values: ArrayLike, *, most: int = 6) -> Scale:
    """Return the scale of a metric for the finite values among these; logarithmic for perplexities above 0."""
    log, ends = _scale_and_ends(values, log=metric.is_log)
    low, high = ends if ends is not None else (0.0, 1.0)
    return make_scale(low, high, log=log, label=wording.metric_name(metric.name), most=most)


def log_costs(costs: ArrayLike) -> bool:
    """Return whether costs differ so much that their axis is logarithmic."""
    positive = _positive(costs)
    return len(positive) > 0 and bool(positive.max() > NARROW * positive.min())


def cost_scale(costs: ArrayLike, label: str, *, most: int = 5) -> Scale:
    """Return the scale of costs, logarithmic if they differ much."""
    positive, log = _positive(costs), log_costs(costs)
    low, high = _ends(positive, log=log) or (0.0, 1.0)
    if len(positive) and positive.max() < ALIKE * positive.min():  # else the axis would show only rounding
        low, high = low / SPREAD, high * SPREAD
    return make_scale(low, high, log=log, label=label, most=most)


def count_scale(last: float, label: str, *, least: float = 1.0, most: int = 4) -> Scale:
    """Return the scale of a count from 0, e.g. of steps."""
    return make_scale(0.0, max(last, least) * 1.02, label=label, most=most)


def span_scale(values: ArrayLike, label: str, *, zero: bool = True, most: int = 6) -> Scale:
    """Return a linear scale of values of either sign, with 0 among them."""
    numbers = np.asarray(values, dtype=float).ravel()
    finite = drawable(numbers[np.isfinite(numbers)])
    ends = np.append(finite, 0.0) if zero or not len(finite) else finite
    low, high = float(ends.min()), float(ends.max())
    margin = MARGIN * (high - low) or MARGIN * (abs(high) or 1.0)
    return make_scale(low - margin, high + margin, label=label, most=most)


def clamped(values: ArrayLike, metric: Metric) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return values for an axis that a few very bad ones would squeeze: those are moved to its edge.

    The edge is six times as far from the median as the best value is, on the metric's scale, and at least a factor of 2
    for perplexities; at most about a tenth of the values lie beyond it.

    Returns:
        The values, and which of them were moved.
    """
    given = np.asarray(values, dtype=float)
    numbers = np.where(np.isfinite(given), drawable(given), given)
    sign = 1.0 if metric.minimizes else -1.0
    log = metric.is_log and bool((numbers[np.isfinite(numbers)] > 0).all())
    worse = sign * (np.log(numbers) if log else numbers)
    finite = worse[np.isfinite(worse)]
    if not len(finite):
        return numbers, np.zeros(len(numbers), dtype=bool)
    reach = max(6.0 * (np.median(finite) - finite.min()), math.log(2.0) if log else 0.0)
    edge = max(np.median(finite) + reach, np.quantile(finite, 0.9, method="lower"))
    beyond = worse > edge
    inside = sign * np.minimum(worse, edge)
    return np.where(beyond, np.exp(inside) if log else inside, numbers), beyond


def _positive(costs: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(costs, dtype=float)
    return np.asarray(numbers[np.isfinite(numbers) & (numbers > 0)])


def _scale_and_ends(values: ArrayLike, *, log: bool) -> tuple[bool, tuple[float, float] | None]:
    """Return whether an axis is logarithmic, which it cannot be if no value is above 0, and its limits."""
    ends = _ends(values, log=log)
    return (log, ends) if ends is not None else (False, _ends(values, log=False))


def _ends(values: ArrayLike, *, log: bool) -> tuple[float, float] | None:
    """Return the limits of an axis with a margin; None if there is no value to show."""
    numbers = np.asarray(values, dtype=float).ravel()
    finite = drawable(numbers[np.isfinite(numbers) & ((numbers > 0) | (not log))])
    if not len(finite):
        return None
    low, high = float(finite.min()), float(finite.max())
    if log:
        width = max((math.log(high) - math.log(low)) * MARGIN, math.log(1.01))
        return max(low * math.exp(-width), LEAST), min(high * math.exp(width), MOST)
    size = max(abs(high), abs(low))
    # Values that are equal but for rounding have no scale of their own.
    margin = (high - low) * MARGIN if high - low > ROUNDING * size else MARGIN * (size or 1.0)
    return low - margin, high + margin


def ticks(low: float, high: float, *, log: bool, most: int = 6) -> list[float]:
    """Return round values between the ends of an axis."""
    if not log or high < NARROW * low:
        return _even_ticks(low, high, most)
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    for mantissas in MANTISSAS:
        chosen = [m * 10.0**decade for decade in decades for m in mantissas]
        inside = [value for value in chosen if low <= value <= high]
        if len(inside) <= most:
            return inside
    step = math.ceil(len(inside) / most)
    return inside[::step]


def _even_ticks(low: float, high: float, most: int) -> list[float]:
    """Return the multiples of the smallest round step of which at most `most` lie between the ends."""
    rough = (high - low) / most
    if rough <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    for step in (mantissa * power for mantissa in STEPS):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            break
    digits = max(0, 2 - math.floor(math.log10(step)))
    found = [number * step for number in range(first, last + 1)]
    return [round(value, digits) if digits < 300 else value for value in found]


def tick_texts(values: Sequence[float]) -> list[str]:
    """Format the numbers of an axis: with as many digits as it takes for them to differ."""
    found = [tick_text(value) for value in values]
    for digits in range(5, MOST_DIGITS + 1):
        if len(set(found)) == len(found):
            break
        found = [f"{value:.{digits}g}".replace("-", "\u2212") for value in values]
    return found


def tick_text(value: float) -> str:
    """Format a tick's number: short, with a prefix from a million on, and a power of ten from 1e15 on."""
    if abs(value) >= 1e15:
        return f"{value:.4g}".replace("e+", "e").replace("-", "\u2212")
    if abs(value) >= 1e6:
        return wording.si(value)
    return f"{value:.4g}".replace("-", "\u2212") if abs(value) < 1000 else wording.grouped(round(value))


def percent_texts(scale: Scale, *, percent: bool) -> tuple[str, ...]:
    """Return the ticks of a scale of changes: with their signs, and in percent if they are."""
    unit = "%" if percent else ""
    return tuple(
        f"{'+' if value > 0 else ''}{text}{unit}" if value else f"0{unit}"
        for value, text in zip(scale.ticks, scale.texts, strict=True)
    )


def widest(groups: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Return all values of several arrays."""
    return np.concatenate([np.asarray(group, dtype=float).ravel() for group in groups] or [np.array([])])
