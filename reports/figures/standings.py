"""The best configurations of each stratum: their means with intervals, and which may be the best."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import pandas as pd

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.effects_axis import draw_interval
from reports.figures.legend import Key, legend
from reports.figures.panel import LINE
from reports.figures.rows import Row, draw_rows, finish_rows, table_for
from reports.figures.scales import metric_scale
from reports.figures.sheet import BLUE, MUTED, ORANGE, Sheet, Style
from sweeper.evidence.data.measures import Metric

BEST: Final = Style(colour=BLUE, size=2.8)
TIED: Final = Style(colour=BLUE, size=2.6, is_open=True)
BEHIND: Final = Style(colour=MUTED, size=2.4)
UNRANKED: Final = Style(marker="diamond", colour=MUTED, size=2.6, is_open=True)
BASELINE: Final = Style(marker="square", colour=ORANGE, size=2.6)
HEADS: Final = ("mean \u00b1", "n", "rank", "cost")
KEYS: Final = {
    "best": Key(text="best", style=BEST),
    "tied": Key(text="cannot be distinguished from the best", style=TIED),
    "same": Key(text="has the same mean as the best", style=TIED),
    "untested": Key(text="not compared, without repeats", style=BEHIND),
    "behind": Key(text="behind the best", style=BEHIND),
    "unranked": Key(text="not ranked, since runs were lost", style=UNRANKED),
    "baseline": Key(text="baseline", style=BASELINE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A configuration in a stratum at one budget; numbers are as measured, NaN where there is none.

    Attributes:
        kind: one of `KEYS`.
        n: runs in the mean.
        failed: that diverged, failed or were pruned.
        rank: as text, e.g. ``1 to 3``.
        cost: of a run, as text.
    """

    stratum: str
    name: str
    kind: str
    mean: float
    low: float
    high: float
    n: int
    failed: int = 0
    rank: str = ""
    cost: str = ""


def standings_figure(title: str, groups: Sequence[tuple[str, Sequence[Standing]]], metric: Metric) -> Drawing | None:
    """Draw the configurations of each group, best first, a group below another with a scale of its own.

    Args:
        groups: the heading of each with its rows; those without a mean are left out, unless they have lost runs. None
            without a row.
    """
    shown = [(heading, [row for row in rows if math.isfinite(row.mean) or row.failed]) for heading, rows in groups]
    shown = [(heading, rows) for heading, rows in shown if rows]
    if not shown:
        return None
    data = pd.DataFrame([{"group": heading, **asdict(row)} for heading, rows in shown for row in rows])
    return make_drawing("standings", title, _words(shown), data, _painter(shown, metric))


def _painter(groups: Sequence[tuple[str, Sequence[Standing]]], metric: Metric) -> Paint:
    has_cost = any(row.cost for _, rows in groups for row in rows)
    heads = HEADS if has_cost else HEADS[:-1]
    texts = [[_texts(row, has_cost=has_cost) for row in rows] for _, rows in groups]
    used = [key for kind, key in KEYS.items() if any(row.kind == kind for _, rows in groups for row in rows)]

    def paint(sheet: Sheet) -> float:
        top = legend(sheet, 0.0, used)
        table = table_for(sheet, [row for each in texts for row in each], heads=heads, lines=3)
        for (heading, rows), shown in zip(groups, texts, strict=True):
            if heading:
                sheet.text((0.0, top + LINE), wording.clean(heading), bold=True)
                top += LINE + 3.0
            ends = [value for row in rows for value in (row.mean, row.low, row.high) if math.isfinite(value)]
            laid = draw_rows(sheet, top, shown, metric_scale(metric, ends, most=5), table)
            for row, y in zip(rows, laid.middles, strict=True):
                style = KEYS[row.kind].style
                draw_interval(laid.panel, y, (row.low, row.high), colour=style.colour, width=1.5)
                if math.isfinite(row.mean):
                    sheet.dots([(float(laid.panel.across([row.mean])[0]), y)], style)
            top = finish_rows(laid) + 4.0
        return top

    return paint


def _texts(row: Standing, *, has_cost: bool) -> Row:
    half = (row.high - row.low) / 2
    spread = f" \u00b1 {wording.number(half, 2)}" if math.isfinite(half) else ""
    cells = (f"{wording.perplexity(row.mean)}{spread}", wording.runs_text(row.n, row.failed), row.rank, row.cost)
    return Row(label=row.name, cells=cells if has_cost else cells[:-1], bold=row.kind == "best")


def _runs(row: Standing) -> str:
    return wording.runs_text(row.n, row.failed) + (", not ranked" if row.failed else "")


def _words(groups: Sequence[tuple[str, Sequence[Standing]]]) -> str:
    parts = []
    for heading, rows in groups:
        named = [f"{row.name} {_texts(row, has_cost=False).cells[0]} (n = {_runs(row)})" for row in rows]
        parts.append(f"{f'{heading}: ' if heading else ''}{'; '.join(named)}.")
    return " ".join(parts)
