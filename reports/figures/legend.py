"""Legends: keys in rows that fit the figure, measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from reports.figures.lettering import SMALL, fitted, text_width
from reports.figures.sheet import Sheet, Style

ROW: Final = 11.0  # points
SWATCH: Final = 16.0  # the width of a line or area in a legend
DOT: Final = 8.0
BETWEEN: Final = 12.0
THICK: Final = 1.8  # the least width of a line in a legend, so that colours can be told apart
DEFAULT: Final = Style()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An entry: a point, a line or an area of a colour, and what it stands for."""

    text: str
    kind: Literal["dot", "line", "area"] = "dot"
    style: Style = DEFAULT
    dashes: str = ""
    opacity: float = 1.0

    @property
    def width(self) -> float:
        """The width of the entry with the gap before the next."""
        return self.swatch + 4.0 + text_width(self.text, SMALL) + BETWEEN

    @property
    def swatch(self) -> float:
        """The width of its sample."""
        return DOT if self.kind == "dot" else SWATCH


def legend(sheet: Sheet, top: float, keys: Sequence[Key], left: float = 0.0) -> float:
    """Draw keys in as few rows as they fit in; return where they end."""
    if not keys:
        return top
    x, y = left, top
    for key in keys:
        if x > left and x + key.width - BETWEEN > sheet.width:
            x, y = left, y + ROW
        _draw(sheet, key, x, y + ROW / 2)
        room = sheet.width - x - key.swatch - 4.0
        sheet.text((x + key.swatch + 4.0, y + ROW / 2 + 0.36 * SMALL), fitted(key.text, room, SMALL), size=SMALL)
        x += key.width
    return y + ROW + 3.0


def _draw(sheet: Sheet, key: Key, x: float, y: float) -> None:
    match key.kind:
        case "dot":
            sheet.dots([(x + DOT / 2, y)], key.style)
        case "line":
            sheet.line((x, y), (x + SWATCH, y), colour=key.style.colour, width=THICK, dashes=key.dashes)
        case "area":
            sheet.box((x, y - 4.0), (SWATCH, 8.0), colour=key.style.colour, opacity=key.opacity)
