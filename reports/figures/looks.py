"""The path of each claim over its looks: the evidence after every seed, between the boundaries that decide it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures import panel as axes_of
from reports.figures.drawing import Drawing, Paint, make_drawing, part_names
from reports.figures.effects_axis import amount
from reports.figures.legend import Key, legend
from reports.figures.panel import Axes, Grid, panel_in, room_below
from reports.figures.scales import Scale, make_scale
from reports.figures.sheet import BLUE, INK, ORANGE, RULE, Sheet, Style

COLUMNS: Final = 3
PANELS: Final = 15  # of a figure, which fit on a printed page
HEIGHT: Final = 74.0  # points
HIGHEST: Final = 6.0  # on the normal scale: boundaries beyond are reached by hardly any evidence
ROOM: Final = 1.12
COLOURS: Final = {"supported": BLUE, "refuted": ORANGE}
KEYS: Final = (
    Key(text="evidence so far", kind="line", style=Style(colour=INK)),
    Key(text="supported from here on", kind="line", style=Style(colour=BLUE)),
    Key(text="refuted from here on", kind="line", style=Style(colour=ORANGE), dashes="4 2"),
)
DATA: Final = ("claim", "look", "seeds", "evidence", "supports_from", "refutes_from", "estimate", "low", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRow:
    """One look at a claim, past or planned; numbers that there are not are NaN.

    Attributes:
        evidence, supports_from, refutes_from: on the normal scale, for the claim above 0.
        estimate, low, high: in percent or in the metric's unit.
    """

    look: int
    seeds: int
    evidence: float
    supports_from: float
    refutes_from: float
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The path of one claim.

    Attributes:
        outcome: where it is with its verdict, as text.
        most: its seeds at most; None for no maximum.
        percent: whether estimates are in percent.
    """

    claim: str
    verdict: str
    outcome: str
    most: int | None
    rows: tuple[LookRow, ...]
    percent: bool

    @property
    def seen(self) -> tuple[LookRow, ...]:
        """The looks that it has had."""
        return tuple(row for row in self.rows if math.isfinite(row.evidence))


def looks_figures(title: str, panels: Sequence[Panel]) -> tuple[Drawing, ...]:
    """Draw the paths, one panel per claim, in as many figures as pages need; none without a look."""
    shown = [panel for panel in panels if panel.seen]
    if not shown:
        return ()
    parts = math.ceil(len(shown) / PANELS)
    groups = [[shown[place] for place in places] for places in np.array_split(np.arange(len(shown)), parts)]
    return tuple(_figure(title, group, number, parts) for number, group in enumerate(groups, 1))


def _figure(title: str, panels: Sequence[Panel], number: int, parts: int) -> Drawing:
    name, headed = part_names("looks", title, number, parts)
    return make_drawing(name, headed, _words(headed, panels), _data(panels), _painter(panels))


def _painter(panels: Sequence[Panel]) -> Paint:
    def paint(sheet: Sheet) -> float:
        columns = min(2 if sheet.is_narrow else COLUMNS, len(panels))
        around = [Axes(heading=panel.claim, note=panel.outcome, y_name="evidence", lines=1) for panel in panels]
        height = around[0].room_above + HEIGHT + room_below() + 8.0
        grid = Grid(sheet=sheet, top=legend(sheet, 0.0, KEYS), columns=columns, cell_height=height)
        for place, (panel, axes) in enumerate(zip(panels, around, strict=True)):
            _draw(panel_in(sheet, grid.place(place), HEIGHT, _scales(panel), axes), panel)
        return grid.bottom(len(panels))

    return paint


def _scales(panel: Panel) -> tuple[Scale, Scale]:
    seeds, reach = [row.seeds for row in panel.rows], _reach(panel)
    whole = make_scale(min(seeds) - 0.4, max([*seeds, panel.most or 0]) + 0.4, label="seeds", most=6)
    ticks = tuple(tick for tick in whole.ticks if tick == round(tick))
    x = Scale(low=whole.low, high=whole.high, label="seeds", ticks=ticks, texts=tuple(f"{tick:.0f}" for tick in ticks))
    return x, make_scale(-reach, reach, most=5)


def _draw(drawn: axes_of.Panel, panel: Panel) -> None:
    colour, seen, reach = COLOURS.get(panel.verdict, INK), panel.seen, _reach(panel)
    seeds = [row.seeds for row in panel.rows]
    above, below = ([getattr(row, name) for row in panel.rows] for name in ("supports_from", "refutes_from"))
    drawn.level(0.0, colour=RULE)
    drawn.band(seeds, np.clip(above, -reach, reach), np.full(len(seeds), reach), colour=BLUE, opacity=0.10)
    drawn.band(seeds, np.full(len(seeds), -reach), np.clip(below, -reach, reach), colour=ORANGE, opacity=0.10)
    drawn.curve(seeds, above, colour=BLUE, width=1.1)
    drawn.curve(seeds, below, colour=ORANGE, width=1.1, dashes="4 2")
    drawn.dots(seeds, above, Style(marker="dash", colour=BLUE, size=2.0))
    shown, at = np.clip([row.evidence for row in seen], -reach, reach), [row.seeds for row in seen]
    drawn.curve(at, shown, colour=colour, width=1.3)
    drawn.dots(at, shown, Style(colour=colour, size=1.9))


def _reach(panel: Panel) -> float:
    """Return where the axis ends either way: beyond the evidence, and beyond boundaries as far as those matter."""
    ends = [abs(row.evidence) for row in panel.seen]
    ends += [min(abs(end), HIGHEST) for row in panel.rows for end in (row.supports_from, row.refutes_from)]
    return ROOM * max(ends)


def _data(panels: Sequence[Panel]) -> pd.DataFrame:
    rows = [
        (panel.claim, *(getattr(row, name) for name in DATA[1:]), "%" if panel.percent else "")
        for panel in panels
        for row in panel.rows
    ]
    return pd.DataFrame(rows, columns=[*DATA, "unit"])


def _words(title: str, panels: Sequence[Panel]) -> str:
    parts = []
    for panel in panels:
        last = panel.seen[-1]
        ends = " to ".join(amount(end, percent=panel.percent) for end in (last.low, last.high))
        interval = f" (repeated 95% interval {ends})" if math.isfinite(last.low + last.high) else ""
        parts.append(
            f"{panel.claim}, {panel.outcome}: after {wording.count(last.seeds, 'seed')} the evidence "
            f"is {wording.signed(last.evidence, 1)}, the boundaries are {wording.signed(last.supports_from, 1)} and "
            f"{wording.signed(last.refutes_from, 1)}, the effect is {amount(last.estimate, percent=panel.percent)}"
            f"{interval}"
        )
    return f"{title}. {'; '.join(parts)}."
