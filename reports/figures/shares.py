"""How much each factor matters in each stratum: its share of a gain, and its importance in a search."""

import math
from collections.abc import Mapping, Sequence, Sized
from typing import Final, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing, part_names
from reports.figures.effects_axis import amount
from reports.figures.legend import Key, legend
from reports.figures.panel import room_below
from reports.figures.rows import PAGE, Row, draw_rows, finish_rows, split
from reports.figures.scales import Scale, count_scale, percent_texts, span_scale
from reports.figures.sheet import BLUE, INK, ORANGE, PURPLE, Sheet, Style

SERIES: Final = {
    "Shapley": Style(colour=BLUE, size=2.6),
    "added alone": Style(marker="up", colour=ORANGE, size=2.6, is_open=True),
    "left out of all": Style(marker="down", colour=PURPLE, size=2.6, is_open=True),
}
BAR: Final = 6.0  # points: its height
HEIGHT: Final = 17.4  # of a row, at most
SHOWN: Final = ("stratum", "factor", "fanova", "ped_anova_share")
T = TypeVar("T", bound=Sized)
Shares = Mapping[str, float | None]  # of a factor, by the names of `SERIES`; None where its trials were not run
# The factor, fANOVA's share, its standard deviation, PED-ANOVA's weight.
Importances = Sequence[tuple[str, float, float, float]]


def attribution_figures(
    name: str, title: str, strata: Mapping[str, Mapping[str, Shares]], label: str, *, percent: bool
) -> tuple[Drawing, ...]:
    """Draw the gain of each factor by three kinds of attribution, in each stratum; positive improves the metric.

    Args:
        strata: by stratum, a single one "" without strata, and factor.
        percent: whether the numbers are percentages.
    """
    every = [share for factors in strata.values() for share in factors.values()]
    scale = span_scale([value for share in every for value in share.values() if value is not None], label)
    used = [series for series in SERIES if any(share[series] is not None for share in every)]
    drawings = []
    for named, headed, groups in _parts(name, title, strata):
        data = [
            {"stratum": group, "factor": factor, **share} for group in groups for factor, share in groups[group].items()
        ]
        numbers = {
            group: [(factor, amount(share["Shapley"] or 0.0, percent=percent)) for factor, share in factors.items()]
            for group, factors in groups.items()
        }
        said = {group: ", ".join(map(" ".join, own)) for group, own in numbers.items()}
        words = f"{headed}. Shapley values{_listed(said)}"
        rows = _headed({group: [(factor, (number,)) for factor, number in own] for group, own in numbers.items()})
        drawn = [share for factors in groups.values() for share in factors.values()]
        paint = _attribution_painter(rows, drawn, used, (scale, percent_texts(scale, percent=percent)))
        drawings.append(make_drawing(named, headed, words, pd.DataFrame(data), paint))
    return tuple(drawings)


def _attribution_painter(
    rows: Sequence[Row], drawn: Sequence[Shares], used: Sequence[str], axis: tuple[Scale, Sequence[str]]
) -> Paint:
    def paint(sheet: Sheet) -> float:
        scale, texts = axis
        top = legend(sheet, 0.0, [Key(text=series, style=SERIES[series]) for series in used])
        laid = draw_rows(sheet, top, rows, scale)
        laid.vertical(0.0)
        for series in used:
            found = [share[series] for share in drawn]
            places = laid.panel.across([math.nan if value is None else value for value in found])
            sheet.dots(zip(places.tolist(), laid.middles, strict=True), SERIES[series])
        return finish_rows(laid, texts=texts)

    return paint


def importance_figures(name: str, title: str, strata: Mapping[str, Importances]) -> tuple[Drawing, ...]:
    """Draw the importances of a search's factors in each stratum.

    They are fANOVA's share of the variance, and PED-ANOVA's weights as shares.

    Args:
        strata: by stratum, a single one "" without strata, the factors, the most important first.
    """
    every = pd.concat([_importance_frame(group, strata[group]) for group in strata], ignore_index=True)
    ends = 100 * np.array(
        [every["fanova"].fillna(0) + every["fanova_sd"].fillna(0), every["ped_anova_share"].fillna(0)]
    )
    scale = count_scale(float(np.max(ends, initial=1.0)), "percent")
    drawings = []
    for named, headed, groups in _parts(name, title, strata):
        data = every[every["stratum"].isin(list(groups))].reset_index(drop=True)
        drawings.append(make_drawing(named, headed, _words(headed, data), data, _importance_painter(data, scale)))
    return tuple(drawings)


def _importance_frame(stratum: str, factors: Importances) -> pd.DataFrame:
    data = pd.DataFrame(factors, columns=["factor", "fanova", "fanova_sd", "ped_anova"])
    total = float(data["ped_anova"].sum())
    data["ped_anova_share"] = data["ped_anova"] / total if total > 0 else math.nan
    data.insert(0, "stratum", stratum)
    return data


def _importance_painter(data: pd.DataFrame, scale: Scale) -> Paint:
    shares, spread, weights = (
        100 * data[name].fillna(0.0).to_numpy() for name in ("fanova", "fanova_sd", "ped_anova_share")
    )
    groups: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for group, factor, share, weight in zip(*(data[name] for name in SHOWN), strict=True):
        groups.setdefault(str(group), []).append((str(factor), (_share(share), _share(weight))))
    rows = _headed(groups)
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

    return paint


def _headed(groups: Mapping[str, Sequence[tuple[str, tuple[str, ...]]]]) -> list[Row]:
    """Return rows of labels and numbers below the heading of their stratum, if it has a name."""
    found = []
    for group, rows in groups.items():
        found += [Row(label=wording.clean(group), bold=True, is_heading=True)] if group else []
        found += [Row(label=wording.clean(label), cells=cells) for label, cells in rows]
    return found


def _parts(name: str, title: str, strata: Mapping[str, T]) -> list[tuple[str, str, dict[str, T]]]:
    """Return the names, the titles and the strata of as many figures as pages need."""
    names = list(strata)
    parts = split([(len(strata[each]) + 1) * HEIGHT for each in names], PAGE - room_below() - HEIGHT)
    return [
        (*part_names(name, title, number, len(parts)), {names[place]: strata[names[place]] for place in places})
        for number, places in enumerate(parts, 1)
    ]


def _listed(said: Mapping[str, str]) -> str:
    """Return what is said of each stratum after its name, if it has one."""
    if list(said) == [""]:
        return f": {said['']}."
    return "." + "".join(f" {group}: {text}." for group, text in said.items())


def _draw_bars(sheet: Sheet, places: NDArray[np.float64], middles: Sequence[float]) -> None:
    for place, y in zip(places[1:].tolist(), middles, strict=True):
        sheet.box((float(places[0]), y - BAR / 2), (place - float(places[0]), BAR), colour=BLUE, opacity=0.75)


def _words(title: str, data: pd.DataFrame) -> str:
    said: dict[str, list[str]] = {}
    for group, factor, share, weight in zip(*(data[name] for name in SHOWN), strict=True):
        text = f"{factor} {_share(share)} of the variance and {_share(weight)} of the weight among the best"
        said.setdefault(str(group), []).append(f"{f'{group}, ' if group and group not in said else ''}{text}")
    return f"{title}. {'; '.join(text for texts in said.values() for text in texts)}."


def _share(value: float) -> str:
    return f"{100 * value:.0f}%" if math.isfinite(value) else "an unknown part"
