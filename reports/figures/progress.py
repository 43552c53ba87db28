"""Progress: the best value so far over device time, and the expected best of n trials of a search."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.drawing import BLUE, PAPER, SERIES, Canvas, Drawing
from reports.figures.scales import count_axis, metric_axis, time_unit
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.statistics.curves import anytime, best_spread, expected_best

LARGEST: Final = 200  # points of a curve of expectations


def anytime_figure(trials: pd.DataFrame, metric: Metric) -> Drawing | None:
    """Draw the best value so far against all device time spent; None if no ended trial has a value.

    Args:
        trials: trial_id, value, device_seconds, ended_at and state; those that have not ended are left out.
    """
    ended = trials[np.isfinite(trials["ended_at"])].sort_values(["ended_at", "trial_id"])
    values = ended["value"].where(ended["state"] != "failed")
    found = anytime(ended["device_seconds"].fillna(0.0), values, direction=metric.direction)
    if not len(found.compute):
        return None
    unit = time_unit(ended["device_seconds"].cumsum())
    spent = float(ended["device_seconds"].sum()) / unit.size
    x, y = found.compute / unit.size, found.best
    which = [int(trial) for trial in ended["trial_id"].iloc[found.positions]]
    with Canvas("anytime", 2.5) as canvas:
        (axes,) = canvas.axes()
        metric_axis(axes, metric, y)
        axes.plot([*x, spent], [*y, y[-1]], drawstyle="steps-post", color=BLUE, linewidth=1.3)
        style = {"marker": "o", "markersize": 4.2, "markeredgewidth": 0.4, "zorder": 4}
        canvas.points(axes, x, y, which, markerfacecolor=BLUE, markeredgecolor=PAPER, **style)
        count_axis(axes, spent, f"{unit.name} spent by the whole study")
        data = pd.DataFrame({"trial_id": which, "device_seconds": found.compute, "best": y})
        text = (
            f"Best {wording.metric_name(metric.name)} so far: {wording.perplexity(y[0])} after "
            f"{wording.duration(found.compute[0])} of device time, {wording.perplexity(y[-1])} after "
            f"{wording.duration(found.compute[-1])}, in {wording.count(len(y), 'step')}."
        )
        return canvas.finish("Best so far", wording.clean(text), data)


def expectation_figure(phases: Mapping[str, Sequence[float]], metric: Metric) -> Drawing | None:
    """Draw the expected best of n trials of each search, plus or minus one standard deviation; None without a search.

    Args:
        phases: the values of each search's trials; a trial without a value counts as the worst of the others.
    """
    frames = [_expectation(phase, values, metric) for phase, values in phases.items() if len(values) > 1]
    if not frames:
        return None
    data = pd.concat(frames, ignore_index=True)
    with Canvas("expected-best", 2.5) as canvas:
        (axes,) = canvas.axes()
        for place, frame in enumerate(frames):
            colour = SERIES[place % len(SERIES)]
            axes.fill_between(frame["n"], frame["low"], frame["high"], color=colour, alpha=0.18, linewidth=0)
            label = wording.label(str(frame["phase"].iloc[0]))
            axes.plot(frame["n"], frame["expected"], color=colour, linewidth=1.3, label=label)
        count_axis(axes, float(data["n"].max()), "trials of the search")
        metric_axis(axes, metric, data[["expected", "low", "high"]])
        if len(frames) > 1:
            canvas.legend()
        return canvas.finish("Expected best of n trials", _words(frames, metric), data)


def _expectation(phase: str, values: Sequence[float], metric: Metric) -> pd.DataFrame:
    numbers = np.array(values, dtype=float)
    finite = numbers[np.isfinite(numbers)]
    worst = finite.max() if metric.minimizes else finite.min()
    filled = np.where(np.isfinite(numbers), numbers, worst)
    sizes = np.unique(np.round(np.geomspace(1, len(filled), min(len(filled), LARGEST))).astype(int))
    expected = expected_best(filled, sizes, direction=metric.direction)
    spread = best_spread(filled, sizes, direction=metric.direction)
    with np.errstate(over="ignore"):  # beyond the largest float is beyond the largest value too
        low, high = np.maximum(expected - spread, filled.min()), np.minimum(expected + spread, filled.max())
    return pd.DataFrame({"phase": phase, "n": sizes, "expected": expected, "low": low, "high": high})


def _words(frames: Sequence[pd.DataFrame], metric: Metric) -> str:
    parts = [
        f"{frame['phase'].iloc[0]}: {wording.perplexity(frame['expected'].iloc[0])} from one trial, "
        f"{wording.perplexity(frame['expected'].iloc[-1])} from {frame['n'].iloc[-1]}"
        for frame in frames
    ]
    return wording.clean(f"Expected best {wording.metric_name(metric.name)}. {'; '.join(parts)}.")
