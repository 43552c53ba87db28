"""Main effects and two-way interactions of a factorial as a triangle of numbers in each stratum, shaded by size."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.drawing import Drawing, Paint, make_drawing, part_names
from reports.figures.effects_axis import amount
from reports.figures.lettering import SMALL, fitted, text_width, widest, wrapped
from reports.figures.panel import GAP
from reports.figures.rows import PAGE, split
from reports.figures.sheet import BLUE, ORANGE, PAPER, Sheet

CELL: Final = 26.0  # points: its height
LINE: Final = 8.6
HEADING: Final = 14.0
GUTTER: Final = 16.0  # points between two triangles
DARKEST: Final = 0.55  # opacity of the largest effect, on which ink can still be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Triangle:
    """The effects of a stratum.

    Attributes:
        heading: the stratum; empty if there is one only.
        effects: by one factor or by two; aliased ones are absent.
        clear: those whose interval excludes 0.
    """

    heading: str
    factors: Sequence[str]
    effects: Mapping[tuple[str, ...], float]
    clear: Collection[tuple[str, ...]] = ()

    def value(self, one: str, other: str) -> tuple[float | None, bool]:
        """Return an effect, None if it is aliased, and whether it is clear."""
        terms = next((terms for terms in self.effects if set(terms) == {one, other}), ())
        return self.effects.get(terms), terms in self.clear


def interaction_figures(name: str, title: str, triangles: Sequence[Triangle], *, percent: bool) -> tuple[Drawing, ...]:
    """Draw a triangle for each stratum: main effects on its diagonal, interactions below it, shaded by one scale.

    Args:
        percent: whether the numbers are percentages.
    """
    reach = max((abs(value) for each in triangles for value in each.effects.values() if np.isfinite(value)), default=0)
    parts = split([len(each.factors) * CELL + HEADING + 4 * LINE for each in triangles], PAGE)
    found = []
    for number, places in enumerate(parts, 1):
        own = [triangles[place] for place in places]
        named, headed = part_names(name, title, number, len(parts))
        rows = [
            {"stratum": each.heading, "terms": " x ".join(terms), "effect": value, "clear": terms in each.clear}
            for each in own
            for terms, value in each.effects.items()
        ]
        paint = _painter(own, reach or 1.0, percent=percent)
        words = _words(headed, own, percent=percent)
        found.append(make_drawing(named, headed, words, pd.DataFrame(rows), paint))
    return tuple(found)


def _painter(triangles: Sequence[Triangle], reach: float, *, percent: bool) -> Paint:
    def paint(sheet: Sheet) -> float:
        columns = 1 if sheet.is_narrow else _columns(triangles)
        width, top, bottom = (sheet.width - GUTTER * (columns - 1)) / columns, 0.0, 0.0
        for place, each in enumerate(triangles):
            column = place % columns
            top = bottom if column == 0 else top
            end = _draw(sheet, each, (column * (width + GUTTER), top, width), reach, percent=percent)
            bottom = max(bottom, end)
        return bottom

    return paint


def _columns(triangles: Sequence[Triangle]) -> int:
    """Return how many triangles fit beside each other."""
    most = max(len(each.factors) for each in triangles)
    return min(len(triangles), 3 if most <= 2 else 2 if most <= 4 else 1)


def _draw(sheet: Sheet, each: Triangle, place: tuple[float, float, float], reach: float, *, percent: bool) -> float:
    """Draw a triangle from a place on, which is its left edge, its top and its width; return where it ends."""
    start, top, room = place
    if each.heading:
        heading = fitted(wording.clean(each.heading), room, bold=True)
        sheet.text((start, top + HEADING - 4.0), heading, bold=True)
        top += HEADING
    left = start + min(widest([wording.clean(factor) for factor in each.factors]) + GAP, 0.3 * room)
    width = (start + room - left) / len(each.factors)
    for row, one in enumerate(each.factors):
        y = top + row * CELL
        label = fitted(wording.clean(one), left - start - GAP)
        sheet.text((left - GAP, y + CELL / 2 + 3.0), label, anchor="end")
        for column, other in enumerate(each.factors[: row + 1]):
            value, is_clear = each.value(one, other)
            share = 0.0 if value is None or not np.isfinite(value) else value / reach
            text = "aliased" if value is None else "" if not np.isfinite(value) else amount(value, percent=percent)
            is_zero = not any(digit in text for digit in "123456789")  # rounding errors are no effects
            _draw_cell(sheet, (left + column * width, y), width, 0.0 if is_zero else share)
            if text_width(text, SMALL, bold=is_clear) <= width:  # a number that is cut would be another number
                at = (left + (column + 0.5) * width, y + CELL / 2 + 2.6)
                sheet.text(at, text, size=SMALL, anchor="middle", bold=is_clear)
    return _names_below(sheet, each.factors, (left, top + len(each.factors) * CELL), width)


def _draw_cell(sheet: Sheet, corner: tuple[float, float], width: float, share: float) -> None:
    """Draw a cell, blue below zero and orange above, the darker the larger its effect."""
    colour = BLUE if share < 0 else ORANGE
    sheet.box(corner, (width - 1.2, CELL - 1.2), colour=PAPER)
    sheet.box(corner, (width - 1.2, CELL - 1.2), colour=colour, opacity=DARKEST * abs(share))


def _names_below(sheet: Sheet, factors: Sequence[str], corner: tuple[float, float], width: float) -> float:
    """Write the names of the columns in lines that fit them; return where they end."""
    left, top = corner
    most = 1
    for column, factor in enumerate(factors):
        lines = wrapped(wording.clean(factor), width - 2.0, SMALL, most=4)
        most = max(most, len(lines))
        for place, line in enumerate(lines):
            at = (left + (column + 0.5) * width, top + (place + 1) * LINE)
            sheet.text(at, line, size=SMALL, anchor="middle")
    return top + most * LINE + 4.0


def _words(title: str, triangles: Sequence[Triangle], *, percent: bool) -> str:
    text = f"{title}."
    for each in triangles:
        ordered = sorted(each.effects.items(), key=lambda item: -abs(item[1]))
        mains = [f"{terms[0]} {amount(value, percent=percent)}" for terms, value in ordered if len(terms) == 1]
        pairs = [f"{' with '.join(pair)} {amount(value, percent=percent)}" for pair, value in ordered if len(pair) == 2]
        text += f" {f'{each.heading}: main' if each.heading else 'Main'} effects: {', '.join(mains)}."
        text += f" Largest interactions: {', '.join(pairs[:5])}." if pairs else ""
    return text
