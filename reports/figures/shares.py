"""How much each factor matters: its share of a gain, and its importance in a search."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports import wording
from reports.figures.drawing import BLUE, INK, ORANGE, PURPLE, RULE, Canvas, Drawing
from reports.figures.forest import amount
from reports.figures.scales import count_axis

ROW_HEIGHT: Final = 0.27  # inches
SERIES: Final = {"Shapley": (BLUE, "o"), "added alone": (ORANGE, "^"), "left out of all": (PURPLE, "v")}


def attribution_figure(
    name: str, title: str, shares: Mapping[str, Mapping[str, float | None]], label: str, *, percent: bool
) -> Drawing:
    """The gain of each factor by three ways of sharing it out; positive betters the metric.

    Args:
        shares: by factor, then by the names of `SERIES`; None where the trials for it were not run.
        percent: whether the numbers are percentages.
    """
    with Canvas(name, 0.8 + ROW_HEIGHT * len(shares)) as canvas:
        (axes,) = canvas.axes()
        _rows(axes, list(shares))
        axes.axvline(0.0, color=INK, linewidth=0.8)
        for series, (colour, marker) in SERIES.items():
            found = [(place, share[series]) for place, share in enumerate(shares.values()) if share[series] is not None]
            if found:
                places, values = zip(*found, strict=True)
                (line,) = axes.plot(values, places, color=colour, marker=marker, linestyle="", label=series)
                line.set(markersize=5, markeredgewidth=0.9, markerfacecolor="none" if series != "Shapley" else colour)
        axes.set_xlabel(wording.label(label))
        canvas.figure.legend(loc="outside upper left", ncols=3)
        data = pd.DataFrame([{"factor": factor, **share} for factor, share in shares.items()])
        parts = [f"{factor} {amount(share['Shapley'] or 0.0, percent=percent)}" for factor, share in shares.items()]
        return canvas.finish(title, wording.clean(f"{title}. Shapley values: {', '.join(parts)}."), data)


def importance_figure(name: str, title: str, factors: Sequence[tuple[str, float, float, float]]) -> Drawing:
    """The importances of a search's factors: fANOVA's share of the variance, and PED-ANOVA's weight for being best.

    Args:
        factors: name, fANOVA's share, its standard deviation, PED-ANOVA's share; the most important first.
    """
    data = pd.DataFrame(factors, columns=["factor", "fanova", "fanova_sd", "ped_anova"])
    with Canvas(name, 0.85 + ROW_HEIGHT * len(factors)) as canvas:
        left, right = canvas.axes(1, 2, sharey=True)
        for axes, column, words in (
            (left, "fanova", "share of the variance (fANOVA, %)"),
            (right, "ped_anova", "weight for being among the best (PED-ANOVA, %)"),
        ):
            _rows(axes, list(data["factor"]))
            values = 100 * data[column].fillna(0.0).to_numpy()
            axes.barh(range(len(data)), values, height=0.55, color=BLUE)
            count_axis(axes, float(np.max(values, initial=1.0)), words)
        shares, spread = 100 * data["fanova"].to_numpy(), 100 * data["fanova_sd"].fillna(0.0).to_numpy()
        left.errorbar(shares, range(len(data)), xerr=spread, fmt="none", ecolor=INK, elinewidth=0.9)
        left.set_xlim(0.0, max(float(np.nanmax(shares + spread)), 1.0) * 1.05)
        return canvas.finish(title, _words(title, factors), data)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.grid(visible=False, axis="y")
    for place in range(len(names)):
        axes.axhline(place, color=RULE, linewidth=0.5, zorder=0)
    axes.set_yticks(range(len(names)), [wording.label(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)


def _words(title: str, factors: Sequence[tuple[str, float, float, float]]) -> str:
    parts = [
        f"{name} {_share(share)} of the variance and {_share(weight)} of the weight for being best"
        for name, share, _, weight in factors
    ]
    return wording.clean(f"{title}. {'; '.join(parts)}.")


def _share(value: float) -> str:
    return f"{100 * value:.0f}\u202f%" if math.isfinite(value) else "an unknown part"
