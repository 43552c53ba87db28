"""A panel of a figure: its axes with measured labels, and points and lines in the coordinates of its data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reports.figures.lettering import SIZE, SMALL, fitted, fitted_label, text_width, widest, wrapped
from reports.figures.scales import Scale
from reports.figures.sheet import INK, MUTED, PAPER, RULE, Point, Sheet, Style

GAP: Final = 4.0  # points between an axis and its labels
LINE: Final = 10.0  # points from one line of text to the next
AXIS: Final = 0.6
BREAK: Final = 3.2  # points: the size of a break mark
Cell = tuple[float, float, float]  # the left edge, the top and the width of what a panel and its axes take
LEAST_GAP: Final = 4.0  # points between neighboring labels of an axis
GUTTER: Final = 12.0  # points between panels beside each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A rectangle of a sheet with two scales."""

    sheet: Sheet
    left: float
    top: float
    width: float
    height: float
    x: Scale
    y: Scale

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.top + self.height

    @property
    def clip(self) -> str:
        """What keeps a line within the panel."""
        return self.sheet.clipping((self.left, self.top - 1.0), (self.width + 1.0, self.height + 2.0))

    def across(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return where values of the x axis are on the sheet."""
        return np.asarray(self.left + self.width * self.x.share(values))

    def up(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return where values of the y axis are on the sheet."""
        return np.asarray(self.bottom - self.height * self.y.share(values))

    def places(self, x: ArrayLike, y: ArrayLike) -> list[Point]:
        """Return points of the data on the sheet."""
        return list(zip(self.across(x).tolist(), self.up(y).tolist(), strict=True))

    def curve(self, x: ArrayLike, y: ArrayLike, **style: object) -> None:
        """Draw a line of the data within the panel."""
        self.sheet.curve(self.places(x, y), clip=self.clip, **style)  # type: ignore[arg-type]  # the sheet's own

    def steps(self, x: Sequence[float], y: Sequence[float], **style: object) -> None:
        """Draw a line that keeps each value until the next; `x` has one more, where the line ends."""
        across = np.repeat(np.asarray(x, dtype=float), 2)[1:-1]
        self.curve(across, np.repeat(np.asarray(y, dtype=float), 2), **style)

    def band(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, *, colour: str, opacity: float) -> None:
        """Shade between two lines, where both are known."""
        ends = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        known = np.isfinite(ends[0]) & np.isfinite(ends[1])
        across = np.asarray(x, dtype=float)[known]
        outline = [*self.places(across, ends[0][known]), *reversed(self.places(across, ends[1][known]))]
        self.sheet.area(outline, colour=colour, opacity=opacity, clip=self.clip)

    def dots(self, x: ArrayLike, y: ArrayLike, style: Style, trials: Iterable[int] | None = None) -> None:
        """Draw points of the data."""
        self.sheet.dots(self.places(x, y), style, trials)

    def level(self, value: float, *, colour: str = INK, dashes: str = "", width: float = 0.8) -> None:
        """Draw a horizontal line at a value, if the axis has it."""
        y = float(self.up([value])[0])
        if self.top - 0.5 <= y <= self.bottom + 0.5:
            self.sheet.line((self.left, y), (self.right, y), colour=colour, dashes=dashes, width=width)

    def grid(self, *, x: bool = True, y: bool = True) -> None:
        """Draw light lines at the ticks."""
        for place in self.across(self.x.ticks).tolist() if x else ():
            self.sheet.line((place, self.top), (place, self.bottom), colour=RULE, width=AXIS)
        for place in self.up(self.y.ticks).tolist() if y else ():
            self.sheet.line((self.left, place), (self.right, place), colour=RULE, width=AXIS)

    def left_axis(self, *, labels: bool = True, line: bool = True) -> None:
        """Draw the y axis with its ticks."""
        if line:
            self.sheet.line((self.left, self.top), (self.left, self.bottom), colour=MUTED, width=AXIS)
        for place, text in zip(self.up(self.y.ticks).tolist(), self.y.texts, strict=True):
            if labels:
                self.sheet.text((self.left - GAP, place + 0.36 * SMALL), text, size=SMALL, anchor="end")

    def bottom_axis(self, *, label: bool = True, texts: Sequence[str] | None = None) -> None:
        """Draw the x axis with its ticks and below them its label, which is cut if it does not fit.

        Args:
            texts: of the ticks; by default the scale's.
        """
        self.sheet.line((self.left, self.bottom), (self.right, self.bottom), colour=MUTED, width=AXIS)
        for centre, text in self._tick_texts(texts or self.x.texts):
            self.sheet.text((centre, self.bottom + GAP + SMALL), text, size=SMALL, anchor="middle")
        if label and self.x.label:
            self._label_below()

    def _tick_texts(self, texts: Sequence[str]) -> list[tuple[float, str]]:
        """Return where which ticks are labelled: every one, or every second, third ..., 0 among them, as they fit."""
        places, halves = self.across(self.x.ticks).tolist(), [text_width(text, SMALL) / 2 for text in texts]
        zero = next((number for number, tick in enumerate(self.x.ticks) if tick == 0), 0)
        shown: list[tuple[float, float, str]] = []
        for step in range(1, len(texts) + 1):
            chosen = [each for each in range(len(texts)) if (each - zero) % step == 0]
            shown = [
                (
                    min(max(places[number], halves[number]), self.sheet.width - halves[number]),
                    halves[number],
                    texts[number],
                )
                for number in chosen
            ]
            if all(one[0] + one[1] + LEAST_GAP <= two[0] - two[1] for one, two in pairwise(shown)):
                break
        return [(centre, text) for centre, _, text in shown]

    def _label_below(self) -> None:
        text = fitted_label(self.x.label, max(self.width + 30.0, 80.0), SMALL)
        half = text_width(text, SMALL) / 2
        centre = min(max((self.left + self.right) / 2, half), self.sheet.width - half)
        self.sheet.text((centre, self.bottom + GAP + SMALL + LINE), text, size=SMALL, anchor="middle", colour=MUTED)

    def break_mark(self) -> None:
        """Mark the y axis as cut at its top: what lies above is not shown."""
        x, y = self.left, self.top + 1.0
        self.sheet.box((x - BREAK, y - 1.2), (2 * BREAK, 2.4), colour=PAPER)
        for shift in (-1.6, 1.6):
            start, end = (x - BREAK, y + shift + 1.6), (x + BREAK, y + shift - 1.6)
            self.sheet.line(start, end, colour=MUTED, width=0.8)


def room_below(*, label: bool = True) -> float:
    """Return the height of an x axis with its ticks, and with its label."""
    return GAP + SMALL + 2.0 + (LINE + 2.0 if label else 0.0)


def room_left(scale: Scale) -> float:
    """Return the width of the labels of a y axis."""
    return widest(scale.texts, SMALL) + GAP + 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Panels of one size in rows; each has its heading above and its axes within its cell."""

    sheet: Sheet
    top: float
    columns: int
    cell_height: float

    def place(self, number: int) -> Cell:
        """Return the left edge, the top and the width of a panel's cell."""
        width = (self.sheet.width - GUTTER * (self.columns - 1)) / self.columns
        row, column = divmod(number, self.columns)
        return column * (width + GUTTER), self.top + row * self.cell_height, width

    def bottom(self, number: int) -> float:
        """Return where the last of some panels ends."""
        return self.top + -(-number // self.columns) * self.cell_height


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What surrounds a panel in its cell: a heading in bold lines, a note below it, and the name of its y axis."""

    heading: str = ""
    note: str = ""
    note_colour: str = MUTED
    y_name: str = ""
    lines: int = 1  # of the heading, whether it needs them or not, so that panels beside each other are alike

    @property
    def room_above(self) -> float:
        """The height above the panel."""
        return (self.lines * LINE if self.heading else 0.0) + (LINE if self.note else 0.0) + LINE


def panel_in(sheet: Sheet, cell: Cell, height: float, scales: tuple[Scale, Scale], axes: Axes) -> Panel:
    """Draw the axes of a panel in a cell; return the panel, of a height.

    Args:
        scales: of its x and its y axis.
    """
    left, top, width = cell
    x, y = scales
    start = top
    if axes.heading:
        lines = wrapped(axes.heading, width, SIZE, bold=True, most=axes.lines)
        for place, line in enumerate(lines):
            sheet.text((left, top + (place + 1) * LINE - 2.0), line, bold=True)
        top += axes.lines * LINE
    if axes.note:
        sheet.text((left, top + SMALL), fitted(axes.note, width, SMALL), size=SMALL, colour=axes.note_colour)
        top += LINE
    if axes.y_name:
        sheet.text((left, top + SMALL), fitted(axes.y_name, width, SMALL), size=SMALL, colour=MUTED)
    top = start + axes.room_above + 2.0
    beside = room_left(y)
    panel = Panel(sheet=sheet, left=left + beside, top=top, width=width - beside - 4.0, height=height, x=x, y=y)
    panel.grid()
    panel.left_axis()
    panel.bottom_axis()
    return panel
