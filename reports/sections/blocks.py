"""The blocks of a report: plain values, independent of HTML and PDF.

Text is text: what a user wrote passes through unchanged, and each renderer escapes it for its format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reports.figures.drawing import Drawing


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one style."""

    text: str
    style: Literal["plain", "strong", "emphasis", "code"] = "plain"


Inline = tuple[Run, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph; a `lead` answers a section's question."""

    text: Inline
    lead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its heading, whether it has numbers, and the headings of its `data` if there are several."""

    title: str
    number: bool = False
    code: bool = False
    data: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text, the value by which it sorts if that differs, and the column's `data` for other programs."""

    text: str
    sort: float | str | None = None
    data: tuple[float | str | None, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with a caption.

    Attributes:
        trials: the trial of each row, if rows are trials.
        folded: the line behind which a page hides it; it is not printed, but lies beside the report. Empty if it is
            shown.
    """

    name: str
    caption: Inline
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    trials: tuple[int, ...] | None = None
    folded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing with its caption; the drawing's title stands above it."""

    drawing: Drawing
    caption: Inline


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names with their values, e.g. of a machine."""

    pairs: tuple[tuple[str, Inline], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A claim with its verdict: the headline of a study.

    Attributes:
        verdict: supported, refuted, undecided or untested.
        is_exploratory: whether results could be seen before what it rests on was declared.
        fragile: what the verdict rests on, as a sentence; empty unless it is fragile.
        checks: by result the other analyses that have it.
    """

    identifier: str
    text: str
    verdict: str
    sentence: Inline
    is_exploratory: bool = False
    notes: tuple[str, ...] = ()
    fragile: str = ""
    checks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulings:
    """The study's claims, each with its verdict."""

    items: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of items, e.g. of references."""

    items: tuple[Inline, ...]


Block = Paragraph | Heading | Table | Plot | Facts | Rulings | Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section with its heading; `anchor` is its address within the page.

    Attributes:
        appendix: whether it is for those who check, after what everybody reads.
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    appendix: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The content of a report.

    Attributes:
        title: the study's name.
        subtitle: the study's question.
        byline: its size and the time of the report.
        trials: by id the label of each trial, for points and curves.
    """

    title: str
    subtitle: str
    byline: str
    sections: tuple[Section, ...]
    trials: Mapping[int, str] = field(default_factory=dict)

    def drawings(self) -> tuple[Drawing, ...]:
        """Return all drawings in the order of the report."""
        blocks = (block for section in self.sections for block in section.blocks)
        return tuple(block.drawing for block in blocks if isinstance(block, Plot))


def plain(text: str) -> Inline:
    """Return text of one style."""
    return (Run(text),)


def strong(text: str) -> Run:
    """Return text that stands out, e.g. the number that answers."""
    return Run(text, "strong")


def rich(*parts: str | Run) -> Inline:
    """Return text of several styles; strings are plain."""
    runs = (Run(part) if isinstance(part, str) else part for part in parts)
    return tuple(run for run in runs if run.text)
