"""Tables of a study that were pasted into a paper with the comment that names their study."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reports.paper.kit import TABLE_HEADER
from reports.paper.numbers import DEFINITION, PROVENANCE
from reports.paper.reading import COMMENT, Line

Rows = tuple[str, ...]


@dataclass(slots=True)
class Pasted:
    """A table in the text of a paper: the place of its comment, its study, and its lines.

    The study is empty if the comment does not name it.
    """

    place: str
    study: str
    lines: list[str] = field(default_factory=list)

    @property
    def rows(self) -> Rows:
        """What is compared."""
        return rows_of(self.lines)


def pasted_tables(lines: Sequence[Line]) -> Iterator[Pasted]:
    """Yield the tables in the lines of a paper."""
    table: Pasted | None = None
    for line in lines:
        found = PROVENANCE.match(line.raw.strip())
        if line.raw.strip() == TABLE_HEADER:
            table = Pasted(line.place, "")
        elif found is not None:
            table = Pasted(line.place, str(json.loads(found["study"])))
        elif table is not None and DEFINITION.match(line.raw):
            table = None  # numbers that were pasted
        elif table is not None:
            table.lines.append(line.raw)
            if r"\bottomrule" in line.text or r"\end{tabular" in line.text:
                yield table
                table = None


def rows_of(lines: Sequence[str]) -> Rows:
    """Return the rows of a table, without its caption and the place where it floats, which are the author's."""
    plain = [" ".join(COMMENT.sub(r"\1", line).split()) for line in lines]
    begin = next((place for place, line in enumerate(plain) if r"\toprule" in line), len(plain))
    rows = [line for line in plain[begin:] if line]
    end = next((place for place, line in enumerate(rows) if r"\bottomrule" in line), len(rows))
    return tuple(rows[:end])
