"""The blocks that a report is made of: plain values, which know nothing of HTML or PDF.

Text is text: whatever a user wrote passes through here as it is, and each renderer escapes it for its format.
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
    """A paragraph; `lead` is the sentence that answers a section's question."""

    text: Inline
    lead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its heading, whether it holds numbers, and the headings of its `data` if it is several."""

    title: str
    number: bool = False
    code: bool = False
    data: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: what is shown, the value it sorts by if that is another, and the column's `data` for other programs."""

    text: str
    sort: float | str | None = None
    data: tuple[float | str | None, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with a caption; `trials` names the trial of each row, where rows are trials."""

    name: str
    caption: Inline
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    trials: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing with its caption."""

    drawing: Drawing
    caption: Inline


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names with what they stand for, e.g. a machine's."""

    pairs: tuple[tuple[str, Inline], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A claim with its verdict: the headline of a study."""

    identifier: str
    text: str
    verdict: str  # supported, refuted, undecided, untested
    sentence: Inline
    notes: tuple[str, ...] = ()


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
    """A section under its heading; `anchor` is its address within the page."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a report says.

    Attributes:
        title: the study's name.
        subtitle: what the study asks.
        byline: when it was made and of what.
        trials: what names each trial where a point of it is shown, by its id.
    """

    title: str
    subtitle: str
    byline: str
    sections: tuple[Section, ...]
    trials: Mapping[int, str] = field(default_factory=dict)

    def drawings(self) -> tuple[Drawing, ...]:
        """All drawings in the order of the report."""
        blocks = (block for section in self.sections for block in section.blocks)
        return tuple(block.drawing for block in blocks if isinstance(block, Plot))


def plain(text: str) -> Inline:
    """Text of one style."""
    return (Run(text),)


def strong(text: str) -> Run:
    """Text that stands out, e.g. the number that answers."""
    return Run(text, "strong")


def rich(*parts: str | Run) -> Inline:
    """Text of several styles; strings are of the usual one."""
    runs = (Run(part) if isinstance(part, str) else part for part in parts)
    return tuple(run for run in runs if run.text)
