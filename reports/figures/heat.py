"""Main effects and two-way interactions of a factorial as a triangle of numbers, shaded by size."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.drawing import Drawing, make_drawing
from reports.figures.effects_axis import amount
from reports.figures.lettering import SMALL, fitted, widest, wrapped
from reports.figures.panel import GAP
from reports.figures.sheet import BLUE, ORANGE, PAPER, Sheet

CELL: Final = 26.0  # points: its height
LINE: Final = 8.6
DARKEST: Final = 0.55  # opacity of the largest effect, on which ink can still be read


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

    def paint(sheet: Sheet) -> float:
        left = min(widest([wording.clean(factor) for factor in factors]) + GAP, 0.3 * sheet.width)
        width = (sheet.width - left) / len(factors)
        for row, one in enumerate(factors):
            y = row * CELL
            label = fitted(wording.clean(one), left - GAP)
            sheet.text((left - GAP, y + CELL / 2 + 3.0), label, anchor="end")
            for column, other in enumerate(factors[: row + 1]):
                value = known.get(frozenset({one, other}))
                share = 0.0 if value is None or not np.isfinite(value) else value / reach
                _draw_cell(sheet, (left + column * width, y), width, share)
                text = "aliased" if value is None else "" if not np.isfinite(value) else amount(value, percent=percent)
                place = (left + (column + 0.5) * width, y + CELL / 2 + 2.6)
                sheet.text(place, fitted(text, width, SMALL), size=SMALL, anchor="middle", bold=column == row)
        return _names_below(sheet, factors, left, width)

    data = pd.DataFrame([{"terms": " x ".join(terms), "effect": value} for terms, value in effects.items()])
    return make_drawing(name, title, _words(title, effects, percent=percent), data, paint)


def _draw_cell(sheet: Sheet, corner: tuple[float, float], width: float, share: float) -> None:
    """Draw a cell, blue below zero and orange above, the darker the larger its effect."""
    colour = BLUE if share < 0 else ORANGE
    sheet.box(corner, (width - 1.2, CELL - 1.2), colour=PAPER)
    sheet.box(corner, (width - 1.2, CELL - 1.2), colour=colour, opacity=DARKEST * abs(share))


def _names_below(sheet: Sheet, factors: Sequence[str], left: float, width: float) -> float:
    """Write the names of the columns in lines that fit them; return where they end."""
    top, most = len(factors) * CELL, 1
    for column, factor in enumerate(factors):
        lines = wrapped(wording.clean(factor), width - 2.0, SMALL, most=4)
        most = max(most, len(lines))
        for place, line in enumerate(lines):
            at = (left + (column + 0.5) * width, top + (place + 1) * LINE)
            sheet.text(at, line, size=SMALL, anchor="middle")
    return top + most * LINE + 4.0


def _words(title: str, effects: Mapping[tuple[str, ...], float], *, percent: bool) -> str:
    ordered = sorted(effects.items(), key=lambda item: -abs(item[1]))
    mains = [f"{terms[0]} {amount(value, percent=percent)}" for terms, value in ordered if len(terms) == 1]
    pairs = [f"{' with '.join(terms)} {amount(value, percent=percent)}" for terms, value in ordered if len(terms) == 2]
    text = f"{title}. Main effects: {', '.join(mains)}."
    return text + (f" Largest interactions: {', '.join(pairs[:5])}." if pairs else "")
