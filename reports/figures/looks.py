"""The path of each claim over its looks: the evidence after every seed, between the boundaries that decide it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports import wording
from reports.figures.drawing import BLUE, INK, ORANGE, RULE, Canvas, Drawing
from reports.figures.forest import amount

COLUMNS: Final = 3
PANELS: Final = 15  # of a figure, which fit on a printed page
PANEL_HEIGHT: Final = 1.6  # inches
LONGEST_TITLE: Final = 31  # characters
HIGHEST: Final = 6.0  # on the normal scale: boundaries beyond are reached by hardly any evidence
ROOM: Final = 1.12
COLOURS: Final = {"supported": BLUE, "refuted": ORANGE}
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


def looks_figures(panels: Sequence[Panel]) -> tuple[Drawing, ...]:
    """Draw the paths, one panel per claim, in as many figures as pages need; none without a look."""
    shown = [panel for panel in panels if panel.seen]
    if not shown:
        return ()
    parts = math.ceil(len(shown) / PANELS)
    groups = [[shown[place] for place in places] for places in np.array_split(np.arange(len(shown)), parts)]
    return tuple(_figure(group, number, parts) for number, group in enumerate(groups, 1))


def _figure(panels: Sequence[Panel], number: int, parts: int) -> Drawing:
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    name = "looks" if number == 1 else f"looks-{number}"
    title = "Claims over their looks" + (f", part {number} of {parts}" if parts > 1 else "")
    with Canvas(name, 0.55 + PANEL_HEIGHT * rows) as canvas:
        places = canvas.axes(rows, columns)
        for place, (axes, panel) in enumerate(zip(places, panels, strict=False)):
            _draw(axes, panel)
            axes.set_ylabel("evidence" if place % columns == 0 else "")
            axes.set_xlabel("seeds" if place >= len(panels) - columns else "")
        for axes in places[len(panels) :]:
            axes.set_visible(False)
        canvas.legend(_handles(), columns=3)
        return canvas.finish(title, _words(title, panels), _data(panels))


def _draw(axes: Axes, panel: Panel) -> None:
    colour, seen = COLOURS.get(panel.verdict, INK), panel.seen
    seeds = [row.seeds for row in panel.rows]
    above, below = ([getattr(row, name) for row in panel.rows] for name in ("supports_from", "refutes_from"))
    reach = _reach(panel)
    axes.axhline(0.0, color=RULE, linewidth=0.8)
    axes.fill_between(seeds, above, reach, color=BLUE, alpha=0.10, linewidth=0)
    axes.fill_between(seeds, below, -reach, color=ORANGE, alpha=0.10, linewidth=0)
    style = {"linewidth": 1.1, "marker": "_", "markersize": 4.0}
    axes.plot(seeds, above, color=BLUE, **style)  # type: ignore[arg-type]  # matplotlib's keywords
    axes.plot(seeds, below, color=ORANGE, **{**style, "linestyle": (0, (4, 2))})  # type: ignore[arg-type]
    line = {"color": colour, "linewidth": 1.3, "marker": "o", "markersize": 3.4, "zorder": 4}
    shown = np.clip([row.evidence for row in seen], -reach, reach)
    axes.plot([row.seeds for row in seen], shown, **line)  # type: ignore[arg-type]
    axes.set_title(f"{_title(panel.claim)}\n{panel.outcome}", loc="left", linespacing=1.25)
    last = max([*seeds, panel.most or 0])
    axes.set_xlim(min(seeds) - 0.4, last + 0.4)
    axes.set_ylim(-reach, reach)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 4, 5, 10]))


def _title(claim: str) -> str:
    return claim if len(claim) <= LONGEST_TITLE else f"{claim[: LONGEST_TITLE - 1]}\u2026"


def _reach(panel: Panel) -> float:
    """Return where the axis ends either way: beyond the evidence, and beyond boundaries as far as those matter."""
    ends = [abs(row.evidence) for row in panel.seen]
    ends += [min(abs(end), HIGHEST) for row in panel.rows for end in (row.supports_from, row.refutes_from)]
    return ROOM * max(ends)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=INK, marker="o", markersize=3.4, linewidth=1.3, label="evidence so far"),
        Line2D([], [], color=BLUE, linewidth=1.1, label="supported from here on"),
        Line2D([], [], color=ORANGE, linewidth=1.1, linestyle=(0, (4, 2)), label="refuted from here on"),
    ]


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
    return wording.clean(f"{title}. {'; '.join(parts)}.")
