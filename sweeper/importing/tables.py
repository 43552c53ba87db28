"""Tables as rows with their places: CSV, JSON Lines and Parquet. What their columns mean is decided elsewhere."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from sweeper.errors import UsageError
from sweeper.extras import require
from sweeper.importing.cells import structured
from sweeper.importing.csv_rows import csv_rows
from sweeper.importing.faults import Faults, first_line
from sweeper.importing.sections import flattened

if TYPE_CHECKING:
    import pyarrow as pa

TableForm = Literal["csv", "jsonl", "parquet"]
MOST_ROWS: Final = 5_000_000
EXPORTED_TABLE: Final = "trials"  # in the directory of an exported study
EXPORTED_FORMS: Final = ("csv", "parquet")
OWN: Final = "configuration_hash"  # a column of the tables that `sweeper export` writes
OWN_SECTION: Final = "configuration"  # of the trials of an exported study as a whole: the levels by factor


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        place: its file and line, e.g. ``runs.csv:14``.
        cells: by column; text as it is in CSV, values in JSON Lines and Parquet.
    """

    place: str
    cells: Mapping[str, object]


def read_table(path: Path, form: TableForm, whole: Collection[str] = ()) -> list[Row]:
    """Return the rows of a file; what sections of a configuration hold become columns with dotted names.

    Args:
        whole: names of columns whose mappings are levels.

    Raises:
        UsageError: it cannot be read as such a file, or has no rows.
    """
    _check_no_directory(path, form)
    try:
        match form:
            case "csv":
                rows = [Row(*row) for row in csv_rows(path)]
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
    return _without_sections(rows, whole)


def _check_no_directory(path: Path, form: TableForm) -> None:
    """Refuse a directory; of an exported study, name the table that has one row per run."""
    if not path.is_dir():
        return
    for each in dict.fromkeys((form, *EXPORTED_FORMS)):
        table = path / f"{EXPORTED_TABLE}.{each}"
        if table.is_file():
            form_text = "" if each == form else f", whose format is {each}"
            raise UsageError(f"{path}: is a directory. Name its table of trials, {table}{form_text}.")
    raise UsageError(f"{path}: is a directory. Name a file with one row per run or per step.")


def _without_sections(rows: Sequence[Row], whole: Collection[str]) -> list[Row]:
    cells = [{name: _mapping_or_cell(cell) for name, cell in row.cells.items()} for row in rows]
    depth = None
    if all(OWN in each for each in cells):  # of our own tables, it is known what is a section
        depth = 1 if all(OWN_SECTION in each for each in cells) else 0
    return [Row(row.place, flat) for row, flat in zip(rows, flattened(cells, whole=whole, depth=depth), strict=True)]


def _mapping_or_cell(cell: object) -> object:
    """Return the mapping that a text writes; else the cell as it is."""
    if not isinstance(cell, str) or not cell.startswith("{"):
        return cell
    found = structured(cell)
    return cell if found is None else found


def _json_rows(path: Path) -> Iterator[Row]:
    """Yield the objects of JSON Lines, or of one JSON array."""
    text = path.read_bytes().decode("utf-8-sig")
    faults = Faults()
    found = list(_array(path, text) if text.lstrip().startswith("[") else _lines(path, text, faults))
    for place, value in found:
        if not isinstance(value, dict):
            faults.add(f"{place}: is not an object. Write one object per line, e.g. {{'lr': 0.1, 'loss': 2.5}}.")
    faults.check()
    yield from (Row(place, value) for place, value in found)


def _lines(path: Path, text: str, faults: Faults) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            yield place, json.loads(line)
        except (ValueError, RecursionError) as error:
            what = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
            faults.add(f"{place}: is not JSON: {what}. Write one object per line.")


def _array(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path.name}:{error.lineno}: is not JSON: {error.msg} at column {error.colno}. Write one object per line, "
            "or a list of objects."
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path.name}: is not JSON: {error}. Write one object per line.") from error
    yield from ((f"{path.name}, object {number}", value) for number, value in enumerate(found, start=1))


def _parquet_rows(path: Path) -> Iterator[Row]:
    require("parquet", str(path))
    import pyarrow.parquet as pq  # noqa: PLC0415 - an optional extra

    if not path.stat().st_size:
        return
    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows > MOST_ROWS:
                raise UsageError(f"{path}: has {file.metadata.num_rows:,} rows; at most {MOST_ROWS:,} are read.")
            table = file.read()
            narrow = _narrow(table)
            found: list[dict[str, Any]] = table.to_pylist()
    except (UsageError, FileNotFoundError):
        raise
    except Exception as error:  # pyarrow has errors of its own
        raise UsageError(f"{path}: is not Parquet: {first_line(error)}. Name another file.") from error
    for number, cells in enumerate(found, start=1):
        short = {name: _shortest(cells[name], kind) for name, kind in narrow.items()}
        yield Row(f"{path.name}, row {number}", {**cells, **short})


def _narrow(table: "pa.Table") -> dict[str, str]:
    """Return the types of columns whose numbers have fewer digits than usual, by their names."""
    kinds = {"halffloat": "float16", "float": "float32"}
    return {field.name: kinds[str(field.type)] for field in table.schema if str(field.type) in kinds}


def _shortest(number: float | None, kind: str) -> float | None:
    """Return the shortest number that a narrow column holds as this one: 0.1 for 0.10000000149."""
    import numpy as np  # noqa: PLC0415 - slow to load

    return None if number is None else float(str(np.dtype(kind).type(number)))
