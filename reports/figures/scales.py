"""Readable axes: the metric's, and those of time, steps and FLOPs in units that suit their values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from reports import wording
from reports.figures.drawing import LEAST, MOST, drawable
from sweeper.evidence.data.measures import Metric

NARROW: Final = 3.0  # axes whose ends differ by less than this factor get evenly spaced ticks
MANTISSAS: Final = ((1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0), (1.0, 2.0, 3.0, 5.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
MARGIN: Final = 0.06
ALIKE: Final = 1.02  # costs within this factor count as one, around which the axis extends by `SPREAD`
SPREAD: Final = 1.25
PLAIN_POWER: Final = 12  # powers of ten from here on are taken out of ticks
ROUNDING: Final = 1e-12  # of equal values, relative to their size
MOST_DIGITS: Final = 17  # that tell any two floats apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit for an axis: a value in the unit is the value divided by `size`."""

    size: float
    name: str


def time_unit(seconds: ArrayLike) -> Unit:
    """Return device-hours, or device-minutes or -seconds if all times are short."""
    longest = np.max(np.nan_to_num(np.asarray(seconds, dtype=float)), initial=0.0)
    if longest >= 3600:
        return Unit(size=3600.0, name="device-hours")
    return Unit(size=60.0, name="device-minutes") if longest >= 120 else Unit(size=1.0, name="device-seconds")


def metric_axis(axes: Axes, metric: Metric, values: ArrayLike, *, label: bool = True) -> None:
    """Set up the y axis of the metric for the finite values among these; logarithmic for perplexities above 0."""
    if label:
        axes.set_ylabel(wording.label(wording.metric_name(metric.name)))
    log, ends = _scale_and_ends(values, log=metric.is_log)
    if ends is not None:
        axes.set_yscale("log" if log else "linear")
        axes.set_ylim(*ends)
        _set_ticks(axes.yaxis, *ends, log=log)


def log_costs(costs: ArrayLike) -> bool:
    """Return whether costs differ so much that their axis is logarithmic."""
    numbers = np.asarray(costs, dtype=float)
    positive = numbers[np.isfinite(numbers) & (numbers > 0)]
    return len(positive) > 0 and bool(positive.max() > NARROW * positive.min())


def cost_axis(axes: Axes, costs: ArrayLike, label: str) -> None:
    """Set up the x axis of costs, logarithmic if they differ much."""
    axes.set_xlabel(label)
    numbers = np.asarray(costs, dtype=float)
    positive = numbers[np.isfinite(numbers) & (numbers > 0)]
    log = log_costs(numbers)
    if log:
        axes.set_xscale("log")
    ends = _ends(numbers, log=log)
    if ends is not None:
        if len(positive) and positive.max() < ALIKE * positive.min():  # else the axis would show only rounding
            ends = (ends[0] / SPREAD, ends[1] * SPREAD)
        axes.set_xlim(*ends)
        _set_ticks(axes.xaxis, *ends, log=log)


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


def mirrored_metric_axis(axes: Axes, metric: Metric, values: ArrayLike) -> None:
    """Set up the x axis of the metric, for figures with named rows."""
    axes.set_xlabel(wording.label(wording.metric_name(metric.name)))
    log, ends = _scale_and_ends(values, log=metric.is_log)
    if ends is not None:
        axes.set_xscale("log" if log else "linear")
        axes.set_xlim(*ends)
        _set_ticks(axes.xaxis, *ends, log=log)


def count_axis(axes: Axes, last: float, label: str, *, least: float = 1.0) -> None:
    """Set up the x axis of a count from 0, e.g. of steps."""
    axes.set_xlabel(label)
    end = max(last, least) * 1.02
    axes.set_xlim(0.0, end)
    _set_ticks(axes.xaxis, 0.0, end, log=False, most=4)


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


def _set_ticks(axis: Axis, low: float, high: float, *, log: bool, most: int = 6) -> None:
    places = ticks(low, high, log=log, most=most)
    texts = dict(zip(places, tick_texts(places), strict=True))
    axis.set_major_locator(FixedLocator(places))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: texts.get(value) or tick_text(value)))


def ticks(low: float, high: float, *, log: bool, most: int = 6) -> list[float]:
    """Return round values between the ends of an axis."""
    if not log or high < NARROW * low:
        # The locator gives up on very large and very small numbers, but not on what is left without their power of ten.
        power = math.floor(math.log10(max(abs(low), abs(high)) or 1.0))
        size = 10.0**power if abs(power) > PLAIN_POWER else 1.0
        locator = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
        found = np.asarray(locator.tick_values(low / size, high / size)) * size
        return [value for value in found.tolist() if low <= value <= high]
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    for mantissas in MANTISSAS:
        chosen = [m * 10.0**decade for decade in decades for m in mantissas]
        inside = [value for value in chosen if low <= value <= high]
        if len(inside) <= most:
            return inside
    step = math.ceil(len(inside) / most)
    return inside[::step]


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


def widest(groups: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Return all values of several arrays."""
    return np.concatenate([np.asarray(group, dtype=float).ravel() for group in groups] or [np.array([])])
