"""Tables as rows with their places: CSV, JSON Lines and Parquet. What their columns mean is decided elsewhere."""

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sweeper.designs.levels import Level
from sweeper.errors import UsageError
from sweeper.extras import require

TableForm = Literal["csv", "jsonl", "parquet"]
DELIMITERS: Final = ",;\t|"
MOST_ROWS: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        place: its file and line, e.g. ``runs.csv:14``.
        cells: by column; text as it is in CSV, values in JSON Lines and Parquet.
    """

    place: str
    cells: Mapping[str, object]


def read_table(path: Path, form: TableForm) -> list[Row]:
    """Return the rows of a file; mappings within cells become columns with dotted names.

    Raises:
        UsageError: it cannot be read as such a file, or has no rows.
    """
    try:
        match form:
            case "csv":
                rows = list(_csv_rows(path))
            case "jsonl":
                rows = list(_json_rows(path))
            case "parquet":
                rows = list(_parquet_rows(path))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file. Check the path.") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}. Name a file.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 at byte {error.start}. Save it as UTF-8.") from error
    if not rows:
        raise UsageError(f"{path}: has no rows. Name a file with one row per run.")
    return rows


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)
    text = path.read_bytes().decode("utf-8-sig")
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        _check_header(path, header)
        before = lines.line_num
        for cells in lines:
            place, before = f"{path.name}:{before + 1}", lines.line_num
            if not cells:
                continue
            if len(cells) != len(header):
                raise UsageError(
                    f"{place}: {len(cells)} cells, but the header has {len(header)} columns. Quote cells that contain "
                    f"{delimiter!r}."
                )
            yield Row(place, _flat(dict(zip(header, map(_json_or_text, cells), strict=True))))
    except csv.Error as error:
        raise UsageError(f"{path.name}:{lines.line_num}: is not CSV: {error}. Correct the line.") from error


def _check_header(path: Path, header: Sequence[str]) -> None:
    twice = [name for name, number in Counter(header).items() if number > 1]
    if twice:
        raise UsageError(f"{path.name}:1: several columns are named {twice[0]!r}. Rename all but one of them.")


def _json_or_text(cell: str) -> object:
    """Return the mapping that a cell holds as JSON, as in our own exports; else its text."""
    if cell.startswith("{") and cell.endswith("}"):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell


def _json_rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(path.read_bytes().decode("utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{place}: is not JSON: {error}. Write one object per line.") from error
        if not isinstance(found, dict):
            raise UsageError(f"{place}: is not an object. Write one object per line, e.g. {{'lr': 0.1, 'loss': 2.5}}.")
        yield Row(place, _flat(found))


def _parquet_rows(path: Path) -> Iterator[Row]:
    require("parquet", str(path))
    import pyarrow.parquet as pq  # noqa: PLC0415 - an optional extra

    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows > MOST_ROWS:
                raise UsageError(f"{path}: has {file.metadata.num_rows:,} rows; at most {MOST_ROWS:,} are read.")
            found: list[dict[str, Any]] = file.read().to_pylist()
    except (UsageError, FileNotFoundError):
        raise
    except Exception as error:  # pyarrow has errors of its own
        raise UsageError(f"{path}: is not Parquet: {str(error).splitlines()[0]} Name another file.") from error
    for number, cells in enumerate(found, start=1):
        parsed = {name: _json_or_text(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}
        yield Row(f"{path.name}, row {number}", _flat(parsed))


def _flat(cells: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return cells without mappings: what they hold has dotted names."""
    found: dict[str, object] = {}
    for name, value in cells.items():
        if isinstance(value, Mapping):
            found |= _flat({str(key): item for key, item in value.items()}, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def as_level(value: object) -> Level:
    """Return a cell that is no text as a level: lists as JSON, dates as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return json.dumps(list(value), default=str)
    return str(value)
