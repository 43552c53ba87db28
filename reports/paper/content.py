"""Tables of a paper as plain values, which LaTeX and Markdown set each in its way."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number of a table.

    Attributes:
        value: NaN for none.
        half: half its interval, by which it is rounded; NaN if there is none.
        is_bare: whether the interval is not shown.
        unit: that follows, e.g. ``%``.
        bold: whether it cannot be distinguished from the best.
        marks: that the table's notes explain, e.g. ``†`` for a gain that a claim shows; empty for none.
        failed: how many of its runs diverged or failed, e.g. ``1/3``; empty for none.
        sign: whether a positive number has one.
    """

    value: float
    half: float = math.nan
    is_bare: bool = False
    unit: str = ""
    bold: bool = False
    marks: str = ""
    failed: str = ""
    sign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Both ends of an interval, in a unit."""

    low: float
    high: float
    unit: str = ""


PaperCell = Words | Amount | Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a column.

    Attributes:
        group: what several columns side by side have in common; empty if it stands alone.
        share: of the line that it has if its texts are long, so that they break; 0 if they never are.
        number: whether it holds numbers.
    """

    title: str
    group: str = ""
    share: float = 0.0
    number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """A table.

    Attributes:
        name: of its file and label.
        caption: what it shows, in a sentence or two.
        notes: what its marks mean, and what it leaves out.
    """

    name: str
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[PaperCell, ...], ...]
    notes: tuple[str, ...] = ()
