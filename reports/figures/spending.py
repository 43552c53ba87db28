"""Device time: one bar per phase, by the results of the attempts."""

from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.drawing import BLUE, ORANGE, SKY, YELLOW, Canvas, Drawing
from reports.figures.scales import count_axis, time_unit

FATES: Final = {"completed": BLUE, "pruned": SKY, "failed or lost": ORANGE, "not ended": YELLOW}
ROW_HEIGHT: Final = 0.26


def spending_figure(spent: pd.DataFrame) -> Drawing | None:
    """Draw the bars; None if nothing was spent.

    Args:
        spent: phase (in order), fate (one of `FATES`) and device_seconds, one row per phase and fate.
    """
    total = float(spent["device_seconds"].sum()) if len(spent) else 0.0
    if total <= 0:
        return None
    phases = list(dict.fromkeys(spent["phase"]))
    table = spent.pivot_table(index="phase", columns="fate", values="device_seconds", aggfunc="sum", fill_value=0.0)
    table = table.reindex(index=phases, columns=[fate for fate in FATES if fate in table], fill_value=0.0)
    longest = table.sum(axis=1).max()
    unit = time_unit([longest])
    with Canvas("device-time", 0.8 + ROW_HEIGHT * len(phases)) as canvas:
        (axes,) = canvas.axes()
        axes.grid(visible=False, axis="y")
        left = np.zeros(len(phases))
        for fate in table.columns:
            widths = table[fate].to_numpy() / unit.size
            axes.barh(range(len(phases)), widths, left=left, height=0.62, color=FATES[str(fate)], label=str(fate))
            left += widths
        axes.set_yticks(range(len(phases)), [wording.label(str(phase)) for phase in phases])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(phases) - 0.5, -0.5)
        count_axis(axes, float(longest) / unit.size, unit.name, least=0.0)
        canvas.legend(columns=4)
        return canvas.finish("Device time by phase", _words(table, total), spent)


def _words(table: pd.DataFrame, total: float) -> str:
    parts = [
        f"{phase} {wording.duration(float(row.sum()))}, "
        + " and ".join(f"{wording.duration(float(row[fate]))} {fate}" for fate in table.columns if row[fate] > 0)
        for phase, row in table.iterrows()
    ]
    return wording.clean(f"{wording.duration(total)} of device time in all. {'; '.join(parts)}.")
