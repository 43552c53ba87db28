"""An ablation as papers print it: one line per step, with the running value, its change and its cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing
from reports.figures.legend import Key, legend
from reports.figures.rows import Row, draw_rows, finish_rows, table_for
from reports.figures.scales import Scale, metric_scale
from reports.figures.sheet import BLUE, MUTED, ORANGE, Sheet, Style
from sweeper.evidence.data.measures import Metric

DOT: Final = Style(colour=MUTED, size=1.7, opacity=0.75)
MEAN: Final = Style(marker="diamond", colour=BLUE, size=2.9)
START: Final = Style(marker="diamond", colour=ORANGE, size=2.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A step: its trials, one per seed, with their values, and what else its line says.

    Attributes:
        change: from the step before, or from the whole, as text.
        cost: of a trial, as text.
        mean: over seeds; NaN for that of the values.
        lost: runs that diverged, failed or were pruned.
    """

    label: str
    trials: Sequence[int]
    values: Sequence[float]
    change: str = ""
    cost: str = ""
    half_width: float = field(default=float("nan"))  # of the mean's 95% interval, in the metric's unit
    mean: float = float("nan")
    n: int = 0
    lost: int = 0


def ladder_figure(
    name: str, title: str, rungs: Sequence[Rung], metric: Metric, *, joined: bool = True
) -> Drawing | None:
    """Draw the rungs from top to bottom, trials as points, their mean as a diamond; None if no rung has a value.

    Args:
        joined: whether each step starts where the one before it ends.
    """
    if not any(np.isfinite(rung.values).any() for rung in rungs):
        return None
    scale = metric_scale(metric, [value for rung in rungs for value in rung.values])
    means = [rung.mean if np.isfinite(rung.mean) else mean_of(rung.values, metric) for rung in rungs]
    heads = (wording.label(wording.metric_name(metric.name)), "n", "change", "cost")
    shown = [
        place for place, used in enumerate((True, *(_any(rungs, name) for name in ("n", "change", "cost")))) if used
    ]
    texts = [
        Row(label=rung.label, cells=tuple(_cells(rung, mean)[place] for place in shown), bold=place == 0)
        for place, (rung, mean) in enumerate(zip(rungs, means, strict=True))
    ]
    paint = _painter(rungs, means, texts, scale, tuple(heads[place] for place in shown), joined=joined)
    return make_drawing(name, title, _words(title, rungs, means), _data(rungs), paint)


def mean_of(values: Sequence[float], metric: Metric) -> float:
    """Return the mean over seeds, of the logarithms if those are compared."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if not len(finite):
        return float("nan")
    return float(np.exp(np.log(finite).mean()) if metric.is_log and finite.min() > 0 else finite.mean())


def _any(rungs: Sequence[Rung], name: str) -> bool:
    return any(getattr(rung, name) for rung in rungs)


def _cells(rung: Rung, mean: float) -> tuple[str, ...]:
    spread = f" \u00b1 {wording.number(rung.half_width, 2)}" if np.isfinite(rung.half_width) else ""
    return f"{wording.perplexity(mean)}{spread}", wording.runs_text(rung.n, rung.lost), rung.change, rung.cost


def _painter(
    rungs: Sequence[Rung],
    means: Sequence[float],
    texts: Sequence[Row],
    scale: Scale,
    heads: tuple[str, ...],
    *,
    joined: bool,
) -> Paint:
    keys = [
        Key(text="mean over seeds", style=MEAN),
        Key(text="where it starts" if joined else "the whole", style=START),
        Key(text="a trial", style=DOT),
    ]

    def paint(sheet: Sheet) -> float:
        laid = draw_rows(sheet, legend(sheet, 0.0, keys), texts, scale, table_for(sheet, texts, heads=heads))
        panel, places = laid.panel, laid.panel.across(means)
        if not joined and np.isfinite(means[0]):
            laid.vertical(means[0], colour=ORANGE)
        for here, there, y, below in zip(places, places[1:], laid.middles, laid.middles[1:], strict=False):
            if joined and np.isfinite(here) and np.isfinite(there) and not sheet.is_narrow:
                sheet.curve([(here, y), (here, below), (there, below)], colour=BLUE, width=0.8)
        for place, (rung, y) in enumerate(zip(rungs, laid.middles, strict=True)):
            points = [(float(x), y) for x in panel.across(rung.values)]
            sheet.dots(points, DOT, rung.trials)
            sheet.dots([(float(places[place]), y)], MEAN if place else START)
        return finish_rows(laid)

    return paint


def _data(rungs: Sequence[Rung]) -> pd.DataFrame:
    rows = [
        {"step": place, "label": rung.label, "trial_id": trial, "value": value, "lost": rung.lost}
        for place, rung in enumerate(rungs)
        for trial, value in zip(rung.trials, rung.values, strict=True)
    ]
    return pd.DataFrame(rows)


def _words(title: str, rungs: Sequence[Rung], means: Sequence[float]) -> str:
    steps = [f"{rung.label}: {wording.perplexity(mean)}" for rung, mean in zip(rungs, means, strict=True)]
    return f"{title}. Means after each step: {'; '.join(steps)}."
