"""Device time: one bar per phase, by the results of the attempts."""

from typing import Final

import pandas as pd

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.legend import Key, legend
from reports.figures.rows import Row, draw_rows, finish_rows
from reports.figures.scales import count_scale, time_unit
from reports.figures.sheet import BLUE, ORANGE, SKY, YELLOW, Sheet, Style

FATES: Final = {"completed": BLUE, "pruned": SKY, "failed or lost": ORANGE, "not ended": YELLOW}
BAR: Final = 7.0  # points: its height


def spending_figure(spent: pd.DataFrame, title: str = "Device time by phase") -> Drawing | None:
    """Draw the bars; None if nothing was spent.

    Args:
        spent: phase (in order), fate (one of `FATES`) and device_seconds, one row per phase and fate.
        title: what it shows.
    """
    total = float(spent["device_seconds"].sum()) if len(spent) else 0.0
    if total <= 0:
        return None
    phases = list(dict.fromkeys(spent["phase"]))
    table = spent.pivot_table(index="phase", columns="fate", values="device_seconds", aggfunc="sum", fill_value=0.0)
    table = table.reindex(index=phases, columns=[fate for fate in FATES if fate in table], fill_value=0.0)
    return make_drawing("device-time", title, _words(table, total), spent, _painter(table))


def _painter(table: pd.DataFrame) -> Paint:
    totals = table.sum(axis=1)
    unit = time_unit([totals.max()])
    scale = count_scale(float(totals.max()) / unit.size, unit.name, least=0.0)
    rows = [
        Row(label=wording.clean(str(phase)), cells=(wording.duration(float(total)),)) for phase, total in totals.items()
    ]
    keys = [Key(text=str(fate), kind="area", style=Style(colour=FATES[str(fate)])) for fate in table.columns]

    def paint(sheet: Sheet) -> float:
        laid = draw_rows(sheet, legend(sheet, 0.0, keys), rows, scale)
        for y, (_, spent) in zip(laid.middles, table.iterrows(), strict=True):
            left = 0.0
            for fate in table.columns:
                ends = laid.panel.across([left, left + float(spent[fate]) / unit.size])
                size = (float(ends[1] - ends[0]), BAR)
                sheet.box((float(ends[0]), y - BAR / 2), size, colour=FATES[str(fate)])
                left += float(spent[fate]) / unit.size
        return finish_rows(laid)

    return paint


def _words(table: pd.DataFrame, total: float) -> str:
    parts = [
        f"{phase} {wording.duration(float(row.sum()))}, "
        + " and ".join(f"{wording.duration(float(row[fate]))} {fate}" for fate in table.columns if row[fate] > 0)
        for phase, row in table.iterrows()
    ]
    return f"{wording.duration(total)} of device time in all. {'; '.join(parts)}."
