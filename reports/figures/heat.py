"""Main effects and two-way interactions of a factorial as a triangle of numbers, shaded by size."""

from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.patches import Rectangle

from reports import wording
from reports.figures.drawing import PAPER, Canvas, Drawing
from reports.figures.forest import amount

CELL: Final = 0.42  # inches, its height
COLOURS: Final = "PuOr_r"  # violet below zero, orange above; distinguishable with every common colour blindness
DARK: Final = 0.72  # share of the scale beyond which a cell's text is light


def interaction_figure(
    name: str, title: str, factors: Sequence[str], effects: Mapping[tuple[str, ...], float], *, percent: bool
) -> Drawing:
    """Draw the triangle: main effects on its diagonal, interactions below it.

    Args:
        effects: by one factor or by two; aliased ones are absent.
        percent: whether the numbers are percentages.
    """
    known = {frozenset(terms): value for terms, value in effects.items()}
    reach = max((abs(value) for value in known.values()), default=0.0) or 1.0
    norm = TwoSlopeNorm(0.0, -reach, reach)
    with Canvas(name, 0.7 + CELL * len(factors)) as canvas:
        (axes,) = canvas.axes()
        axes.grid(visible=False)
        for row, one in enumerate(factors):
            for column, other in enumerate(factors[: row + 1]):
                _draw_cell(axes, column, row, known.get(frozenset({one, other})), norm, percent=percent)
        labels = [wording.label(factor) for factor in factors]
        axes.set_xticks(range(len(factors)), [label.replace("_", "_\n", 1) for label in labels])
        axes.set_yticks(range(len(factors)), labels)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlim(-0.5, len(factors) - 0.5)
        axes.set_ylim(len(factors) - 0.5, -0.5)
        data = pd.DataFrame([{"terms": " x ".join(terms), "effect": value} for terms, value in effects.items()])
        return canvas.finish(title, _words(title, effects, percent=percent), data)


def _draw_cell(axes: Axes, column: int, row: int, value: float | None, norm: TwoSlopeNorm, *, percent: bool) -> None:
    if value is None or not np.isfinite(value):
        axes.text(column, row, "aliased" if value is None else "", ha="center", va="center", fontsize=6)
        return
    shade = float(norm(value))
    colour = mpl.colormaps[COLOURS](0.08 + 0.84 * shade)
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor=PAPER, linewidth=1.2))
    dark = abs(shade - 0.5) * 2 > DARK
    text = axes.text(column, row, amount(value, percent=percent), ha="center", va="center", fontsize=7)
    text.set_color("#fafafa" if dark else "#111111")
    text.set_fontweight("bold" if column == row else "normal")


def _words(title: str, effects: Mapping[tuple[str, ...], float], *, percent: bool) -> str:
    ordered = sorted(effects.items(), key=lambda item: -abs(item[1]))
    mains = [f"{terms[0]} {amount(value, percent=percent)}" for terms, value in ordered if len(terms) == 1]
    pairs = [f"{' with '.join(terms)} {amount(value, percent=percent)}" for terms, value in ordered if len(terms) == 2]
    text = f"{title}. Main effects: {', '.join(mains)}."
    return wording.clean(text + (f" Largest interactions: {', '.join(pairs[:5])}." if pairs else ""))
