"""A forest plot of effects in several blocks: the same rows, and a panel for each block beside the others."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from reports import wording
from reports.figures.effects_axis import Row, draw_interval, finding_style
from reports.figures.lettering import SIZE, SMALL, fitted, fitted_label, widest, wrapped
from reports.figures.panel import LINE, Panel, room_below
from reports.figures.rows import LINE as ROW_LINE
from reports.figures.rows import PADDING, UNIT
from reports.figures.scales import Scale
from reports.figures.sheet import INK, RULE, Sheet

MOST: Final = 3  # blocks that fit beside each other
LABELS: Final = 0.3  # of the width
GAP: Final = 8.0  # points
HEAD: Final = LINE + 4.0


def fits_beside(rows: Sequence[Row]) -> bool:
    """Return whether the groups of rows are few enough for panels beside each other."""
    return 1 < len({row.group for row in rows}) <= MOST


def row_height(sheet: Sheet, rows: Sequence[Row], label: str) -> float:
    """Return the height of a row with its label."""
    lines = wrapped(label, _label_room(sheet, rows), most=2)
    return len(lines) * ROW_LINE + 2 * PADDING


def draw_blocks(sheet: Sheet, top: float, rows: Sequence[Row], scale: Scale, texts: Mapping[int, str]) -> float:
    """Draw rows whose groups become panels; return where they end.

    Args:
        rows: in the order of their labels; a label that is missing in one group has its place among the others.
        texts: by the place of a row what stands at its right.
    """
    labels, groups = (list(dict.fromkeys(getattr(row, name) for row in rows)) for name in ("label", "group"))
    room = _label_room(sheet, rows)
    width = (sheet.width - room - GAP * len(groups)) / len(groups)
    heights = [row_height(sheet, rows, label) for label in labels]
    begin = top + HEAD
    tops = [begin + sum(heights[:place]) for place in range(len(heights) + 1)]
    _draw_labels(sheet, labels, tops, room)
    for place, group in enumerate(groups):
        left = room + GAP + place * (width + GAP)
        sheet.text((left, top + LINE - 1.0), fitted(wording.clean(group), width, SIZE, bold=True), bold=True)
        own = {row.label: (row, texts[at]) for at, row in enumerate(rows) if row.group == group}
        numbers = widest([text for _, text in own.values()], SMALL) + 4.0
        panel = Panel(
            sheet=sheet, left=left, top=begin, width=width - numbers, height=tops[-1] - begin, x=scale, y=UNIT
        )
        zero = float(panel.across([0.0])[0])
        sheet.line((zero, begin), (zero, tops[-1]), colour=INK, width=0.7)
        for label, start, end in zip(labels, tops, tops[1:], strict=False):
            if label in own:
                _draw_row(panel, *own[label], y=(start + end) / 2, right=left + width)
        panel.bottom_axis(label=False)
    shown = fitted_label(scale.label, sheet.width - room - GAP, SMALL)
    sheet.text((room + GAP, tops[-1] + room_below()), shown, size=SMALL)
    return tops[-1] + room_below() + 4.0


def _label_room(sheet: Sheet, rows: Sequence[Row]) -> float:
    return min(widest([row.label for row in rows]) + 1.0, LABELS * sheet.width)


def _draw_labels(sheet: Sheet, labels: Sequence[str], tops: Sequence[float], room: float) -> None:
    for label, start, end in zip(labels, tops, tops[1:], strict=False):
        lines = wrapped(label, room, most=2)
        first = (start + end) / 2 - len(lines) * ROW_LINE / 2 + 0.78 * ROW_LINE
        for number, line in enumerate(lines):
            sheet.text((0.0, first + number * ROW_LINE), line)
        sheet.line((0.0, end), (sheet.width, end), colour=RULE, width=0.5)


def _draw_row(panel: Panel, row: Row, text: str, *, y: float, right: float) -> None:
    style = finding_style(row.finding)
    if math.isfinite(row.estimate):
        draw_interval(panel, y, (row.low, row.high), colour=style.colour, width=1.5)
        place = float(panel.across([row.estimate])[0])
        panel.sheet.dots([(min(max(place, panel.left), panel.right), y)], style)
    panel.sheet.text((right, y + 0.36 * SMALL), text, size=SMALL, anchor="end")
