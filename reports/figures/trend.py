"""The effect of a change over a number, such as the share of the data: points, their line, and where it leads."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import pandas as pd

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.effects_axis import amount, interval_text
from reports.figures.legend import Key, legend
from reports.figures.panel import Axes, panel_in, room_below
from reports.figures.scales import Scale, percent_texts, span_scale, tick_texts
from reports.figures.sheet import BLUE, MUTED, Sheet, Style

HEIGHT: Final = 150.0  # points
MEASURED: Final = Style(colour=BLUE, size=2.7)
EXTRAPOLATED: Final = Style(marker="square", colour=MUTED, size=2.7, is_open=True)
DASHES: Final = "3 2"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """The effect at one level with its interval, NaN if there is none; in percent or in the metric's unit.

    Attributes:
        line: the value of the line there.
        extrapolated: whether nothing was run there: then the effect is that of the line.
    """

    level: float
    estimate: float
    low: float
    high: float
    line: float
    n: int
    extrapolated: bool = False


def trend_figure(
    name: str, title: str, points: Sequence[TrendPoint], labels: tuple[str, str], *, log: bool, percent: bool
) -> Drawing:
    """Draw the effects over the levels, those that were run and the one to which the line is continued.

    Args:
        points: by level, the smallest first.
        labels: of both axes.
        log: whether the axis of levels is logarithmic.
        percent: whether the effects are percentages.
    """
    shown = [f"{_text(point, percent=percent)} at {point.level:g}" for point in points]
    words = f"{title}. {labels[1]}: {'; '.join(shown)}."
    paint = _painter(points, labels, log=log, percent=percent)
    return make_drawing(name, title, words, pd.DataFrame(map(asdict, points)), paint)


def _text(point: TrendPoint, *, percent: bool) -> str:
    ends = interval_text(point.low, point.high, percent=percent)
    kind = "extrapolated, " if point.extrapolated else ""
    return amount(point.estimate, percent=percent) + (f" ({kind}{ends})" if ends else "")


def _painter(points: Sequence[TrendPoint], labels: tuple[str, str], *, log: bool, percent: bool) -> Paint:
    x = _levels([point.level for point in points], labels[0], log=log)
    y = span_scale([end for point in points for end in (point.estimate, point.low, point.high, point.line)], labels[1])
    y = Scale(low=y.low, high=y.high, label=y.label, ticks=y.ticks, texts=percent_texts(y, percent=percent))
    run, beyond = ([point for point in points if point.extrapolated == far] for far in (False, True))
    keys = [
        Key(text="effect, 95% interval", style=MEASURED),
        Key(text="line through the effects", kind="line", style=Style(colour=MUTED)),
    ]
    keys += [Key(text="the line continued, 95% prediction interval", style=EXTRAPOLATED)] if beyond else []

    def paint(sheet: Sheet) -> float:
        top = legend(sheet, 0.0, keys)
        panel = panel_in(sheet, (0.0, top, sheet.width), HEIGHT, (x, y), Axes(y_name=labels[1]))
        panel.level(0.0)
        panel.curve([each.level for each in run], [each.line for each in run], colour=MUTED, width=1.1)
        last = [*run[-1:], *beyond]
        panel.curve([each.level for each in last], [each.line for each in last], colour=MUTED, width=1.1, dashes=DASHES)
        for each in points:
            colour, dashes = (MUTED, DASHES) if each.extrapolated else (BLUE, "")
            if math.isfinite(each.low + each.high):
                panel.curve([each.level] * 2, [each.low, each.high], colour=colour, width=1.2, dashes=dashes)
        for chosen, style in ((run, MEASURED), (beyond, EXTRAPOLATED)):
            panel.dots([each.level for each in chosen], [each.estimate for each in chosen], style)
        return panel.bottom + room_below()

    return paint


def _levels(levels: Sequence[float], label: str, *, log: bool) -> Scale:
    """Return the axis of the levels, with a tick at each."""
    low, high = min(levels), max(levels)
    margin = 0.05 * (math.log(high / low) if log else high - low)
    ends = (low * math.exp(-margin), high * math.exp(margin)) if log else (low - margin, high + margin)
    return Scale(
        low=ends[0], high=ends[1], log=log, label=wording.label(label), ticks=tuple(levels),
        texts=tuple(tick_texts(levels)),
    )  # fmt: skip
