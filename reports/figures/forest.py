"""Effects as points with intervals, one row each, about the line of no effect."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports import wording
from reports.figures.drawing import BLUE, INK, MOST, MUTED, ORANGE, RULE, Canvas, Drawing

ROW_HEIGHT: Final = 0.21  # inches
MOST_ROWS: Final = 34  # of a figure, which fit on a printed page with its axis, legend and caption
Finding = Literal["better", "worse", "unclear"]
COLOURS: Final[dict[Finding, str]] = {"better": BLUE, "worse": ORANGE, "unclear": MUTED}
WORDS: Final[dict[Finding, str]] = {
    "better": "better: the interval excludes 0",
    "worse": "worse: the interval excludes 0",
    "unclear": "unclear: the interval includes 0, or there is none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One effect: the estimate with its interval, NaN if there is none; in percent or in the metric's unit."""

    group: str
    label: str
    estimate: float
    low: float
    high: float
    n: int
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """The x axis that all parts of a forest plot have."""

    label: str
    limits: tuple[float, float]
    percent: bool


def forest_figures(name: str, title: str, rows: Sequence[Row], label: str, *, percent: bool) -> tuple[Drawing, ...]:
    """Draw a forest plot, its rows in the given order, in as many figures as pages need; none without an estimate.

    Args:
        label: of the x axis.
        percent: whether the numbers are percentages.
    """
    within = [row if _is_drawable(row) else _without_interval(row) for row in rows]
    shown = [row for row in within if math.isfinite(row.estimate)]
    if not shown:
        return ()
    parts = math.ceil((len(shown) + _gaps(shown)) / MOST_ROWS)
    axis, found = _Axis(label=label, limits=_limits(shown), percent=percent), []
    for part, places in enumerate(np.array_split(np.arange(len(shown)), parts), 1):
        chosen = [shown[place] for place in places]
        named = name if part == 1 else f"{name}-{part}"
        headed = title if parts == 1 else f"{title}, part {part} of {parts}"
        # The first part has the data of all rows, those without an estimate too.
        found.append(_figure(named, headed, chosen, axis, data=rows if part == 1 else chosen))
    return tuple(found)


def _figure(name: str, title: str, rows: Sequence[Row], axis: _Axis, *, data: Sequence[Row]) -> Drawing:
    with Canvas(name, 0.75 + ROW_HEIGHT * (len(rows) + _gaps(rows))) as canvas:
        (axes,) = canvas.axes()
        _draw(axes, rows, axis)
        used = [finding for finding in COLOURS if any(row.finding == finding for row in rows)]
        canvas.legend([_handle(finding) for finding in used], columns=3)
        words = _words(title, rows, percent=axis.percent)
        return canvas.finish(title, words, pd.DataFrame([asdict(row) for row in data]))


def _is_drawable(row: Row) -> bool:
    return not any(abs(end) > MOST for end in (row.low, row.high))


def _without_interval(row: Row) -> Row:
    return replace(row, low=math.nan, high=math.nan)


def finding_of(low: float, high: float, *, improves: bool) -> Finding:
    """Return what an interval shows: better or worse if it excludes 0."""
    if not (low > 0 or high < 0):
        return "unclear"
    return "better" if improves else "worse"


def amount(value: float, *, percent: bool) -> str:
    """Format an effect with its sign, in percent or as a number."""
    return wording.signed(value, 1) + "%" if percent else wording.signed(value, 4)


def _gaps(rows: Sequence[Row]) -> float:
    groups = list(dict.fromkeys(row.group for row in rows))
    return 1.0 * len(groups) if groups != [""] else 0.0


def _draw(axes: Axes, rows: Sequence[Row], axis: _Axis) -> None:
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    place, group, ticks, labels = 0.0, None, [], []
    for row in rows:
        if row.group and row.group != group:
            ticks.append(place)
            labels.append(f"{wording.label(row.group)}")
            place -= 1
        group = row.group
        _draw_row(axes, row, place)
        ticks.append(place)
        labels.append(f"{wording.label(row.label)}   ")
        place -= 1
    axes.set_yticks(ticks, labels)
    axes.tick_params(axis="y", length=0)
    for text, tick in zip(axes.get_yticklabels(), labels, strict=True):
        text.set_fontweight("normal" if tick.endswith("   ") else "bold")
    axes.set_ylim(place + 0.4, 0.6)
    axes.set_xlabel(wording.label(axis.label))
    axes.set_xlim(*axis.limits)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, percent=axis.percent)))


def _draw_row(axes: Axes, row: Row, place: float) -> None:
    colour = COLOURS[row.finding]
    axes.axhline(place, color=RULE, linewidth=0.5, zorder=0)
    if math.isfinite(row.low) and math.isfinite(row.high):
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
    axes.plot([row.estimate], [place], **_dot(row.finding))  # type: ignore[arg-type]  # matplotlib's keywords


def _dot(finding: Finding) -> dict[str, object]:
    face = "#ffffff" if finding == "unclear" else COLOURS[finding]
    marker = {"better": "o", "worse": "s", "unclear": "o"}[finding]
    style = {"linestyle": "", "markersize": 4.5, "markerfacecolor": face, "markeredgecolor": COLOURS[finding]}
    return {"marker": marker, **style}


def _handle(finding: Finding) -> Line2D:
    return Line2D([], [], label=WORDS[finding], **_dot(finding))  # type: ignore[arg-type]  # matplotlib's keywords


def _limits(rows: Sequence[Row]) -> tuple[float, float]:
    """Return limits for all estimates and intervals; wide intervals are cut if they would squeeze the estimates."""
    estimates = np.array([row.estimate for row in rows])
    ends = np.array([end for row in rows for end in (row.low, row.high) if math.isfinite(end)])
    reach = max(float(np.abs(estimates).max()), 1e-12)
    far = float(np.abs(ends).max()) if len(ends) else reach
    limit = min(far, 6 * reach)
    low = max(min([0.0, *estimates, *ends]), -limit)
    high = min(max([0.0, *estimates, *ends]), limit)
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _tick(value: float, *, percent: bool) -> str:
    text = f"{value:+.3g}".replace("-", "\u2212") if value else "0"
    return f"{text}%" if percent else text


def _words(title: str, rows: Sequence[Row], *, percent: bool) -> str:
    parts = []
    for row in rows:
        group = f"{row.group}, " if row.group else ""
        interval = (
            f" (95% interval {amount(row.low, percent=percent)} to {amount(row.high, percent=percent)})"
            if math.isfinite(row.low)
            else " (no interval)"
        )
        parts.append(f"{group}{row.label}: {amount(row.estimate, percent=percent)}{interval}")
    return wording.clean(f"{title}. " + "; ".join(parts) + ".")
