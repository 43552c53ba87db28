"""Learning curves, one panel per phase: lines if there are few, quantile bands and the best if there are many."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports import wording
from reports.figures.drawing import BLUE, INK, MUTED, ORANGE, Canvas, Drawing
from reports.figures.scales import count_axis, metric_axis, widest
from sweeper.evidence.data.load import Curve
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.statistics.curves import quantile_bands

FEW: Final = 30  # curves in a panel that are drawn one by one
PANELS: Final = 12  # in one figure: four rows, which fit on a printed page with their caption
BEST: Final = 3
SHORT: Final = 18  # characters of a name that leave room in a panel's first line
GHOSTS: Final = 1000  # trials, up to which a page can draw any curve on request
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
GRID: Final = 60
AXES: Final = {"steps": "step", "epochs": "epoch"}  # the axis label, where it is not the unit itself
HEADROOM: Final = 1.6  # a log axis ends at this multiple of the final values, so that initial values do not fill it


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCurves:
    """The curves of a phase.

    Attributes:
        trials: its members, best first.
        baseline: those at the baseline.
        unit: what their steps count: steps, tokens or epochs.
    """

    phase: str
    trials: Sequence[int]
    states: Mapping[int, str]
    baseline: frozenset[int]
    curves: Mapping[int, Curve]
    unit: str = "steps"

    @property
    def drawn(self) -> bool:
        """Whether any of its trials has a curve."""
        return any(trial in self.curves for trial in self.trials)


def units_of(phases: Sequence[PhaseCurves]) -> str:
    """Return what the steps of some phases count, e.g. ``steps or epochs``."""
    return " or ".join(dict.fromkeys(phase.unit for phase in phases))


def curves_figures(phases: Sequence[PhaseCurves], metric: Metric) -> tuple[Drawing, ...]:
    """Draw the metric over each trial's steps, in as many figures as pages need; none if no trial reported it."""
    shown = [phase for phase in phases if phase.drawn]
    parts = math.ceil(len(shown) / PANELS)
    ghosts = sum(len(phase.trials) for phase in shown) <= GHOSTS
    return tuple(
        _figure([shown[place] for place in places], metric, ghosts, number, parts)
        for number, places in enumerate(np.array_split(np.arange(len(shown)), parts) if parts else (), 1)
    )


def _figure(shown: Sequence[PhaseCurves], metric: Metric, ghosts: bool, number: int, parts: int) -> Drawing:
    columns = min(len(shown), 3)
    rows = math.ceil(len(shown) / columns)
    name = "learning-curves" if number == 1 else f"learning-curves-{number}"
    with Canvas(name, 0.5 + 2.1 * rows if columns > 1 else 3.2) as canvas:
        panels = canvas.axes(rows, columns)
        frames = [_panel(canvas, panel, phase, metric, ghosts) for panel, phase in zip(panels, shown, strict=False)]
        for panel in panels[len(shown) :]:
            panel.set_axis_off()
        for place, panel in enumerate(panels[: len(shown)]):
            panel.set_ylabel(wording.label(wording.metric_name(metric.name)) if place % columns == 0 else "")
        canvas.legend(_legend(shown))
        data = pd.concat(frames, ignore_index=True)
        title = "Learning curves" if parts == 1 else f"Learning curves, part {number} of {parts}"
        return canvas.finish(title, _words(shown, metric), data)


def _panel(canvas: Canvas, axes: Axes, phase: PhaseCurves, metric: Metric, ghosts: bool) -> pd.DataFrame:
    there = [trial for trial in phase.trials if trial in phase.curves]
    name, number = wording.label(phase.phase), f"({wording.count(len(there), 'trial')})"
    axes.set_title(f"{name}{' ' if len(name) <= SHORT else chr(10)}{number}", loc="left")
    many = len(there) > FEW
    frame = _bands(axes, phase, there) if many else pd.DataFrame()
    best = [trial for trial in there if phase.states[trial] == "completed"][:BEST]
    drawn = [trial for trial in there if not many or trial in best]
    for trial in reversed(drawn):
        curve = phase.curves[trial]
        canvas.curve(axes, curve.steps, curve.values, trial, **_style(phase, trial, best))
    if many and ghosts:
        for trial in there:
            if trial not in best:
                canvas.ghost(axes, phase.curves[trial].steps, phase.curves[trial].values, trial)
    _scale(axes, [phase.curves[trial] for trial in there], metric, phase.unit)
    lines = [_rows(phase, trial, phase.curves[trial]) for trial in drawn]
    return pd.concat([frame, *lines], ignore_index=True)


def _bands(axes: Axes, phase: PhaseCurves, there: Sequence[int]) -> pd.DataFrame:
    pairs = [(phase.curves[trial].steps, phase.curves[trial].values) for trial in there]
    steps = widest([curve for curve, _ in pairs])
    grid = np.linspace(steps.min(), steps.max(), GRID)
    bands = quantile_bands(pairs, grid, QUANTILES)
    axes.fill_between(grid, bands[0], bands[4], color=MUTED, alpha=0.16, linewidth=0)
    axes.fill_between(grid, bands[1], bands[3], color=MUTED, alpha=0.28, linewidth=0)
    axes.plot(grid, bands[2], color=INK, linewidth=1.0)
    frames = [
        pd.DataFrame({"phase": phase.phase, "trial_id": None, "quantile": quantile, "step": grid, "value": band})
        for quantile, band in zip(QUANTILES, bands, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def _style(phase: PhaseCurves, trial: int, best: Sequence[int]) -> dict[str, object]:
    state = phase.states[trial]
    dashes = {"pruned": (0, (3, 1.5)), "failed": (0, (1, 1.2))}.get(state, "-")
    if trial in best:
        return {"color": BLUE, "linewidth": 1.3 if trial == best[0] else 0.9, "linestyle": dashes, "zorder": 4}
    colour = ORANGE if trial in phase.baseline else MUTED
    return {"color": colour, "linewidth": 0.8, "linestyle": dashes, "alpha": 0.85, "zorder": 3}


def _scale(axes: Axes, curves: Sequence[Curve], metric: Metric, unit: str) -> None:
    values = widest([curve.values for curve in curves])
    count_axis(axes, float(widest([curve.steps for curve in curves]).max()), AXES.get(unit, unit))
    finite = values[np.isfinite(values)]
    if metric.is_log and metric.minimizes and len(finite) and finite.min() > 0:
        ends = [np.nanmin(curve.values) for curve in curves if np.isfinite(curve.values).any()]
        top = HEADROOM * float(np.quantile(ends, 0.95))
        finite = finite[finite <= top] if (finite <= top).any() else finite
    metric_axis(axes, metric, finite, label=False)


def _rows(phase: PhaseCurves, trial: int, curve: Curve) -> pd.DataFrame:
    return pd.DataFrame(
        {"phase": phase.phase, "trial_id": trial, "quantile": None, "step": curve.steps, "value": curve.values}
    )


def _legend(phases: Sequence[PhaseCurves]) -> list[Line2D | Patch]:
    drawn = [(phase, [trial for trial in phase.trials if trial in phase.curves]) for phase in phases]
    states = {phase.states[trial] for phase, there in drawn for trial in there}
    few = [(phase, there) for phase, there in drawn if len(there) <= FEW]
    handles: list[Line2D | Patch] = [Line2D([], [], color=BLUE, linewidth=1.3, label="best three")]
    if any(trial in phase.baseline for phase, there in few for trial in there):
        handles.append(Line2D([], [], color=ORANGE, linewidth=0.9, label="baseline"))
    if few:
        handles.append(Line2D([], [], color=MUTED, linewidth=0.9, label="other trials"))
    if "pruned" in states and few:
        handles.append(Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (3, 1.5)), label="pruned"))
    if "failed" in states and few:
        handles.append(Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (1, 1.2)), label="failed"))
    if len(few) < len(drawn):
        handles.append(Line2D([], [], color=INK, linewidth=1.0, label="median"))
        handles.append(Patch(color=MUTED, alpha=0.4, linewidth=0, label="middle 50%"))
        handles.append(Patch(color=MUTED, alpha=0.16, linewidth=0, label="middle 90%"))
    return handles


def _words(phases: Sequence[PhaseCurves], metric: Metric) -> str:
    parts = []
    for phase in phases:
        there = [trial for trial in phase.trials if trial in phase.curves]
        firsts = [phase.curves[trial].values[0] for trial in there]
        ends = [metric.value.of(phase.curves[trial].values, metric.direction) for trial in there]
        finite = [value for value in ends if math.isfinite(value)]
        if finite:
            parts.append(
                f"{phase.phase}: {wording.count(len(there), 'curve')}; the median first value is "
                f"{wording.perplexity(float(np.nanmedian(firsts)))}, the values of trials ({metric.value}) lie between "
                f"{wording.perplexity(min(finite))} and {wording.perplexity(max(finite))}."
            )
    return wording.clean(f"{wording.metric_name(metric.name)} over {units_of(phases)}. " + " ".join(parts))
