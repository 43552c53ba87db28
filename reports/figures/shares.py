"""How much each factor matters: its share of a gain, and its importance in a search."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports import wording
from reports.figures.drawing import Drawing, make_drawing
from reports.figures.effects_axis import amount
from reports.figures.legend import Key, legend
from reports.figures.rows import Row, draw_rows, finish_rows
from reports.figures.scales import count_scale, percent_texts, span_scale
from reports.figures.sheet import BLUE, INK, ORANGE, PURPLE, Sheet, Style

SERIES: Final = {
    "Shapley": Style(colour=BLUE, size=2.6),
    "added alone": Style(marker="up", colour=ORANGE, size=2.6, is_open=True),
    "left out of all": Style(marker="down", colour=PURPLE, size=2.6, is_open=True),
}
BAR: Final = 6.0  # points: its height


def attribution_figure(
    name: str, title: str, shares: Mapping[str, Mapping[str, float | None]], label: str, *, percent: bool
) -> Drawing:
    """Draw the gain of each factor by three kinds of attribution; positive improves the metric.

    Args:
        shares: by factor, then by the names of `SERIES`; None where its trials were not run.
        percent: whether the numbers are percentages.
    """
    values = [value for share in shares.values() for value in share.values() if value is not None]
    scale = span_scale(values, label)
    rows = [
        Row(label=wording.clean(factor), cells=(amount(share["Shapley"] or 0.0, percent=percent),))
        for factor, share in shares.items()
    ]
    used = [series for series in SERIES if any(share[series] is not None for share in shares.values())]

    def paint(sheet: Sheet) -> float:
        top = legend(sheet, 0.0, [Key(text=series, style=SERIES[series]) for series in used])
        laid = draw_rows(sheet, top, rows, scale)
        laid.vertical(0.0)
        for series in used:
            found = [share[series] for share in shares.values()]
            places = laid.panel.across([math.nan if value is None else value for value in found])
            sheet.dots(zip(places.tolist(), laid.middles, strict=True), SERIES[series])
        return finish_rows(laid, texts=percent_texts(scale, percent=percent))

    data = pd.DataFrame([{"factor": factor, **share} for factor, share in shares.items()])
    parts = [f"{factor} {amount(share['Shapley'] or 0.0, percent=percent)}" for factor, share in shares.items()]
    return make_drawing(name, title, f"{title}. Shapley values: {', '.join(parts)}.", data, paint)


def importance_figure(name: str, title: str, factors: Sequence[tuple[str, float, float, float]]) -> Drawing:
    """Draw the importances of a search's factors: fANOVA's share of the variance, and PED-ANOVA's weights as shares.

    Args:
        factors: name, fANOVA's share, its standard deviation, PED-ANOVA's weight; the most important first.
    """
    data = pd.DataFrame(factors, columns=["factor", "fanova", "fanova_sd", "ped_anova"])
    total = float(data["ped_anova"].sum())
    data["ped_anova_share"] = data["ped_anova"] / total if total > 0 else math.nan
    shares, spread = (100 * data[name].fillna(0.0).to_numpy() for name in ("fanova", "fanova_sd"))
    weights = 100 * data["ped_anova_share"].fillna(0.0).to_numpy()
    longest = float(max(np.max(shares + spread, initial=1.0), np.max(weights, initial=1.0)))
    scale = count_scale(longest, "percent")
    rows = [
        Row(label=wording.clean(str(factor)), cells=(_share(share), _share(weight)))
        for factor, share, weight in zip(data["factor"], data["fanova"], data["ped_anova_share"], strict=True)
    ]
    keys = [
        Key(text="variance explained (fANOVA) \u00b1 standard deviation", kind="area", style=Style(colour=BLUE)),
        Key(text="weight among the best (PED-ANOVA)", style=Style(marker="diamond", colour=ORANGE, size=2.6)),
    ]

    def paint(sheet: Sheet) -> float:
        laid = draw_rows(sheet, legend(sheet, 0.0, keys), rows, scale)
        _draw_bars(sheet, laid.panel.across([0.0, *shares]), laid.middles)
        ends = laid.panel.across(shares - spread), laid.panel.across(shares + spread)
        for low, high, y in zip(*ends, laid.middles, strict=True):
            sheet.line((max(float(low), laid.panel.left), y), (float(high), y), colour=INK)
        sheet.dots(zip(laid.panel.across(weights).tolist(), laid.middles, strict=True), keys[1].style)
        return finish_rows(laid)

    return make_drawing(name, title, _words(title, data), data, paint)


def _draw_bars(sheet: Sheet, places: NDArray[np.float64], middles: Sequence[float]) -> None:
    for place, y in zip(places[1:].tolist(), middles, strict=True):
        sheet.box((float(places[0]), y - BAR / 2), (place - float(places[0]), BAR), colour=BLUE, opacity=0.75)


def _words(title: str, data: pd.DataFrame) -> str:
    parts = [
        f"{factor} {_share(share)} of the variance and {_share(weight)} of the weight among the best"
        for factor, share, weight in zip(data["factor"], data["fanova"], data["ped_anova_share"], strict=True)
    ]
    return f"{title}. {'; '.join(parts)}."


def _share(value: float) -> str:
    return f"{100 * value:.0f}%" if math.isfinite(value) else "an unknown part"
