"""Progress: the best value so far over device time, and the expected best of n trials of a search."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.drawing import Drawing, make_drawing
from reports.figures.legend import Key, legend
from reports.figures.panel import Axes, Grid, panel_in, room_below
from reports.figures.scales import count_scale, metric_scale, time_unit
from reports.figures.sheet import BLUE, SERIES, Sheet, Style
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.statistics.curves import AnytimeCurve, anytime, best_spread, expected_best

LARGEST: Final = 200  # points of a curve of expectations
HEIGHT: Final = 105.0  # points
DOT: Final = Style(colour=BLUE, size=2.2)


def best_so_far(trials: pd.DataFrame, metric: Metric) -> tuple[AnytimeCurve, list[int], float]:
    """Return the best value so far over device time, the trials that improved it, and all time spent.

    Args:
        trials: trial_id, value, device_seconds, ended_at and state; those that have not ended are left out.
    """
    ended = trials[np.isfinite(trials["ended_at"])].sort_values(["ended_at", "trial_id"])
    values = ended["value"].where(ended["state"] != "failed")
    seconds = ended["device_seconds"].fillna(0.0)
    found = anytime(seconds, values, direction=metric.direction)
    return found, [int(trial) for trial in ended["trial_id"].iloc[found.positions]], float(seconds.sum())


def anytime_figure(title: str, trials: Mapping[str, pd.DataFrame], metric: Metric) -> Drawing | None:
    """Draw the best value so far of each stratum against its device time; None if no ended trial has a value.

    Args:
        trials: by stratum the frame of `best_so_far`.
    """
    found = {stratum: best_so_far(frame, metric) for stratum, frame in trials.items()}
    shown = {stratum: each for stratum, each in found.items() if len(each[0].compute)}
    if not shown:
        return None
    unit = time_unit([spent for _, _, spent in shown.values()])

    def paint(sheet: Sheet) -> float:
        columns = 1 if sheet.is_narrow else min(len(shown), 2)
        around = [Axes(heading=wording.clean(name), y_name=wording.metric_name(metric.name), lines=1) for name in shown]
        height = max(each.room_above for each in around) + HEIGHT + room_below() + 8.0
        grid = Grid(sheet=sheet, top=0.0, columns=columns, cell_height=height)
        for place, (axes, (curve, which, spent)) in enumerate(zip(around, shown.values(), strict=True)):
            x = count_scale(spent / unit.size, f"{unit.name} spent", least=1e-9)
            panel = panel_in(sheet, grid.place(place), HEIGHT, (x, metric_scale(metric, curve.best, most=5)), axes)
            hours = [*(curve.compute / unit.size).tolist(), spent / unit.size]
            panel.steps(hours, curve.best.tolist(), colour=BLUE, width=1.3)
            panel.dots(hours[:-1], curve.best, DOT, which)
        return grid.bottom(len(shown))

    frames = [
        pd.DataFrame({"stratum": stratum, "trial_id": which, "device_seconds": curve.compute, "best": curve.best})
        for stratum, (curve, which, _) in shown.items()
    ]
    return make_drawing("anytime", title, _anytime_words(shown, metric), pd.concat(frames, ignore_index=True), paint)


def _anytime_words(shown: Mapping[str, tuple[AnytimeCurve, list[int], float]], metric: Metric) -> str:
    parts = [
        f"{f'{stratum}: ' if stratum else ''}{wording.perplexity(curve.best[0])} after "
        f"{wording.duration(curve.compute[0])} of device time, {wording.perplexity(curve.best[-1])} after "
        f"{wording.duration(curve.compute[-1])}, in {wording.count(len(curve.best), 'step')}"
        for stratum, (curve, _, _) in shown.items()
    ]
    return f"Best {wording.metric_name(metric.name)} so far. {'; '.join(parts)}."


def expectation_frames(phases: Mapping[str, Sequence[float]], metric: Metric) -> list[pd.DataFrame]:
    """Return by search the expected best of n trials, plus or minus one standard deviation.

    Args:
        phases: the values of each search's trials; a trial without a value counts as the worst of the others.
    """
    return [_expectation(phase, values, metric) for phase, values in phases.items() if len(values) > 1]


def expectation_figure(title: str, frames: Sequence[pd.DataFrame], metric: Metric) -> Drawing | None:
    """Draw what `expectation_frames` returned; None without a search."""
    if not frames:
        return None
    data = pd.concat(frames, ignore_index=True)
    names = [wording.clean(str(frame["phase"].iloc[0])) for frame in frames]
    colours = [SERIES[place % len(SERIES)] for place in range(len(frames))]
    keys = [
        Key(text=name, kind="line", style=Style(colour=colour)) for name, colour in zip(names, colours, strict=True)
    ]

    def paint(sheet: Sheet) -> float:
        top = legend(sheet, 0.0, keys) if len(frames) > 1 else 0.0
        axes = Axes(y_name=wording.metric_name(metric.name))
        x = count_scale(float(data["n"].max()), "trials of the search")
        y = metric_scale(metric, data[["expected", "low", "high"]], most=5)
        panel = panel_in(sheet, (0.0, top, sheet.width), HEIGHT, (x, y), axes)
        for colour, frame in zip(colours, frames, strict=True):
            panel.band(frame["n"], frame["low"], frame["high"], colour=colour, opacity=0.18)
            panel.curve(frame["n"], frame["expected"], colour=colour, width=1.3)
        return panel.bottom + room_below()

    return make_drawing("expected-best", title, _expectation_words(frames, metric), data, paint)


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


def _expectation_words(frames: Sequence[pd.DataFrame], metric: Metric) -> str:
    parts = [
        f"{frame['phase'].iloc[0]}: {wording.perplexity(frame['expected'].iloc[0])} from one trial, "
        f"{wording.perplexity(frame['expected'].iloc[-1])} from {frame['n'].iloc[-1]}"
        for frame in frames
    ]
    return f"Expected best {wording.metric_name(metric.name)}. {'; '.join(parts)}."
