"""Effects against the amount of training text: one line per configuration, with intervals."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reports import wording
from reports.figures.drawing import INK, SERIES, Canvas, Drawing
from reports.figures.forest import amount
from reports.figures.scales import tick_text

MARKERS: Final = ("o", "s", "^", "D", "v", "p", "<", ">")
APART: Final = 0.035  # of the axis in log units, between the points of two configurations at one amount


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePoint:
    """One effect with its interval, NaN if there is none; in percent or in the metric's unit."""

    label: str
    tokens: int
    estimate: float
    low: float
    high: float
    n: int


def sizes_figure(name: str, title: str, points: Sequence[SizePoint], label: str, *, percent: bool) -> Drawing | None:
    """Draw the effects over the tokens trained on, on a logarithmic axis; None if none has an estimate.

    Args:
        label: of the y axis.
        percent: whether the numbers are percentages.
    """
    shown = [point for point in points if math.isfinite(point.estimate)]
    if not shown:
        return None
    with Canvas(name, 3.1) as canvas:
        (axes,) = canvas.axes()
        axes.set_xscale("log")
        axes.axhline(0.0, color=INK, linewidth=0.8)
        labels = list(dict.fromkeys(point.label for point in shown))
        for place, configuration in enumerate(labels):
            chosen = [point for point in shown if point.label == configuration]
            _draw_line(axes, chosen, place, len(labels))
        _set_axes(axes, shown, label, percent=percent)
        canvas.legend(columns=3, handletextpad=0.4)
        return canvas.finish(title, _words(title, labels, shown, percent=percent), pd.DataFrame(map(asdict, points)))


def _draw_line(axes: Axes, points: Sequence[SizePoint], place: int, number: int) -> None:
    """Draw a line through the estimates, shifted a little so that intervals do not hide each other."""
    colour, shift = SERIES[place % len(SERIES)], APART * (place - (number - 1) / 2)
    x = np.array([point.tokens for point in points]) * math.exp(shift)
    style = {"color": colour, "linewidth": 1.1, "marker": MARKERS[place % len(MARKERS)], "markersize": 4.2}
    axes.plot(x, [point.estimate for point in points], label=wording.label(points[0].label), **style)  # type: ignore[arg-type]  # matplotlib's keywords
    for across, point in zip(x, points, strict=True):
        if math.isfinite(point.low) and math.isfinite(point.high):
            axes.plot([across, across], [point.low, point.high], color=colour, linewidth=0.9)


def _set_axes(axes: Axes, points: Sequence[SizePoint], label: str, *, percent: bool) -> None:
    tokens = sorted({point.tokens for point in points})
    axes.set_xlabel("tokens trained on")
    axes.set_xlim(tokens[0] / 1.35, tokens[-1] * 1.35)
    axes.xaxis.set_major_locator(FixedLocator(tokens))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
    axes.set_ylabel(wording.label(label))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, percent=percent)))


def _tick(value: float, *, percent: bool) -> str:
    text = f"{value:+.3g}".replace("-", "\u2212") if value else "0"
    return f"{text}%" if percent else text


def _words(title: str, labels: Sequence[str], points: Sequence[SizePoint], *, percent: bool) -> str:
    lines = []
    for label in labels:
        numbers = [
            f"{amount(point.estimate, percent=percent)} at {wording.grouped(point.tokens)} tokens"
            for point in points
            if point.label == label
        ]
        lines.append(f"{label}: {', '.join(numbers)}")
    return wording.clean(f"{title}. {'; '.join(lines)}.")
