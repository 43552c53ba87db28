"""Effects against the amount of training text: one line per configuration, with intervals, named at its end."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.effects_axis import amount
from reports.figures.legend import Key, legend
from reports.figures.lettering import SMALL, fitted, widest
from reports.figures.panel import Axes, Panel, panel_in, room_below
from reports.figures.scales import Scale, percent_texts, span_scale, tick_texts
from reports.figures.sheet import INK, SERIES, Marker, Sheet, Style

MARKERS: Final[tuple[Marker, ...]] = ("circle", "square", "up", "diamond", "down")
APART: Final = 0.035  # of the axis in log units, between the points of two configurations at one amount
HEIGHT: Final = 190.0  # points
ROW: Final = 9.0  # points between two names


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
    labels = list(dict.fromkeys(point.label for point in shown))
    words = _words(title, labels, shown, percent=percent)
    paint = _painter(shown, labels, label, percent=percent)
    return make_drawing(name, title, words, pd.DataFrame(map(asdict, points)), paint)


def _painter(points: Sequence[SizePoint], labels: Sequence[str], label: str, *, percent: bool) -> Paint:
    lines = [[point for point in points if point.label == name] for name in labels]
    y = span_scale([end for point in points for end in (point.estimate, point.low, point.high)], label)
    y = Scale(low=y.low, high=y.high, label=y.label, ticks=y.ticks, texts=percent_texts(y, percent=percent))
    keys = [Key(text=name, kind="dot", style=_style(place)) for place, name in enumerate(labels)]

    def paint(sheet: Sheet) -> float:
        room = 0.0 if sheet.is_narrow else min(widest(labels, SMALL), 0.3 * sheet.width) + 6.0
        top = legend(sheet, 0.0, keys) if sheet.is_narrow else 0.0
        panel = panel_in(sheet, (0.0, top, sheet.width - room), HEIGHT, (_tokens_scale(points), y), Axes(y_name=label))
        panel.level(0.0)
        for place, line in enumerate(lines):
            _draw_line(panel, line, place, len(lines))
        if room:
            _names(panel, lines, room)
        return panel.bottom + room_below()

    return paint


def _tokens_scale(points: Sequence[SizePoint]) -> Scale:
    tokens = sorted({float(point.tokens) for point in points})
    return Scale(
        low=tokens[0] / 1.2, high=tokens[-1] * 1.2, log=True, label="tokens trained on", ticks=tuple(tokens),
        texts=tuple(tick_texts(tokens)),
    )  # fmt: skip


def _style(place: int) -> Style:
    return Style(marker=MARKERS[place % len(MARKERS)], colour=SERIES[place % len(SERIES)], size=2.5)


def _draw_line(panel: Panel, points: Sequence[SizePoint], place: int, number: int) -> None:
    """Draw a line through the estimates, shifted a little so that intervals do not hide each other."""
    style, shift = _style(place), APART * (place - (number - 1) / 2)
    x = np.array([point.tokens for point in points]) * math.exp(shift)
    estimates = [point.estimate for point in points]
    panel.curve(x, estimates, colour=style.colour, width=1.1)
    for across, point in zip(x, points, strict=True):
        panel.curve([across, across], [point.low, point.high], colour=style.colour, width=0.9)
    panel.dots(x, estimates, style)


def _names(panel: Panel, lines: Sequence[Sequence[SizePoint]], room: float) -> None:
    """Name each line at its right end; names that would overlap move apart."""
    ends = sorted((float(panel.up([line[-1].estimate])[0]), place) for place, line in enumerate(lines))
    heights, lowest = [], -math.inf
    for y, _ in ends:
        lowest = max(y, lowest + ROW)
        heights.append(lowest)
    above = max(heights[-1] - panel.bottom, 0.0)
    for (y, place), height in zip(ends, heights, strict=True):
        style, at = _style(place), height - above
        panel.sheet.line((panel.right, y), (panel.right + 5.0, at), colour=style.colour, width=0.6)
        text = fitted(lines[place][0].label, room - 6.0, SMALL)
        panel.sheet.text((panel.right + 7.0, at + 0.36 * SMALL), text, size=SMALL, colour=INK)


def _words(title: str, labels: Sequence[str], points: Sequence[SizePoint], *, percent: bool) -> str:
    lines = []
    for label in labels:
        numbers = [
            f"{amount(point.estimate, percent=percent)} at {wording.grouped(point.tokens)} tokens"
            for point in points
            if point.label == label
        ]
        lines.append(f"{label}: {', '.join(numbers)}")
    return f"{title}. {'; '.join(lines)}."
