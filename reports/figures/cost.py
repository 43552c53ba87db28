"""The metric against its cost: a panel for each stratum, a point for each configuration, and the Pareto front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.legend import Key, legend
from reports.figures.lettering import SMALL, fitted, text_width
from reports.figures.panel import Axes, Grid, Panel, panel_in, room_below
from reports.figures.scales import clamped, cost_scale, metric_scale, time_unit
from reports.figures.sheet import BLUE, INK, MUTED, ORANGE, Point, Sheet, Style
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.statistics.curves import pareto_front

MANY: Final = 1500  # configurations in a panel, from which on a density stands for the points
SHOWN_OF_MANY: Final = 200
CELLS: Final = 40  # of the density, across
HEIGHT: Final = 150.0  # points
LABELS: Final = 4  # configurations of the front that are named in a panel
SEED: Final = Style(colour=MUTED, size=1.1, opacity=0.55)
CONFIGURATION: Final = Style(colour=MUTED, size=2.2)
PARTIAL: Final = Style(colour=MUTED, size=2.2, is_open=True)
BASELINE: Final = Style(marker="square", colour=ORANGE, size=2.7)
FRONT: Final = Style(colour=BLUE, size=2.6)
OPEN: Final = Style(colour=MUTED, size=2.0, is_open=True)
FAILED: Final = Style(marker="cross", colour=MUTED, size=2.0)
BEYOND_UP: Final = Style(marker="up", colour=MUTED, size=2.2)
BEYOND_DOWN: Final = Style(marker="down", colour=MUTED, size=2.2)
_ALIKE: Final = {
    True: "All runs cost the same but for the machine\u2019s noise: no front.",
    False: "All runs cost the same: no front.",
}
COLUMNS: Final = ("trial_id", "stratum", "arm", "budget", "seed", "state", "at_baseline", "cost", "value")
KEYS: Final = ["stratum", "arm", "budget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPlot:
    """What the figure shows.

    Attributes:
        trials: the columns of `COLUMNS`; `arm` names a configuration, and `cost` is in seconds or FLOPs.
        metric: the study's.
        is_time: whether costs are device time.
        has_front: by stratum whether its costs differ by more than noise, so that it has a front.
        published: by stratum values to compare with, by name.
    """

    trials: pd.DataFrame
    metric: Metric
    is_time: bool
    has_front: Mapping[str, bool] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def configurations(plot: CostPlot) -> pd.DataFrame:
    """Return one row per configuration and budget of a stratum: means over the seeds that completed, and their ends.

    `on_front` says which no other configuration of the stratum beats in both cost and value. `is_partial` marks those
    of which runs failed or were pruned: the mean of the others flatters them, so they are not on the front.
    """
    trials = plot.trials
    done = trials[(trials["state"] == "completed") & np.isfinite(trials["value"]) & (trials["cost"] > 0)]
    lost = pd.MultiIndex.from_frame(trials.loc[trials["state"].isin(["failed", "pruned"]), KEYS])
    log = plot.metric.is_log and bool((done["value"] > 0).all())
    worth = np.log(done["value"]) if log else done["value"]
    named = done.assign(mean=worth, low=done["value"], high=done["value"])
    kinds = {"mean": "mean", "low": "min", "high": "max", "cost": "mean", "at_baseline": "all", "trial_id": "min"}
    found = named.groupby(KEYS, sort=False).agg(kinds | {"seed": "size"}).reset_index().rename(columns={"seed": "n"})
    found["value"] = np.exp(found["mean"]) if log else found["mean"]
    found["on_front"] = False
    found["is_partial"] = pd.MultiIndex.from_frame(found[KEYS]).isin(lost)
    for stratum, own in found[~found["is_partial"]].groupby("stratum", sort=False):
        if plot.has_front.get(str(stratum), True):
            places = pareto_front(own["cost"], own["value"], direction=plot.metric.direction)
            found.loc[own.index[places], "on_front"] = True
    return pd.DataFrame(found.drop(columns="mean"))


def cost_figure(title: str, plot: CostPlot) -> Drawing | None:
    """Draw each configuration's mean against its cost, a panel per stratum; None if no trial has a value and a cost."""
    known = plot.trials.loc[np.isfinite(plot.trials["value"]) & (plot.trials["cost"] > 0), list(COLUMNS)]
    if not len(known):
        return None
    shown = CostPlot(
        trials=known,
        metric=plot.metric,
        is_time=plot.is_time,
        has_front=plot.has_front,
        published=plot.published,
    )
    means = configurations(plot)
    data = pd.concat([means.assign(kind="configuration"), known.assign(kind="trial")], ignore_index=True)
    return make_drawing("cost", title, _words(shown, means), data, _painter(shown, means))


def _painter(plot: CostPlot, means: pd.DataFrame) -> Paint:
    strata = list(dict.fromkeys(plot.trials["stratum"]))
    unit = time_unit(plot.trials["cost"]) if plot.is_time else None
    size, label = (unit.size, unit.name) if unit is not None else (1.0, "training FLOPs")
    keys = _keys(plot, means)

    def paint(sheet: Sheet) -> float:
        top = legend(sheet, 0.0, keys)
        columns = 1 if sheet.is_narrow else min(len(strata), 2)
        axes = [_axes(plot, stratum) for stratum in strata]
        height = max(each.room_above for each in axes) + HEIGHT + room_below() + 8.0
        grid = Grid(sheet=sheet, top=top, columns=columns, cell_height=height)
        for place, (stratum, around) in enumerate(zip(strata, axes, strict=True)):
            own = plot.trials[plot.trials["stratum"] == stratum]
            arms = means[means["stratum"] == stratum]
            marks = plot.published.get(stratum, {})
            heights, beyond = clamped(own["value"], plot.metric)
            x = cost_scale(own["cost"] / size, label)
            y = metric_scale(plot.metric, [*heights, *marks.values()])
            panel = panel_in(sheet, grid.place(place), HEIGHT, (x, y), around)
            _draw_trials(panel, own.assign(x=own["cost"] / size, y=heights, beyond=beyond), plot.metric)
            _draw_published(panel, marks)
            _draw_arms(panel, arms.assign(x=arms["cost"] / size), plot.metric)
        return grid.bottom(len(strata))

    return paint


def _axes(plot: CostPlot, stratum: str) -> Axes:
    alike = not plot.has_front.get(stratum, True)
    return Axes(
        heading=wording.clean(stratum),
        note=_ALIKE[plot.is_time] if alike else "",
        y_name=wording.metric_name(plot.metric.name),
        lines=1,
    )


def _draw_trials(panel: Panel, own: pd.DataFrame, metric: Metric) -> None:
    """Draw the seeds as small points; those that did not complete, and those beyond the axis, by their own marks."""
    completed = own["state"] == "completed"
    if completed.sum() > MANY:
        _density(panel, own[completed])
        order = own.loc[completed, "value"].sort_values(ascending=metric.minimizes).index[:SHOWN_OF_MANY]
        own = own.loc[own.index.isin(order)]
        completed = own["state"] == "completed"
    beyond = own["beyond"].to_numpy()
    for chosen, style in (
        (completed & ~beyond, SEED),
        (~completed & (own["state"] != "failed") & ~beyond, OPEN),
        ((own["state"] == "failed") & ~beyond, FAILED),
        (beyond, BEYOND_UP if metric.minimizes else BEYOND_DOWN),
    ):
        part = own[chosen]
        panel.dots(part["x"], part["y"], style, part["trial_id"])


def _draw_arms(panel: Panel, arms: pd.DataFrame, metric: Metric) -> None:
    front = arms[arms["on_front"]].sort_values("cost")
    if len(front):
        panel.steps([*front["x"], panel.x.high], [*front["value"]], colour=BLUE, width=1.0)
    few = arms if len(arms) <= MANY else arms[arms["on_front"]]
    few = few[few["value"].between(panel.y.low, panel.y.high)]  # what is beyond the axis is a triangle at its edge
    ranges = few.loc[few["n"] > 1, ["x", "low", "high"]].to_numpy(dtype=float)
    for x, low, high in ranges.tolist():
        places = panel.places([x, x], [low, high])
        panel.sheet.curve(places, colour=MUTED, width=0.6, opacity=0.7, clip=panel.clip)
    partial = few[few["is_partial"] & ~few["at_baseline"]]
    others = few[~few["on_front"] & ~few["at_baseline"] & ~few["is_partial"]]
    best_first = few[few["on_front"] & ~few["at_baseline"]]
    for chosen, style in (
        (partial, PARTIAL),
        (others, CONFIGURATION),
        (best_first, FRONT),
        (few[few["at_baseline"]], BASELINE),
    ):
        panel.dots(chosen["x"], chosen["value"], style, chosen["trial_id"])
    _name(panel, front.sort_values("value", ascending=metric.minimizes).head(LABELS))


def _name(panel: Panel, arms: pd.DataFrame) -> None:
    """Name configurations beside their points, as far as there is room; what is left of a long name only once."""
    taken: list[tuple[float, float, float, float]] = []
    points = panel.places(arms["x"], arms["value"])
    for (x, y), text in zip(points, _told_apart([str(arm) for arm in arms["arm"]], 0.62 * panel.width), strict=True):
        if not text:
            continue
        width = text_width(text, SMALL)
        for left, base in (
            (x + 4.0, y - 3.5),
            (x + 4.0, y + 8.5),
            (x - 4.0 - width, y + 8.5),
            (x - 4.0 - width, y - 3.5),
        ):
            box = (left, base - SMALL, left + width, base + 1.5)
            inside = box[0] >= panel.left + 2.0 and box[2] <= panel.right + 3.0
            inside &= box[1] >= panel.top - 1.0 and box[3] <= panel.bottom - 1.0
            if inside and not any(_overlap(box, other) for other in taken):
                panel.sheet.text((left, base), text, size=SMALL, colour=INK, halo=True)
                taken.append(box)
                break


def _told_apart(names: Sequence[str], width: float) -> list[str]:
    """Return names as far as they fit; empty where that is another's as well, or was there before."""
    texts = [fitted(name, width, SMALL) for name in names]
    meant: dict[str, set[str]] = {}
    for name, text in zip(names, texts, strict=True):
        meant.setdefault(text, set()).add(name)
    return [
        text if text == name or (len(meant[text]) == 1 and texts.index(text) == place) else ""
        for place, (name, text) in enumerate(zip(names, texts, strict=True))
    ]


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _draw_published(panel: Panel, published: Mapping[str, float]) -> None:
    for place, (name, value) in enumerate(sorted(published.items(), key=lambda item: item[1])):
        panel.level(value, colour=MUTED, dashes="4 2", width=0.7)
        y = float(panel.up([value])[0]) - 2.0
        right = place % 2 == 0  # alternating, so that close values do not hide each other's names
        at: Point = (panel.right if right else panel.left + 3.0, y)
        text = fitted(name, 0.6 * panel.width, SMALL)
        panel.sheet.text(at, text, size=SMALL, colour=MUTED, anchor="end" if right else "start", halo=True)


def _density(panel: Panel, own: pd.DataFrame) -> None:
    """Shade how many trials there are in each cell of the panel."""
    x, y = panel.across(own["x"]), panel.up(own["y"])
    rows = max(round(CELLS * panel.height / panel.width), 1)
    spans = [(panel.left, panel.right), (panel.top, panel.bottom)]
    counts, across, down = np.histogram2d(x, y, bins=(CELLS, rows), range=spans)
    shades: NDArray[np.float64] = np.log1p(counts) / np.log1p(counts.max())
    for column, row in np.argwhere(counts > 0):
        corner = (float(across[column]), float(down[row]))
        size = (float(across[1] - across[0]), float(down[1] - down[0]))
        panel.sheet.box(corner, size, colour=MUTED, opacity=0.12 + 0.6 * round(float(shades[column, row]), 1))


def drawn_states(plot: CostPlot) -> set[str]:
    """Return the states of the trials that are drawn: those with a value and a cost."""
    trials = plot.trials
    return set(trials.loc[np.isfinite(trials["value"]) & (trials["cost"] > 0), "state"])


def _keys(plot: CostPlot, means: pd.DataFrame) -> list[Key]:
    states, seeded = drawn_states(plot), (means["n"] > 1).any()
    keys = [Key(text="configuration: mean over seeds" if seeded else "configuration", style=CONFIGURATION)]
    keys += [Key(text="baseline", style=BASELINE)] if means["at_baseline"].any() else []
    keys += [Key(text="runs of it were lost", style=PARTIAL)] if means["is_partial"].any() else []
    keys += [Key(text="on the Pareto front", style=FRONT)] if means["on_front"].any() else []
    keys += [Key(text="one seed", style=SEED)] if seeded else []
    keys += [Key(text="pruned or not ended", style=OPEN)] if states & {"pruned", "running", "waiting"} else []
    return [*keys, Key(text="failed", style=FAILED)] if "failed" in states else keys


def _words(plot: CostPlot, means: pd.DataFrame) -> str:
    name, parts = wording.metric_name(plot.metric.name), []
    show = wording.duration if plot.is_time else lambda value: wording.si(value, "FLOP")
    for stratum, own in means.groupby("stratum", sort=False):
        where = f"{stratum!s}: " if stratum else ""
        ends = f"{wording.perplexity(own['value'].min())} to {wording.perplexity(own['value'].max())}"
        text = f"{where}{wording.count(len(own), 'configuration')} with a mean {name} of {ends}."
        front = own[own["on_front"]].sort_values("cost")
        if len(front):
            rows = zip(front["arm"], front["value"].tolist(), front["cost"].tolist(), strict=True)
            steps = [f"{arm}, {wording.perplexity(value)} at {show(cost)}" for arm, value, cost in rows]
            kept: Sequence[str] = steps if len(steps) <= LABELS else [*steps[: LABELS - 1], steps[-1]]
            text += f" The front has {wording.count(len(front), 'configuration')}: {'; '.join(kept)}."
        parts.append(text)
    return " ".join(parts) or f"No configuration has completed: {wording.count(len(plot.trials), 'trial')}."
