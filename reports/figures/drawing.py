"""A figure of the report: what it shows in words and in numbers, and how it is drawn at any width."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from reports import wording
from reports.figures.sheet import NARROW, WIDE, Picture, Sheet

# Sizes between which axes can compute with values; anything smaller or larger is drawn as if it were that size.
LEAST: Final = 1e-300
MOST: Final = 1e300
Paint = Callable[[Sheet], float]  # draws a figure on a sheet, and returns its height in points


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure. The same data and width give the same bytes.

    Attributes:
        name: of its files, e.g. ``cost``.
        title: what it shows, e.g. ``Dropout helps only below 300,000 tokens``.
        alternative: its content as text with numbers, for readers who cannot see it.
        data: what is drawn, one row per point or interval.
        paint: draws it.
    """

    name: str
    title: str
    alternative: str
    data: pd.DataFrame = field(repr=False)
    paint: Paint = field(repr=False, compare=False)

    @property
    def svg(self) -> str:
        """The figure at the width of a page's text; an element with ``data-trial`` shows that trial."""
        return self.wide.svg

    @property
    def ghosts(self) -> Mapping[int, str]:
        """By trial the path of trials that `svg` shows only as a band; a page draws it once the trial is marked."""
        return self.wide.ghosts

    @functools.cached_property
    def wide(self) -> Picture:
        """The figure at the width of a page's text."""
        return self.at(WIDE)

    @functools.cached_property
    def narrow(self) -> Picture:
        """The figure at the width of a column or a phone."""
        return self.at(NARROW, f"{self.name}-narrow")

    def at(self, width: float, name: str = "") -> Picture:
        """Draw the figure at a width in points.

        Args:
            name: with which the names within the SVG begin; by default the figure's.
        """
        sheet = Sheet(name or self.name, width)
        return sheet.finished(self.paint(sheet), self.title, self.alternative)


def part_names(name: str, title: str, number: int, total: int) -> tuple[str, str]:
    """Return the name and the title of one of the figures that a long one is split into, counted from 1."""
    return name if number == 1 else f"{name}-{number}", title if total == 1 else f"{title}, part {number} of {total}"


def make_drawing(name: str, title: str, alternative: str, data: pd.DataFrame, paint: Paint) -> Drawing:
    """Return a figure with its texts cleaned."""
    return Drawing(
        name=name, title=wording.clean(title), alternative=wording.clean(alternative), data=data, paint=paint
    )


def drawable(values: ArrayLike) -> NDArray[np.float64]:
    """Return values without those that are too small or too large for axes: they become the least and the largest."""
    numbers = np.clip(np.asarray(values, dtype=float), -MOST, MOST)
    small = (numbers != 0) & (np.abs(numbers) < LEAST)
    return np.asarray(np.where(small, np.copysign(LEAST, numbers), numbers))
