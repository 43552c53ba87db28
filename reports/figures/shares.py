"""How much each factor matters: its share of a gain, and its importance in a search."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reports import wording
from reports.figures.drawing import BLUE, INK, ORANGE, PURPLE, RULE, Canvas, Drawing
from reports.figures.forest import amount
from reports.figures.scales import count_axis

ROW_HEIGHT: Final = 0.27  # inches
SERIES: Final = {"Shapley": (BLUE, "o"), "added alone": (ORANGE, "^"), "left out of all": (PURPLE, "v")}


def attribution_figure(
    name: str, title: str, shares: Mapping[str, Mapping[str, float | None]], label: str, *, percent: bool
) -> Drawing:
    """Draw the gain of each factor by three kinds of attribution; positive improves the metric.

    Args:
        shares: by factor, then by the names of `SERIES`; None where its trials were not run.
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
        canvas.legend(columns=3)
        data = pd.DataFrame([{"factor": factor, **share} for factor, share in shares.items()])
        parts = [f"{factor} {amount(share['Shapley'] or 0.0, percent=percent)}" for factor, share in shares.items()]
        return canvas.finish(title, wording.clean(f"{title}. Shapley values: {', '.join(parts)}."), data)


def importance_figure(name: str, title: str, factors: Sequence[tuple[str, float, float, float]]) -> Drawing:
    """Draw the importances of a search's factors: fANOVA's share of the variance, and PED-ANOVA's weights as shares.

    Args:
        factors: name, fANOVA's share, its standard deviation, PED-ANOVA's weight; the most important first.
    """
    data = pd.DataFrame(factors, columns=["factor", "fanova", "fanova_sd", "ped_anova"])
    total = float(data["ped_anova"].sum())
    data["ped_anova_share"] = data["ped_anova"] / total if total > 0 else math.nan
    shares, spread = 100 * data["fanova"].to_numpy(), 100 * data["fanova_sd"].fillna(0.0).to_numpy()
    with Canvas(name, 0.85 + ROW_HEIGHT * len(factors)) as canvas:
        left, right = canvas.axes(1, 2, sharey=True)
        _bars(left, data, shares, "variance explained (fANOVA, %)", float(np.nanmax(shares + spread, initial=1.0)))
        left.errorbar(shares, range(len(data)), xerr=spread, fmt="none", ecolor=INK, elinewidth=0.9)
        weights = 100 * data["ped_anova_share"].fillna(0.0).to_numpy()
        _bars(right, data, weights, "weight among the best (PED-ANOVA, %)", float(np.max(weights, initial=1.0)))
        return canvas.finish(title, _words(title, data), data)


def _bars(axes: Axes, data: pd.DataFrame, values: NDArray[np.float64], words: str, longest: float) -> None:
    _rows(axes, list(data["factor"]))
    axes.barh(range(len(data)), np.nan_to_num(values), height=0.55, color=BLUE)
    count_axis(axes, longest, words)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.grid(visible=False, axis="y")
    for place in range(len(names)):
        axes.axhline(place, color=RULE, linewidth=0.5, zorder=0)
    axes.set_yticks(range(len(names)), [wording.label(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)


def _words(title: str, data: pd.DataFrame) -> str:
    parts = [
        f"{factor} {_share(share)} of the variance and {_share(weight)} of the weight among the best"
        for factor, share, weight in zip(data["factor"], data["fanova"], data["ped_anova_share"], strict=True)
    ]
    return wording.clean(f"{title}. {'; '.join(parts)}.")


def _share(value: float) -> str:
    return f"{100 * value:.0f}%" if math.isfinite(value) else "an unknown part"
