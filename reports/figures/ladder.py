"""A ladder: the metric after each step, in the order in which components were added."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from reports import wording
from reports.figures.drawing import BLUE, MUTED, PAPER, Canvas, Drawing
from reports.figures.scales import mirrored_metric_axis
from sweeper.evidence.data.measures import Metric

ROW_HEIGHT: Final = 0.26  # inches


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A step of a ladder: its trials, one per seed, with their values."""

    label: str
    trials: Sequence[int]
    values: Sequence[float]


def ladder_figure(name: str, title: str, rungs: Sequence[Rung], metric: Metric) -> Drawing | None:
    """Draw the rungs from top to bottom, trials as points, their mean as a tick; None if no rung has a value."""
    if not any(np.isfinite(rung.values).any() for rung in rungs):
        return None
    with Canvas(name, 0.8 + ROW_HEIGHT * len(rungs)) as canvas:
        (axes,) = canvas.axes()
        mirrored_metric_axis(axes, metric, [value for rung in rungs for value in rung.values])
        axes.grid(visible=False, axis="y")
        means = [_mean(rung.values, metric) for rung in rungs]
        axes.step(means, range(len(rungs)), where="post", color=MUTED, linewidth=0.9, zorder=2)
        axes.plot(means, range(len(rungs)), color=BLUE, marker="|", markersize=11, markeredgewidth=1.6, linestyle="")
        for place, rung in enumerate(rungs):
            style = {"marker": "o", "markersize": 3.8, "markeredgewidth": 0.4, "zorder": 4}
            across = np.full(len(rung.values), float(place))
            canvas.points(axes, rung.values, across, rung.trials, markerfacecolor=BLUE, markeredgecolor=PAPER, **style)
        axes.set_yticks(range(len(rungs)), [wording.label(rung.label) for rung in rungs])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(rungs) - 0.5, -0.5)
        canvas.legend(_legend(), columns=2)
        return canvas.finish(title, _words(title, rungs, means), _data(rungs))


def _mean(values: Sequence[float], metric: Metric) -> float:
    """Return the mean over seeds, of the logarithms if those are compared."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if not len(finite):
        return float("nan")
    return float(np.exp(np.log(finite).mean()) if metric.is_log and finite.min() > 0 else finite.mean())


def _legend() -> list[Line2D]:
    tick = Line2D(
        [], [], color=BLUE, marker="|", markersize=9, markeredgewidth=1.6, linestyle="", label="mean over seeds"
    )
    dot = Line2D([], [], color=BLUE, marker="o", markersize=4, linestyle="", label="a trial")
    return [tick, dot]


def _data(rungs: Sequence[Rung]) -> pd.DataFrame:
    rows = [
        {"step": place, "label": rung.label, "trial_id": trial, "value": value}
        for place, rung in enumerate(rungs)
        for trial, value in zip(rung.trials, rung.values, strict=True)
    ]
    return pd.DataFrame(rows)


def _words(title: str, rungs: Sequence[Rung], means: Sequence[float]) -> str:
    steps = [f"{rung.label}: {wording.perplexity(mean)}" for rung, mean in zip(rungs, means, strict=True)]
    return wording.clean(f"{title}. Means after each step: {'; '.join(steps)}.")
