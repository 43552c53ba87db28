"""Effects as points with intervals, one row each, about the line of no effect."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import pandas as pd

from reports import wording
from reports.figures import forest_blocks
from reports.figures import rows as layout
from reports.figures.drawing import MOST, Drawing, Paint, make_drawing, part_names
from reports.figures.effects_axis import (
    COLOURS,
    WORDS,
    Row,
    amount,
    draw_interval,
    effect_scale,
    finding_style,
    interval_text,
)
from reports.figures.legend import Key, legend
from reports.figures.panel import room_below
from reports.figures.rows import PAGE, draw_rows, finish_rows, rows_height, split, table_for
from reports.figures.scales import Scale, percent_texts
from reports.figures.sheet import WIDE, Sheet

HEADS: Final = ("effect", "95% interval", "n")
HEAD: Final = 26.0  # points: the height of the legend and of the columns' heads


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """The x axis that all parts of a forest plot have."""

    scale: Scale
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
    if not forest_blocks.fits_beside(shown):
        names = list(dict.fromkeys(row.group for row in shown))
        shown = sorted(shown, key=lambda row: names.index(row.group))
    axis = _Axis(scale=replace(scale, texts=percent_texts(scale, percent=percent)), percent=percent)
    groups = _parts(shown, percent=percent)
    found = []
    for part, chosen in enumerate(groups, 1):
        named, headed = part_names(name, title, part, len(groups))
        # The first part has the data of all rows, those without an estimate too.
        data = pd.DataFrame([asdict(row) for row in (rows if part == 1 else chosen)])
        words = _words(headed, chosen, percent=percent)
        found.append(make_drawing(named, headed, words, data, _painter(chosen, axis)))
    return tuple(found)


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


def _parts(rows: Sequence[Row], *, percent: bool) -> list[list[Row]]:
    """Return the rows of each figure; what has one row per block stays together."""
    room = PAGE - HEAD - room_below()
    if not forest_blocks.fits_beside(rows):
        return [[rows[place] for place in places] for places in split(_heights(rows, percent=percent), room)]
    sheet, labels = Sheet("", WIDE), list(dict.fromkeys(row.label for row in rows))
    heights = [forest_blocks.row_height(sheet, rows, label) for label in labels]
    chosen = [{labels[place] for place in places} for places in split(heights, room)]
    return [[row for row in rows if row.label in names] for names in chosen]


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
    groups = list(dict.fromkeys(row.group for row in rows))
    below = sorted(rows, key=lambda row: groups.index(row.group))
    texts = _headed(below, percent=axis.percent)

    def paint(sheet: Sheet) -> float:
        top = legend(sheet, 0.0, [Key(text=WORDS[finding], style=finding_style(finding)) for finding in used])
        if forest_blocks.fits_beside(rows) and not sheet.is_narrow:
            numbers = {place: amount(row.estimate, percent=axis.percent) for place, row in enumerate(rows)}
            return forest_blocks.draw_blocks(sheet, top, rows, axis.scale, numbers)
        laid = draw_rows(sheet, top, texts, axis.scale, table_for(sheet, texts, heads=HEADS))
        _marks(laid, below)
        return finish_rows(laid)

    return paint


def _marks(laid: layout.Rows, rows: Sequence[Row]) -> None:
    panel = laid.panel
    laid.vertical(0.0)
    for row, y in zip(rows, laid.middles, strict=True):
        draw_interval(panel, y, (row.low, row.high), colour=COLOURS[row.finding], width=1.5)
        place = float(panel.across([row.estimate])[0])
        panel.sheet.dots([(min(max(place, panel.left), panel.right), y)], finding_style(row.finding))


def _words(title: str, rows: Sequence[Row], *, percent: bool) -> str:
    parts = []
    for row in rows:
        group = f"{row.group}, " if row.group else ""
        ends = interval_text(row.low, row.high, percent=percent)
        interval = f" (95% interval {ends})" if ends else " (no interval)"
        parts.append(f"{group}{row.label}: {amount(row.estimate, percent=percent)}{interval}")
    return f"{title}. " + "; ".join(parts) + "."
