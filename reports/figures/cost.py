"""The metric against its cost, device time and FLOPs, with the Pareto front."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from reports import wording
from reports.figures.drawing import INK, MUTED, PAPER, SERIES, Canvas, Drawing
from reports.figures.scales import clamped, cost_axis, log_costs, metric_axis, time_unit
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.statistics.curves import pareto_front

MARKERS: Final = ("o", "s", "^", "D", "v", "p")
LEGEND_ROW: Final = 0.13  # inches that the figure is higher for every three phases
MANY: Final = 1500  # trials, from which on a density stands for the points
SHOWN_OF_MANY: Final = 200
SHADES: Final = LinearSegmentedColormap.from_list("shades", [to_rgba(MUTED, 0.15), to_rgba(MUTED, 0.95)])
COLUMNS: Final = ("trial_id", "phase", "number", "state", "device_seconds", "flops", "value")


def cost_figure(trials: pd.DataFrame, metric: Metric, published: Mapping[str, float]) -> Drawing | None:
    """Draw each trial's value against its device time and its FLOPs; None if no trial has a value.

    Args:
        trials: the columns of `COLUMNS`.
        published: values to compare with, by name.
    """
    known = trials.loc[np.isfinite(trials["value"]), list(COLUMNS)]
    costs = [cost for cost in ("device_seconds", "flops") if (known[cost] > 0).any()]
    if not costs:
        return None
    shown, beyond = clamped(known["value"], metric)
    known = known.assign(shown=shown, beyond_axis=beyond)
    data = known.drop(columns="shown")
    phases = list(dict.fromkeys(known["phase"]))
    with Canvas("cost", 3.1 + LEGEND_ROW * (len(phases) // 3)) as canvas:
        panels = canvas.axes(1, len(costs), sharey=True)
        for panel, cost in zip(panels, costs, strict=True):
            if len(known) > MANY:
                _density(panel, known[cost], shown, metric)
            metric_axis(panel, metric, [*shown, *published.values()], label=panel is panels[0])
            data[f"on_front_{cost}"] = _panel(canvas, panel, known, cost, metric)
            _draw_published(panel, published)
        canvas.legend(_legend(phases, known), handletextpad=0.4)
        return canvas.finish(f"{wording.metric_name(metric.name)} against cost", _words(data, costs, metric), data)


def _panel(canvas: Canvas, axes: Axes, known: pd.DataFrame, cost: str, metric: Metric) -> "pd.Series[bool]":
    """Draw one panel; return which trials are on its front."""
    unit = time_unit(known[cost]) if cost == "device_seconds" else None
    size, label = (unit.size, unit.name) if unit is not None else (1.0, "FLOPs")
    x = known[cost] / size
    cost_axis(axes, x, label)
    kept = known["state"] != "failed"
    places = np.flatnonzero(kept & (known[cost] > 0))
    front = places[pareto_front(x.iloc[places], known["value"].iloc[places], direction=metric.direction)]
    shown = known if len(known) <= MANY else _singled_out(known, metric, front)
    for place, phase in enumerate(dict.fromkeys(known["phase"])):
        for (state, beyond), chosen in shown[shown["phase"] == phase].groupby(["state", "beyond_axis"]):
            style = _style(place, str(state))
            if beyond:
                style["marker"] = "^" if metric.minimizes else "v"
            canvas.points(axes, chosen[cost] / size, chosen["shown"], list(chosen["trial_id"]), **style)
    _draw_front(axes, x.iloc[front].to_numpy(), known["value"].iloc[front].to_numpy())
    on_front = pd.Series(False, index=known.index)
    on_front.iloc[front] = True
    return on_front


def _draw_published(axes: Axes, published: Mapping[str, float]) -> None:
    for place, (name, value) in enumerate(sorted(published.items(), key=lambda item: item[1])):
        axes.axhline(value, color=MUTED, linewidth=0.7, dashes=(4, 2))
        side = 1.0 - place % 2  # alternating, so that close values do not hide each other's names
        axes.annotate(
            wording.label(name), (side, value), xycoords=("axes fraction", "data"), xytext=(4 - 4 * side, 2),
            textcoords="offset points", ha="right" if side else "left", fontsize=6.5, color=MUTED,
        )  # fmt: skip


def _density(axes: Axes, costs: "pd.Series[float]", values: NDArray[np.float64], metric: Metric) -> None:
    """Shade the density of trials. This sets the axes' scales, so it comes before their ticks."""
    unit = time_unit(costs).size if costs.name == "device_seconds" else 1.0
    there = (costs > 0).to_numpy()
    axes.hexbin(
        costs[there] / unit, values[there], gridsize=36, mincnt=1, bins="log", cmap=SHADES, linewidths=0,
        xscale="log" if log_costs(costs) else "linear", yscale="log" if metric.is_log else "linear", zorder=1,
    )  # fmt: skip


def _singled_out(known: pd.DataFrame, metric: Metric, front: NDArray[np.int64]) -> pd.DataFrame:
    """Return those of many trials that are drawn one by one: the best and the front."""
    best = known["value"].sort_values(ascending=metric.minimizes).index[:SHOWN_OF_MANY]
    return known.loc[known.index.isin(best.union(known.index[front]))]


def _draw_front(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    if len(x):
        end = axes.get_xlim()[1]
        axes.plot([*x, end], [*y, y[-1]], drawstyle="steps-post", color=INK, linewidth=1.0, zorder=2)


def look(place: int) -> tuple[str, str]:
    """Return the colour and the marker of a phase: another pair for each of 36 phases."""
    return SERIES[place % len(SERIES)], MARKERS[(place + place // len(SERIES)) % len(MARKERS)]


def _style(place: int, state: str) -> dict[str, object]:
    colour, marker = look(place)
    if state == "failed":
        return {"color": colour, "marker": "x", "markersize": 3.8, "markeredgewidth": 0.9, "zorder": 3}
    face, edge, width = (colour, PAPER, 0.4) if state == "completed" else ("none", colour, 0.9)
    style = {"markerfacecolor": face, "markeredgecolor": edge, "markeredgewidth": width}
    return {"marker": marker, "markersize": 4.2, "zorder": 4 if state == "completed" else 3, **style}


def _legend(phases: Sequence[str], known: pd.DataFrame) -> list[Line2D]:
    def dot(place: int, phase: str) -> Line2D:
        style = {"markeredgecolor": PAPER, "markersize": 5, "linestyle": ""}
        colour, marker = look(place)
        return Line2D([], [], marker=marker, color=colour, label=wording.clean(phase), **style)  # type: ignore[arg-type]  # matplotlib's keywords

    handles = [dot(place, phase) for place, phase in enumerate(phases)]
    others = sorted(set(known["state"]) - {"completed"})
    for state in others:
        marker, face = ("x", MUTED) if state == "failed" else ("o", "none")
        names = {"pruned": "pruned", "failed": "failed", "running": "running", "waiting": "to be resumed"}
        handles.append(
            Line2D([], [], marker=marker, markerfacecolor=face, markeredgecolor=MUTED, markersize=4, linestyle="",
                   label=names.get(state, state))
        )  # fmt: skip
    return [*handles, Line2D([], [], color=INK, linewidth=1.0, label="Pareto front")]


def _words(data: pd.DataFrame, costs: Sequence[str], metric: Metric) -> str:
    ends = data.sort_values("value", ascending=metric.minimizes).iloc[0]
    text = (
        f"{wording.count(len(data), 'trial')} with a {wording.metric_name(metric.name)} from "
        f"{wording.perplexity(data['value'].min())} to {wording.perplexity(data['value'].max())}. The best, "
        f"{wording.perplexity(ends['value'])}, is trial {ends['phase']} {ends['number']} after "
        f"{wording.duration(ends['device_seconds'])} of device time."
    )
    for cost in costs:
        front = data[data[f"on_front_{cost}"]].sort_values(cost)
        if len(front):
            show = wording.duration if cost == "device_seconds" else lambda value: wording.si(value, "FLOP")
            first, last = front.iloc[0], front.iloc[-1]
            text += (
                f" The front over {'device time' if cost == 'device_seconds' else 'FLOPs'} has "
                f"{wording.count(len(front), 'trial')}, from {wording.perplexity(first['value'])} at "
                f"{show(first[cost])} to {wording.perplexity(last['value'])} at {show(last[cost])}."
            )
    return wording.clean(text)
