"""What configurations reach by each amount of compute: one falling line each, with the range of its seeds.

At first every line falls by far more than configurations differ at their best lengths. So a line begins where it comes
near the worst of these: further away by no more than half of what they span, or an eighth of what is drawn otherwise.
As many configurations as can be followed have lines of their own: the baseline and what claims compare others with, and
the best ones. The others are grey beneath them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.legend import Key, legend
from reports.figures.panel import Axes, Grid, Panel, panel_in, room_below
from reports.figures.scales import Scale, make_scale, metric_scale, widest
from reports.figures.sheet import INK, MUTED, SERIES, Sheet, Style
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.formatting import count

HEIGHT: Final = 190.0  # points
SMALLER: Final = 130.0  # of panels beside each other
TALLER: Final = 1.4  # where colours are used twice
NEAR: Final = 0.5  # of the distance from the best to the worst configuration at their best lengths
OF_ALL: Final = 0.125  # of the distance from the best to the worst value of all
DASHES: Final = ("", "4 2")
MOST: Final = len(SERIES) * len(DASHES)  # configurations with lines of their own
BAND: Final = 0.14  # opacity; of many, which overlap, less
LONGEST: Final = 60  # characters of an entry of the legend


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeLine:
    """One configuration: at each cost the best it reaches by then, as measured.

    Attributes:
        mean, low, high: over seeds; the least and the largest of its seeds.
        best_cost: of its best length.
        is_reference: whether it always has a line of its own.
    """

    name: str
    costs: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    best_cost: float
    is_reference: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingMark:
    """Where a configuration overtakes another: the cost with its interval, NaN if there is none, and the value."""

    at: float
    low: float
    high: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopePanel:
    """The configurations of one block."""

    heading: str
    unit: str
    lines: Sequence[EnvelopeLine]
    crossings: Sequence[CrossingMark] = ()


def envelopes_figure(name: str, title: str, words: str, panels: Sequence[EnvelopePanel], metric: Metric) -> Drawing:
    """Draw the metric over compute, on a logarithmic axis.

    Args:
        words: its content as text.
    """
    names = named(panels, metric)
    paint = _painter([near(each, metric, names) for each in panels], names, metric)
    return make_drawing(name, title, words, _data(panels), paint)


def named(panels: Sequence[EnvelopePanel], metric: Metric) -> list[str]:
    """Return the configurations that have lines of their own, the best of their panels first."""
    sign = 1.0 if metric.minimizes else -1.0
    ranks: dict[str, int] = {}
    for panel in panels:
        ordered = sorted(panel.lines, key=lambda line: float((sign * line.mean).min()))
        for rank, line in enumerate(ordered):
            ranks[line.name] = min(ranks.get(line.name, rank), rank)
    references = {line.name for panel in panels for line in panel.lines if line.is_reference}
    chosen = sorted(ranks, key=lambda name: (name not in references, ranks[name]))[:MOST]
    return sorted(chosen, key=lambda name: ranks[name])


def near(panel: EnvelopePanel, metric: Metric, names: Sequence[str]) -> EnvelopePanel:
    """Return what is drawn of a panel: its lines and crossings from where they are near the best lengths on.

    Args:
        names: the configurations that have lines of their own; of the others, those that come near.
    """
    worst, sign = worst_drawn(panel, metric, names), 1.0 if metric.minimizes else -1.0
    shown = [line for line in panel.lines if line.name in names or sign * line.mean[-1] <= sign * worst]
    return replace(
        panel,
        lines=[begun(line, worst, metric) for line in shown],
        crossings=[each for each in panel.crossings if sign * each.value <= sign * worst],
    )


def worst_drawn(panel: EnvelopePanel, metric: Metric, names: Sequence[str]) -> float:
    """Return the value beyond which nothing of a panel is drawn; infinite if all lines together are near."""
    sign = 1.0 if metric.minimizes else -1.0
    own = [line.name in names for line in panel.lines]
    means = [sign * _on_scale(line.mean, metric) for line in panel.lines]
    every = np.concatenate(means)
    if not np.isfinite(every).all():
        return sign * math.inf
    bests = [float(mean.min()) for mean, is_own in zip(means, own, strict=True) if is_own or not any(own)]
    spans = NEAR * (max(bests) - min(bests)), OF_ALL * float(every.max() - every.min())
    limit = max(bests) + max(spans)
    return sign * math.inf if limit >= every.max() else _measured(sign * limit, metric)


def begun(line: EnvelopeLine, worst: float, metric: Metric) -> EnvelopeLine:
    """Return a line from where its mean reaches a value on; between two costs, on their logarithm.

    Args:
        worst: beyond which nothing is drawn, the seeds' range neither.
    """
    sign = 1.0 if metric.minimizes else -1.0
    far = np.flatnonzero(sign * line.mean > sign * worst)
    if len(far) == 0 or far[-1] + 1 == len(line.mean):
        return line
    first = int(far[-1])
    before, after = _on_scale(line.mean[first : first + 2], metric)
    share = float((_on_scale(np.array([worst]), metric)[0] - before) / (after - before))
    start = line.costs[first] ** (1.0 - share) * line.costs[first + 1] ** share

    def cut(values: NDArray[np.float64]) -> NDArray[np.float64]:
        ends = _on_scale(values[first : first + 2], metric)
        begin = _measured(float(ends[0] + share * (ends[1] - ends[0])), metric)
        kept = np.concatenate([[begin], values[first + 1 :]])
        return np.asarray(np.minimum(kept, worst) if metric.minimizes else np.maximum(kept, worst))

    return replace(
        line,
        costs=np.concatenate([[start], line.costs[first + 1 :]]),
        mean=cut(line.mean),
        low=cut(line.low),
        high=cut(line.high),
    )


def _on_scale(values: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(values) if metric.is_log else values)


def _measured(value: float, metric: Metric) -> float:
    return math.exp(value) if metric.is_log else value


def _painter(panels: Sequence[EnvelopePanel], names: Sequence[str], metric: Metric) -> Paint:
    keys = [Key(text=text, kind="line", style=Style(colour=_colour(place)), dashes=_dashes(place))
            for place, text in enumerate(legend_texts(names))]  # fmt: skip
    if others := {line.name for panel in panels for line in panel.lines}.difference(names):
        keys.append(Key(text=count(len(others), "other"), kind="line", style=Style(colour=MUTED)))
    if any(panel.crossings for panel in panels):
        keys.append(Key(text="where one overtakes another (95%)", style=Style(marker="diamond", colour=INK)))

    def paint(sheet: Sheet) -> float:
        columns = 1 if sheet.is_narrow or len(panels) == 1 else 2
        high = HEIGHT if columns == 1 and not sheet.is_narrow else SMALLER
        high *= TALLER if len(names) > len(SERIES) else 1.0
        around = [Axes(heading=panel.heading, y_name=wording.metric_name(metric.name)) for panel in panels]
        height = max(each.room_above for each in around) + high + room_below() + 8.0
        grid = Grid(sheet=sheet, top=legend(sheet, 0.0, keys), columns=columns, cell_height=height)
        for place, (panel, axes) in enumerate(zip(panels, around, strict=True)):
            values = widest([part for line in panel.lines for part in (line.mean, line.low, line.high)])
            drawn = panel_in(sheet, grid.place(place), high, (_costs(panel), metric_scale(metric, values)), axes)
            _draw(drawn, panel, names)
        return grid.bottom(len(panels))

    return paint


def legend_texts(names: Sequence[str]) -> list[str]:
    """Return names as a legend has room for: of long lists of levels the first ones, where no two are then alike."""
    texts = [name if len(name) <= LONGEST else _cut(name) for name in names]
    return [name if texts.count(text) > 1 else text for name, text in zip(names, texts, strict=True)]


def _cut(name: str) -> str:
    kept = ""
    for level in name.split(", "):
        if len(kept) + len(level) > LONGEST - len(", \u2026"):
            break
        kept += f"{level}, "
    return f"{kept}\u2026" if kept else f"{name[: LONGEST - 1]}\u2026"


def _costs(panel: EnvelopePanel) -> Scale:
    costs = widest([line.costs for line in panel.lines])
    return make_scale(float(costs.min()) / 1.15, float(costs.max()) * 1.15, log=True, label=f"compute ({panel.unit})")


def _draw(drawn: Panel, panel: EnvelopePanel, names: Sequence[str]) -> None:
    places = {line.name: names.index(line.name) for line in panel.lines if line.name in names}
    for line in panel.lines:
        if line.name not in places:
            drawn.curve(line.costs, line.mean, colour=MUTED, width=0.6, opacity=0.6)
    # The best are above the others.
    lines = sorted((line for line in panel.lines if line.name in places), key=lambda line: -places[line.name])
    opacity = BAND * min(1.0, len(SERIES) / max(len(lines), 1))
    for line in lines:
        if np.isfinite(line.low).all() and (line.high > line.low).any():
            drawn.band(line.costs, line.low, line.high, colour=_colour(places[line.name]), opacity=opacity)
    for line in lines:
        place = places[line.name]
        drawn.curve(line.costs, line.mean, colour=_colour(place), width=1.4, dashes=_dashes(place))
        best = int(np.argmin(np.abs(line.costs - line.best_cost)))
        drawn.dots([line.costs[best]], [line.mean[best]], Style(colour=_colour(place), size=2.6))
    for mark in panel.crossings:
        if math.isfinite(mark.low) and math.isfinite(mark.high):
            drawn.curve([mark.low, mark.high], [mark.value, mark.value], colour=INK, width=0.9)
        drawn.dots([mark.at], [mark.value], Style(marker="diamond", colour=INK, size=2.8))


def _colour(place: int) -> str:
    return SERIES[place % len(SERIES)]


def _dashes(place: int) -> str:
    return DASHES[place // len(SERIES) % len(DASHES)]


def _data(panels: Sequence[EnvelopePanel]) -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {"panel": panel.heading, "configuration": line.name, "unit": panel.unit, "compute": line.costs,
             "value": line.mean, "low": line.low, "high": line.high}
        )
        for panel in panels
        for line in panel.lines
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)
