"""The width of text in a figure, and text that fits: cut, or broken into lines.

Text is measured in DejaVu Sans, which every machine has that writes reports, and which is wider than the fonts that
pages use. So what fits here fits there.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.ft2font import FT2Font

SIZE: Final = 8.0  # points: of most text
SMALL: Final = 7.0
UNITS: Final = 1000.0  # the size at which characters are measured
ELLIPSIS: Final = "\u2026"


def text_width(text: str, size: float = SIZE, *, bold: bool = False) -> float:
    """Return the width of a line of text in points."""
    return sum(_advance(character, bold=bold) for character in text) * size / UNITS


def fitted(text: str, width: float, size: float = SIZE, *, bold: bool = False) -> str:
    """Return text that is no wider than a width in points: cut before an ellipsis if it must be."""
    if text_width(text, size, bold=bold) <= width:
        return text
    left, kept = width - text_width(ELLIPSIS, size, bold=bold), []
    for character in text:
        left -= text_width(character, size, bold=bold)
        if left < 0:
            break
        kept.append(character)
    return f"{''.join(kept).rstrip()}{ELLIPSIS}"


def fitted_label(text: str, width: float, size: float = SIZE) -> str:
    """Return the label of an axis that is no wider than a width: cut before its unit, such as ``(%)``."""
    name, bracket, unit = text.rpartition(" (")
    if text_width(text, size) <= width or not (bracket and unit.endswith(")")):
        return fitted(text, width, size)
    unit = bracket + unit
    return fitted(f"{name}{ELLIPSIS}", max(width - text_width(unit, size), 0.0), size) + unit


def wrapped(text: str, width: float, size: float = SIZE, *, most: int = 2, bold: bool = False) -> list[str]:
    """Return text as lines that are no wider than a width: broken at spaces, and within words that are too long.

    Args:
        most: lines; what does not fit on them is cut.
    """
    lines = [""]
    for glue, word in _pieces(text, width, size, bold=bold):
        longer = f"{lines[-1]}{glue}{word}" if lines[-1] else word
        if text_width(longer, size, bold=bold) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], fitted(f"{lines[most - 1]}{ELLIPSIS}", width, size, bold=bold)]


def widest(texts: Sequence[str], size: float = SIZE, *, bold: bool = False) -> float:
    """Return the width of the widest of some texts; 0 for none."""
    return max((text_width(text, size, bold=bold) for text in texts), default=0.0)


def _pieces(text: str, width: float, size: float, *, bold: bool) -> list[tuple[str, str]]:
    """Return the words of a text, each after a space, and in pieces without one if it is wider than a line."""
    found: list[tuple[str, str]] = []
    for word in text.split():
        glue, rest = " ", word
        while text_width(rest, size, bold=bold) > width and len(rest) > 1:
            end = max(len(fitted(rest, width, size, bold=bold)) - 1, 1)
            joint = max(rest.rfind(mark, 1, end) for mark in "_,;-/.") + 1  # better than anywhere
            end = joint if joint > end // 2 else end
            found.append((glue, rest[:end]))
            glue, rest = "", rest[end:]
        found.append((glue, rest))
    return found


@functools.cache
def _advance(character: str, *, bold: bool) -> float:
    font = _font("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    if not font.get_char_index(ord(character)):
        return UNITS  # such as a Chinese character, which is as wide as it is high
    return float(font.load_char(ord(character)).linearHoriAdvance) / 65536


@functools.cache
def _font(name: str) -> FT2Font:
    font = FT2Font(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name))
    font.set_size(UNITS, 72)
    return font
