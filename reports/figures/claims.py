"""All claims in one figure: the effect of each with its intervals, where it was claimed to be, and the verdict."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures import rows as layout
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.effects_axis import amount, draw_interval, interval_text
from reports.figures.legend import Key, legend
from reports.figures.panel import room_below
from reports.figures.rows import draw_rows, finish_rows, rows_height, split, table_for
from reports.figures.scales import Scale, percent_texts, span_scale
from reports.figures.sheet import GREEN, MUTED, ORANGE, SKY, WIDE, Sheet, Style

SIGNS: Final = {"supported": "\u2713", "refuted": "\u2717", "undecided": "?", "untested": "\u2013"}
COLOURS: Final = {"supported": GREEN, "refuted": ORANGE, "undecided": MUTED, "untested": MUTED}
SHADE: Final = 0.22
FINE: Final = 5.0  # claims whose effects all lie within this part of the largest get a panel with a scale of their own
FEWEST: Final = 2
PAGE: Final = 640.0  # points: all claims in one figure are worth a page of their own
HEAD: Final = 26.0  # points: the height of the legend in two rows
SHORT: Final = 8  # characters of an id that stands before its claim
LABELS: Final = 0.37  # of the width
LINES: Final = 2  # of a claim's text in print


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A claim. Numbers are in percent or in the metric's unit, NaN where there is none.

    Attributes:
        unit: of its numbers, and the label of their axis.
        simultaneous_low, simultaneous_high: the interval that holds for all claims at once.
        claimed_low, claimed_high: the ends of the region in which the claim puts the effect; NaN for no end.
        mark: what a reader must know besides the verdict, e.g. ``fragile``; empty for nothing.
    """

    identifier: str
    text: str
    verdict: str
    unit: str
    percent: bool
    estimate: float
    low: float
    high: float
    simultaneous_low: float
    simultaneous_high: float
    claimed_low: float
    claimed_high: float
    mark: str = ""

    @property
    def reach(self) -> float:
        """How far from 0 its effect and its interval lie."""
        return max((abs(value) for value in (self.estimate, self.low, self.high) if math.isfinite(value)), default=0.0)

    @property
    def short(self) -> str:
        """The region in signs, e.g. ``< -0.5%``."""
        return self.claimed.replace("above", ">").replace("below", "<")

    @property
    def claimed(self) -> str:
        """The region as text, e.g. ``below -0.5%``."""
        low, high = (_end(end, percent=self.percent) for end in (self.claimed_low, self.claimed_high))
        if math.isfinite(self.claimed_low) and math.isfinite(self.claimed_high):
            return f"{low.removesuffix('%')} to {high}"
        if math.isfinite(self.claimed_low):
            return f"above {low}"
        return f"below {high}" if math.isfinite(self.claimed_high) else ""


def claims_figures(title: str, rows: Sequence[ClaimRow], *, at_once: bool) -> tuple[Drawing, ...]:
    """Draw all claims, in as many figures as pages need; none without a claim.

    Args:
        at_once: whether simultaneous intervals are drawn.
    """
    panels = [panel for unit in dict.fromkeys(row.unit for row in rows) for panel in _by_size(rows, unit)]
    ordered = [row for panel in panels for row in panel]
    sheet = Sheet("", WIDE)
    table = _table(sheet, [_texts(row) for row in ordered])
    heights = [rows_height(sheet, [_texts(row)], table) for row in ordered]
    room = PAGE - HEAD - len(panels) * room_below()
    parts, found = split(heights, room) if ordered else [], []
    for part, places in enumerate(parts, 1):
        chosen = [[row for row in panel if row in ordered[places.start : places.stop]] for panel in panels]
        shown = [panel for panel in chosen if panel]
        named = "verdicts" if part == 1 else f"verdicts-{part}"
        headed = title if len(parts) == 1 else f"{title} (part {part} of {len(parts)})"
        flat = [row for panel in shown for row in panel]
        data = pd.DataFrame([{**asdict(row), "claimed": row.claimed} for row in flat])
        found.append(make_drawing(named, headed, _words(flat), data, _painter(shown, at_once=at_once)))
    return tuple(found)


def _end(value: float, *, percent: bool) -> str:
    """Format the end of a region, e.g. ``+2%`` or ``0``."""
    if not value or not math.isfinite(value):
        return "0"
    return (
        amount(value, percent=True).replace(".0%", "%")
        if percent
        else f"{'+' if value > 0 else ''}{wording.number(value, 2)}"
    )


def _by_size(rows: Sequence[ClaimRow], unit: str) -> list[list[ClaimRow]]:
    """Return the claims of a unit, those with small effects apart, whose scale would be that of the large ones."""
    own = [row for row in rows if row.unit == unit]
    edge = max(row.reach for row in own) / FINE
    fine = [row for row in own if row.reach <= edge]
    if len(fine) < FEWEST or len(fine) == len(own):
        return [own]
    return [[row for row in own if row.reach > edge], fine]


def _painter(panels: Sequence[Sequence[ClaimRow]], *, at_once: bool) -> Paint:
    keys = _keys([row for panel in panels for row in panel], at_once=at_once)

    def paint(sheet: Sheet) -> float:
        top = legend(sheet, 0.0, keys)
        texts = [[_texts(row) for row in rows] for rows in panels]
        table = _table(sheet, [row for each in texts for row in each])
        for rows, shown in zip(panels, texts, strict=True):
            scale = _scale(rows)
            laid = draw_rows(sheet, top, shown, scale, table)
            _marks(laid, rows, at_once=at_once)
            top = finish_rows(laid, texts=percent_texts(scale, percent=rows[0].percent)) + 2.0
        return top

    return paint


def _table(sheet: Sheet, rows: Sequence[layout.Row]) -> layout.Table:
    return table_for(sheet, rows, lines=4 if sheet.is_narrow else LINES, most=LABELS)


def _scale(rows: Sequence[ClaimRow]) -> Scale:
    near = [value for row in rows for value in (row.estimate, row.low, row.high) if math.isfinite(value)]
    reach = max(map(abs, near), default=1.0)
    ends = [
        end for row in rows for end in (row.simultaneous_low, row.simultaneous_high, row.claimed_low, row.claimed_high)
    ]
    far = [end for end in ends if math.isfinite(end) and abs(end) <= 1.4 * reach]
    return span_scale(np.array([*near, *far]), rows[0].unit, most=5)


def _texts(row: ClaimRow) -> layout.Row:
    verdict = f"{SIGNS[row.verdict]} {row.verdict}" + (f", {row.mark}" if row.mark else "")
    interval = interval_text(row.low, row.high, percent=row.percent)
    number = amount(row.estimate, percent=row.percent) if math.isfinite(row.estimate) else wording.UNKNOWN
    below = f"{number} ({interval})" if interval else number if number != wording.UNKNOWN else ""
    if row.claimed:
        below = f"{below}; claimed {row.short}" if below else f"claimed {row.short}"
    name = f"{row.identifier}: " if len(row.identifier) <= SHORT else ""
    label = f"{name}{row.text.removesuffix('.')}"
    return layout.Row(label=label, right=verdict, below=below, colour=COLOURS[row.verdict])


def _marks(laid: layout.Rows, rows: Sequence[ClaimRow], *, at_once: bool) -> None:
    panel = laid.panel
    for row, (top, bottom) in zip(rows, laid.spans, strict=True):
        if math.isfinite(row.claimed_low) or math.isfinite(row.claimed_high):
            low = row.claimed_low if math.isfinite(row.claimed_low) else panel.x.low
            high = row.claimed_high if math.isfinite(row.claimed_high) else panel.x.high
            left, right = (min(max(float(x), panel.left), panel.right) for x in panel.across([low, high]))
            panel.sheet.box((left, top + 0.5), (right - left, bottom - top - 1.0), colour=SKY, opacity=SHADE)
    laid.vertical(0.0)
    for row, y in zip(rows, laid.middles, strict=True):
        if not math.isfinite(row.estimate):
            continue
        colour = COLOURS[row.verdict]
        if at_once:
            draw_interval(panel, y, (row.simultaneous_low, row.simultaneous_high), colour=colour, width=0.7)
        draw_interval(panel, y, (row.low, row.high), colour=colour, width=2.2)
        place = min(max(float(panel.across([row.estimate])[0]), panel.left), panel.right)
        panel.sheet.dots([(place, y)], _dot(row.verdict))


def _dot(verdict: str) -> Style:
    marker = {"supported": "circle", "refuted": "square"}.get(verdict, "circle")
    is_open = verdict in {"undecided", "untested"}
    return Style(marker=marker, colour=COLOURS[verdict], size=2.7, is_open=is_open)  # type: ignore[arg-type]  # a marker


def _keys(rows: Sequence[ClaimRow], *, at_once: bool) -> list[Key]:
    verdicts = [
        verdict for verdict in SIGNS if any(row.verdict == verdict and math.isfinite(row.estimate) for row in rows)
    ]
    keys = [Key(text=f"{SIGNS[verdict]} {verdict}", style=_dot(verdict)) for verdict in verdicts]
    if any(math.isfinite(row.claimed_low) or math.isfinite(row.claimed_high) for row in rows):
        keys.append(
            Key(text="where the claim puts the effect", kind="area", style=Style(colour=SKY), opacity=2 * SHADE)
        )
    if not verdicts:
        return keys
    intervals = "95% interval (thick), and for all claims at once (thin)" if at_once else "95% interval"
    return [*keys, Key(text=intervals, kind="line", style=Style(colour=MUTED))]


def _words(rows: Sequence[ClaimRow]) -> str:
    return " ".join(
        f"{row.identifier}, {row.text.removesuffix('.')}: {row.verdict}; {_texts(row).below or 'no estimate'}."
        for row in rows
    )
