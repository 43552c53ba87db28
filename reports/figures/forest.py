"""Effects as points with intervals, one row each, about the line of no effect."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd

from reports import wording
from reports.figures import rows as layout
from reports.figures.drawing import MOST, Drawing, Paint, make_drawing
from reports.figures.legend import Key, legend
from reports.figures.panel import Panel, room_below
from reports.figures.rows import PAGE, draw_rows, finish_rows, rows_height, split, table_for
from reports.figures.scales import Scale, percent_texts, span_scale
from reports.figures.sheet import BLUE, MUTED, ORANGE, WIDE, Sheet, Style

Finding = Literal["better", "worse", "unclear"]
COLOURS: Final[dict[Finding, str]] = {"better": BLUE, "worse": ORANGE, "unclear": MUTED}
WORDS: Final[dict[Finding, str]] = {
    "better": "better: the interval excludes 0",
    "worse": "worse: the interval excludes 0",
    "unclear": "unclear: the interval includes 0, or there is none",
}
HEADS: Final = ("effect", "95% interval", "n")
HEAD: Final = 26.0  # points: the height of the legend and of the columns' heads
ARROW: Final = 3.0
REACH: Final = 6.0  # an axis ends at this multiple of the largest estimate, however wide the intervals are


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One effect: the estimate with its interval, NaN if there is none; in percent or in the metric's unit.

    Attributes:
        group: the heading above it, e.g. its block; empty for none.
        n: the pairs on which it rests.
    """

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

    scale: Scale
    texts: tuple[str, ...]
    percent: bool


def forest_figures(name: str, title: str, rows: Sequence[Row], label: str, *, percent: bool) -> tuple[Drawing, ...]:
    """Draw a forest plot, its rows in the given order, in as many figures as pages need; none without an estimate.

    Args:
        label: of the x axis.
        percent: whether the numbers are percentages.
    """
    within = [row if _is_drawable(row) else replace(row, low=math.nan, high=math.nan) for row in rows]
    shown = [row for row in within if math.isfinite(row.estimate)]
    if not shown:
        return ()
    scale = effect_scale([row.estimate for row in shown], [end for row in shown for end in (row.low, row.high)], label)
    axis = _Axis(scale=scale, texts=percent_texts(scale, percent=percent), percent=percent)
    parts = split(_heights(shown, percent=percent), PAGE - HEAD - room_below())
    found = []
    for part, places in enumerate(parts, 1):
        chosen = [shown[place] for place in places]
        named = name if part == 1 else f"{name}-{part}"
        headed = title if len(parts) == 1 else f"{title}, part {part} of {len(parts)}"
        # The first part has the data of all rows, those without an estimate too.
        data = pd.DataFrame([asdict(row) for row in (rows if part == 1 else chosen)])
        words = _words(headed, chosen, percent=percent)
        found.append(make_drawing(named, headed, words, data, _painter(chosen, axis)))
    return tuple(found)


def effect_scale(estimates: Iterable[float], ends: Iterable[float], label: str) -> Scale:
    """Return the scale of effects; wide intervals are cut if they would squeeze the estimates."""
    values = np.array([value for value in estimates if math.isfinite(value)])
    far = np.array([end for end in ends if math.isfinite(end)])
    reach = REACH * max(float(np.abs(values).max()), 1e-12)
    return span_scale([*values, *np.clip(far, -reach, reach)], label)


def finding_of(low: float, high: float, *, improves: bool) -> Finding:
    """Return what an interval shows: better or worse if it excludes 0."""
    if not (low > 0 or high < 0):
        return "unclear"
    return "better" if improves else "worse"


def amount(value: float, *, percent: bool) -> str:
    """Format an effect with its sign, in percent or as a number."""
    return wording.signed(value, 1) + "%" if percent else wording.signed(value, 4)


def interval_text(low: float, high: float, *, percent: bool) -> str:
    """Format an interval, with its unit once; empty if there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{amount(low, percent=percent).removesuffix('%')} to {amount(high, percent=percent)}"


def draw_interval(panel: Panel, y: float, ends: tuple[float, float], *, colour: str, width: float) -> None:
    """Draw an interval, with an arrow where it leaves the panel."""
    if not all(map(math.isfinite, ends)):
        return
    places = panel.across(ends)
    low, high = max(float(places[0]), panel.left), min(float(places[1]), panel.right)
    if low <= high:
        panel.sheet.line((low, y), (high, y), colour=colour, width=width)
    for place, edge, sign in ((places[0], panel.left, 1.0), (places[1], panel.right, -1.0)):
        if sign * (place - edge) < -0.5:
            tips = [(edge + sign * ARROW, y - ARROW / 2), (edge, y), (edge + sign * ARROW, y + ARROW / 2)]
            panel.sheet.curve(tips, colour=colour, width=min(width, 1.0))


def _is_drawable(row: Row) -> bool:
    return not any(abs(end) > MOST for end in (row.low, row.high))


def _texts(row: Row, *, percent: bool) -> layout.Row:
    interval = interval_text(row.low, row.high, percent=percent) or wording.UNKNOWN
    return layout.Row(label=row.label, cells=(amount(row.estimate, percent=percent), interval, str(row.n)))


def _headed(rows: Sequence[Row], *, percent: bool) -> list[layout.Row]:
    """Return the texts of rows, with a heading before the rows of each group."""
    found: list[layout.Row] = []
    for place, row in enumerate(rows):
        if row.group and (place == 0 or rows[place - 1].group != row.group):
            found.append(layout.Row(label=row.group, bold=True, is_heading=True))
        found.append(_texts(row, percent=percent))
    return found


def _heights(rows: Sequence[Row], *, percent: bool) -> list[float]:
    """Return the height of each row, with its heading if it has one."""
    sheet = Sheet("", WIDE)
    texts = [_headed([row], percent=percent) for row in rows]
    table = table_for(sheet, [each[-1] for each in texts], heads=HEADS)
    starts = [place == 0 or rows[place - 1].group != row.group for place, row in enumerate(rows)]
    return [
        rows_height(sheet, each if starts_group else each[-1:], table)
        for each, starts_group in zip(texts, starts, strict=True)
    ]


def _painter(rows: Sequence[Row], axis: _Axis) -> Paint:
    used = [finding for finding in COLOURS if any(row.finding == finding for row in rows)]
    texts = _headed(rows, percent=axis.percent)

    def paint(sheet: Sheet) -> float:
        top = legend(sheet, 0.0, [Key(text=WORDS[finding], style=_dot(finding)) for finding in used])
        laid = draw_rows(sheet, top, texts, axis.scale, table_for(sheet, texts, heads=HEADS))
        _marks(laid, rows)
        return finish_rows(laid, texts=axis.texts)

    return paint


def _marks(laid: layout.Rows, rows: Sequence[Row]) -> None:
    panel = laid.panel
    laid.vertical(0.0)
    for row, y in zip(rows, laid.middles, strict=True):
        draw_interval(panel, y, (row.low, row.high), colour=COLOURS[row.finding], width=1.5)
        place = float(panel.across([row.estimate])[0])
        panel.sheet.dots([(min(max(place, panel.left), panel.right), y)], _dot(row.finding))


def _dot(finding: Finding) -> Style:
    marker: Literal["square", "circle"] = "square" if finding == "worse" else "circle"
    return Style(marker=marker, colour=COLOURS[finding], size=2.5, is_open=finding == "unclear")


def _words(title: str, rows: Sequence[Row], *, percent: bool) -> str:
    parts = []
    for row in rows:
        group = f"{row.group}, " if row.group else ""
        ends = interval_text(row.low, row.high, percent=percent)
        interval = f" (95% interval {ends})" if ends else " (no interval)"
        parts.append(f"{group}{row.label}: {amount(row.estimate, percent=percent)}{interval}")
    return f"{title}. " + "; ".join(parts) + "."
