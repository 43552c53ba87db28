"""CSV as rows of text with their places: whatever separates cells, and whatever program wrote them."""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sweeper.errors import UsageError
from sweeper.importing.cells import FLOAT
from sweeper.importing.faults import Faults
from sweeper.quantities import counted

DELIMITERS: Final = ",;\t|"
QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')
NAMED_DELIMITER: Final = re.compile(r"sep=(.)", re.IGNORECASE)  # the first line of what Excel reads in any country
DECIMAL_COMMA: Final = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # before which our own tables have an apostrophe, for spreadsheets
OWN: Final = "configuration_hash"
EMPTY: Final = "\0"  # stands for the empty text, which our own tables have in quotes

Numbered = tuple[str, dict[str, str | None]]  # the place of a row, and its cells by column; None for an empty one


def csv_rows(path: Path) -> list[Numbered]:
    """Return the rows of a file, each with its place.

    Raises:
        UsageError: it is not CSV, rows have other numbers of cells than the header, or numbers have decimal commas.
    """
    csv.field_size_limit(sys.maxsize)
    text = path.read_bytes().decode("utf-8-sig")
    first = text.split("\n", 1)[0].rstrip("\r")
    named = NAMED_DELIMITER.fullmatch(first)
    delimiter = named.group(1) if named else max(DELIMITERS, key=QUOTED.sub("", first).count)
    if OWN in first:
        text = QUOTED.sub(lambda found: EMPTY if found.group() == '""' else found.group(), text)
    rows = _read(path, text, delimiter, first=2 if named else 1)
    if delimiter != ",":
        _check_commas(rows)
    return rows


def _read(path: Path, text: str, delimiter: str, *, first: int) -> list[Numbered]:
    """Return the rows of a text; the header is its first or its second line."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    faults = Faults()
    rows: list[Numbered] = []
    try:
        for _ in range(first - 1):
            next(lines)
        header = [name.strip() for name in next(lines, [])]
        _check_header(f"{path.name}:{first}", header)
        before = lines.line_num
        for cells in lines:
            place, before = f"{path.name}:{before + 1}", lines.line_num
            if len(cells) == len(header):
                rows.append((place, {name: _cell(text) for name, text in zip(header, cells, strict=True)}))
            elif cells:
                faults.add(
                    f"{place}: {counted(len(cells), 'cell')}, but the header has {counted(len(header), 'column')}. "
                    f"Quote cells that contain {delimiter!r}."
                )
    except csv.Error as error:
        faults.add(f"{path.name}:{lines.line_num}: is not CSV: {error}. Correct the line.")
    faults.check()
    return rows if OWN not in header else [(place, _unmarked(cells)) for place, cells in rows]


def _check_header(place: str, header: Sequence[str]) -> None:
    twice = [name for name, number in Counter(header).items() if number > 1]
    if twice:
        raise UsageError(f"{place}: several columns are named {twice[0]!r}. Rename all but one of them.")


def _cell(text: str) -> str | None:
    return "" if text == EMPTY else text or None


def _unmarked(cells: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the cells of one of our own tables without the apostrophes that keep spreadsheets from running text."""
    return {
        name: cell[1:] if cell and cell[0] == "'" and cell[1:2] in FORMULA else cell for name, cell in cells.items()
    }


def _check_commas(rows: Sequence[Numbered]) -> None:
    """Refuse columns whose numbers have decimal commas: as text, they would be no levels of a study."""
    faults = Faults()
    for name in rows[0][1] if rows else ():
        written = [(place, cell) for place, cells in rows if (cell := (cells[name] or "").strip())]
        with_comma = [each for each in written if DECIMAL_COMMA.fullmatch(each[1])]
        if with_comma and all(DECIMAL_COMMA.fullmatch(cell) or FLOAT.fullmatch(cell) for _, cell in written):
            for place, cell in with_comma:
                faults.add(
                    f"{place}: column {name}: {cell!r} has a comma. Write {cell.replace(',', '.')} if it marks "
                    f"decimals, or [{cell.replace(',', ', ')}] if it is a list."
                )
    faults.check()
