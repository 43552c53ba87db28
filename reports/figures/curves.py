"""Learning curves: a panel per stratum and budget, a line per configuration, or bands if there are many."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.legend import Key, legend
from reports.figures.lettering import wrapped
from reports.figures.panel import GUTTER, Axes, Grid, Panel, panel_in, room_below
from reports.figures.scales import Scale, count_scale, metric_scale, widest
from reports.figures.sheet import BLUE, INK, MUTED, ORANGE, Sheet, Style
from sweeper.evidence.data.load import Curve
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.statistics.curves import quantile_bands

FEW: Final = 30  # configurations in a panel that are drawn one by one
PANELS: Final = 12  # in one figure, which fit on a printed page with their caption
GHOSTS: Final = 1000  # trials, up to which a page can draw any curve on request
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
GRID: Final = 60
HEIGHT: Final = 92.0  # points
TALL: Final = 130.0  # where there are at most two panels beside each other
AXES: Final = {"steps": "step", "epochs": "epoch"}  # the axis label, where it is not the unit itself
HEADROOM: Final = 1.6  # a log axis ends at this multiple of the final values, so that initial values do not fill it
DASHES: Final = {"pruned": "3 1.5", "failed": "1 1.2"}


@dataclass(frozen=True, kw_only=True)  # no slots: each is drawn at several widths
class ArmCurves:
    """The curves of a configuration at one budget, one per seed that reported any.

    Attributes:
        role: what it is: the baseline, the best, or neither.
        state: completed, or what most of its trials are.
    """

    name: str
    role: str
    state: str
    curves: Mapping[int, Curve]

    @cached_property
    def steps(self) -> NDArray[np.float64]:
        """The steps at which any of its trials reported."""
        return np.unique(widest([curve.steps for curve in self.curves.values()]))

    @property
    def last(self) -> float:
        """The last of its steps."""
        return float(max(curve.steps[-1] for curve in self.curves.values()))

    def mean_and_ends(self, *, log: bool) -> tuple[NDArray[np.float64], ...]:
        """Return the steps, and at each the mean over the seeds, the least and the largest value."""
        steps = self.steps
        rows = np.array([_at(curve, steps) for curve in self.curves.values()])
        known = np.isfinite(rows).all(axis=0)
        mean = np.full(len(steps), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            inside = rows[:, known]
            positive = log and bool((inside > 0).all())
            mean[known] = np.exp(np.log(inside).mean(axis=0)) if positive else inside.mean(axis=0)
        return steps, mean, np.where(known, rows.min(axis=0), np.nan), np.where(known, rows.max(axis=0), np.nan)


@dataclass(frozen=True, kw_only=True)  # no slots, as above
class CurvePanel:
    """The configurations of a stratum at one budget, best first.

    Attributes:
        unit: what their steps count: steps, tokens or epochs.
    """

    heading: str
    arms: Sequence[ArmCurves]
    unit: str = "steps"

    @property
    def curves(self) -> list[Curve]:
        """The curves of all its trials."""
        return [curve for arm in self.arms for curve in arm.curves.values()]

    @cached_property
    def bands(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The quantiles over all its trials, on a grid."""
        pairs = [(curve.steps, curve.values) for curve in self.curves]
        first, last = min(steps[0] for steps, _ in pairs), max(steps[-1] for steps, _ in pairs)
        grid = np.linspace(first, last, GRID)
        return grid, quantile_bands(pairs, grid, QUANTILES)

    @cached_property
    def finite(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All values of its curves that are finite, and the least of each curve that has any."""
        rows = [np.asarray(curve.values, dtype=float) for curve in self.curves]
        kept = [row if known.all() else row[known] for row in rows if (known := np.isfinite(row)).any()]
        return widest(kept), np.array([row.min() for row in kept])


def units_of(panels: Sequence[CurvePanel]) -> str:
    """Return what the steps of some panels count, e.g. ``steps or epochs``."""
    return " or ".join(dict.fromkeys(panel.unit for panel in panels))


def curves_figures(title: str, panels: Sequence[CurvePanel], metric: Metric) -> tuple[Drawing, ...]:
    """Draw the metric over steps, in as many figures as pages need; none if no trial reported it."""
    shown = [panel for panel in panels if any(_has_values(arm) for arm in panel.arms)]
    parts = math.ceil(len(shown) / PANELS)
    ghosts = sum(len(arm.curves) for panel in shown for arm in panel.arms) <= GHOSTS
    found = []
    for number, places in enumerate(np.array_split(np.arange(len(shown)), parts) if parts else (), 1):
        chosen = [shown[place] for place in places]
        name = "learning-curves" if number == 1 else f"learning-curves-{number}"
        headed = title if number == 1 else f"Learning curves, part {number} of {parts}"
        data = pd.concat([_data(panel, metric) for panel in chosen], ignore_index=True)
        found.append(make_drawing(name, headed, _words(chosen, metric), data, _painter(chosen, metric, ghosts=ghosts)))
    return tuple(found)


def _painter(panels: Sequence[CurvePanel], metric: Metric, *, ghosts: bool) -> Paint:
    keys = _keys(panels)

    def paint(sheet: Sheet) -> float:
        columns = min(len(panels), 2 if len(panels) == 4 else 3)
        if sheet.is_narrow:
            columns = 1 if len(panels) < 3 else 2
        high = TALL if columns < 3 and not (sheet.is_narrow and columns > 1) else HEIGHT
        lines = _heading_lines(sheet, panels, columns)
        around = [_axes(panel, metric, lines) for panel in panels]
        height = max(each.room_above for each in around) + high + room_below() + 8.0
        grid = Grid(sheet=sheet, top=legend(sheet, 0.0, keys), columns=columns, cell_height=height)
        for place, (panel, axes) in enumerate(zip(panels, around, strict=True)):
            scale, is_cut = _scale(panel, metric)
            last = max(arm.last for arm in panel.arms)
            x = count_scale(last, AXES.get(panel.unit, panel.unit), most=3 if columns > 1 else 5)
            drawn = panel_in(sheet, grid.place(place), high, (x, scale), axes)
            _draw(drawn, panel, metric, ghosts=ghosts)
            if is_cut:
                drawn.break_mark()
        return grid.bottom(len(panels))

    return paint


def _heading_lines(sheet: Sheet, panels: Sequence[CurvePanel], columns: int) -> int:
    width = sheet.width / columns - GUTTER
    return max(len(wrapped(panel.heading, width, bold=True, most=2)) for panel in panels)


def _axes(panel: CurvePanel, metric: Metric, lines: int) -> Axes:
    best = next((arm for arm in panel.arms if arm.role == "best"), None)
    note = f"best: {wording.clean(best.name)}" if best is not None else wording.count(len(panel.arms), "configuration")
    return Axes(
        heading=wording.clean(panel.heading), note=note, note_colour=BLUE if best is not None else MUTED,
        y_name=wording.metric_name(metric.name), lines=lines,
    )  # fmt: skip


def _draw(drawn: Panel, panel: CurvePanel, metric: Metric, *, ghosts: bool) -> None:
    many = len(panel.arms) > FEW
    if many:
        _draw_bands(drawn, panel)
    order = [arm for arm in panel.arms if arm.role == "other"] + [arm for arm in panel.arms if arm.role != "other"]
    for arm in order:
        if not many or arm.role != "other":
            _draw_arm(drawn, arm, metric)
    for arm in panel.arms if ghosts else ():
        for trial, curve in arm.curves.items():
            drawn.sheet.ghost(drawn.places(curve.steps, curve.values), trial)


def _draw_arm(drawn: Panel, arm: ArmCurves, metric: Metric) -> None:
    steps, mean, low, high = arm.mean_and_ends(log=metric.is_log)
    colour = {"baseline": ORANGE, "best": BLUE}.get(arm.role, MUTED)
    if arm.role != "other" and len(arm.curves) > 1:
        drawn.band(steps, low, high, colour=colour, opacity=0.16)
    width, faint = (1.4, 1.0) if arm.role != "other" else (0.7, 0.7)
    trial = next(iter(arm.curves))
    dashes = DASHES.get(arm.state, "")
    drawn.curve(steps, mean, colour=colour, width=width, opacity=faint, dashes=dashes, trial=trial)


def _draw_bands(drawn: Panel, panel: CurvePanel) -> None:
    grid, bands = panel.bands
    drawn.band(grid, bands[0], bands[4], colour=MUTED, opacity=0.16)
    drawn.band(grid, bands[1], bands[3], colour=MUTED, opacity=0.28)
    drawn.curve(grid, bands[2], colour=INK, width=1.0)


def _scale(panel: CurvePanel, metric: Metric) -> tuple[Scale, bool]:
    """Return the scale of the metric, and whether it leaves out the first, steep part of curves."""
    finite, ends = panel.finite
    shown = finite
    if metric.is_log and metric.minimizes and len(finite) and finite.min() > 0:
        top = HEADROOM * float(np.quantile(ends, 0.95))
        shown = finite[finite <= top] if (finite <= top).any() else finite
    return metric_scale(metric, shown, most=5), len(shown) < len(finite)


def _has_values(arm: ArmCurves) -> bool:
    return any(np.isfinite(curve.values).any() for curve in arm.curves.values())


def _at(curve: Curve, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a curve at steps between its first and its last; NaN elsewhere."""
    own, values = np.asarray(curve.steps, dtype=float), np.asarray(curve.values, dtype=float)
    if len(own) == len(steps):
        return values
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(steps), np.nan)
    return np.asarray(np.interp(steps, own[known], values[known], left=np.nan, right=np.nan))


def _data(panel: CurvePanel, metric: Metric) -> pd.DataFrame:
    """Return what is drawn: the mean and ends of each configuration, and quantiles where there are many."""
    frames = []
    for arm in panel.arms:
        if len(panel.arms) <= FEW or arm.role != "other":
            steps, mean, low, high = arm.mean_and_ends(log=metric.is_log)
            frames.append(
                pd.DataFrame(
                    {"panel": panel.heading, "configuration": arm.name, "role": arm.role, "quantile": None,
                     "step": steps, "value": mean, "low": low, "high": high}
                )
            )  # fmt: skip
    if len(panel.arms) > FEW:
        grid, bands = panel.bands
        frames += [
            pd.DataFrame(
                {"panel": panel.heading, "configuration": None, "role": None, "quantile": quantile, "step": grid,
                 "value": band, "low": None, "high": None}
            )
            for quantile, band in zip(QUANTILES, bands, strict=True)
        ]  # fmt: skip
    return pd.concat([frame.astype({"quantile": float, "low": float, "high": float}) for frame in frames])


def _keys(panels: Sequence[CurvePanel]) -> list[Key]:
    arms = [arm for panel in panels for arm in panel.arms]
    few = [arm for panel in panels if len(panel.arms) <= FEW for arm in panel.arms]
    roles, states = {arm.role for arm in arms}, {arm.state for arm in few}
    band = " (band: least to largest of its seeds)" if any(len(arm.curves) > 1 for arm in arms) else ""
    keys = [Key(text=f"best{band}", kind="line", style=Style(colour=BLUE))] if "best" in roles else []
    keys += [Key(text="baseline", kind="line", style=Style(colour=ORANGE))] if "baseline" in roles else []
    if any(arm.role == "other" for arm in few):
        keys.append(Key(text="another configuration", kind="line", style=Style(colour=MUTED)))
    keys += [
        Key(text=state, kind="line", style=Style(colour=MUTED), dashes=dashes)
        for state, dashes in DASHES.items()
        if state in states
    ]
    if len(few) < len(arms):
        keys.append(Key(text="median", kind="line", style=Style(colour=INK)))
        keys.append(Key(text="middle 50%", kind="area", style=Style(colour=MUTED), opacity=0.42))
        keys.append(Key(text="middle 90%", kind="area", style=Style(colour=MUTED), opacity=0.16))
    return keys


def _words(panels: Sequence[CurvePanel], metric: Metric) -> str:
    parts = []
    for panel in panels:
        curves = panel.curves
        ends = [metric.value.of(curve.values, metric.direction) for curve in curves]
        finite = [value for value in ends if math.isfinite(value)]
        if finite:
            parts.append(
                f"{panel.heading}: {wording.count(len(panel.arms), 'configuration')}, "
                f"{wording.count(len(curves), 'curve')}; the values of trials ({metric.value}) lie between "
                f"{wording.perplexity(min(finite))} and {wording.perplexity(max(finite))}."
            )
    return f"{wording.metric_name(metric.name)} over {units_of(panels)}. " + " ".join(parts)
