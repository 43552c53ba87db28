"""Tables of a study as CSV, JSON or Parquet."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final, Literal

from sweeper.export.csv_text import csv_text
from sweeper.extras import require
from sweeper.files import write_atomically
from sweeper.store.reading import reader
from sweeper.store.reading.reader import AttemptRow, ReadConnection, StudyRow, Table

TableName = Literal["trials", "attempts", "measurements"]
Format = Literal["csv", "json", "parquet"]

TABLE_SUFFIXES: Final = (".csv", ".parquet")
ATTEMPT_COLUMNS: Final = tuple(field.name for field in fields(AttemptRow))


def table(connection: ReadConnection, study: StudyRow, name: TableName) -> Table:
    """Return one table of a study, with its columns and rows in a fixed order."""
    match name:
        case "trials":
            return reader.trial_table(study, reader.trials(connection, study.id))
        case "attempts":
            rows = reader.attempts(connection, study.id)
            return Table(
                ("study", *ATTEMPT_COLUMNS),
                [(study.name, *(getattr(row, column) for column in ATTEMPT_COLUMNS)) for row in rows],
            )
        case "measurements":
            found = reader.measurements(connection, study.id)
            return Table(("study", *found.columns), [(study.name, *row) for row in found.rows])


def encoded(found: Table, form: Format, *, exact: bool = False) -> bytes:
    """Encode a table as a file: UTF-8 for CSV and JSON.

    Text in CSV is safe in spreadsheets (see `csv_text`), unless it must be `exact`.
    """
    match form:
        case "csv":
            return csv_text(found.columns, found.rows, exact=exact).encode()
        case "json":
            return (_json(found) + "\n").encode()
        case "parquet":
            require("parquet", "--format parquet")
            from sweeper.export.parquet import parquet  # noqa: PLC0415 - pyarrow is an optional extra

            return parquet(found)


def write_archive(directory: Path, contents: Mapping[str, bytes]) -> Iterator[Path]:
    """Write the files of an exported study and yield their paths, replacing the tables of an earlier export.

    Raises:
        OSError: the directory cannot be written to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for path in (directory / name for name in contents if name.endswith(TABLE_SUFFIXES)):
        for suffix in TABLE_SUFFIXES:
            path.with_suffix(suffix).unlink(missing_ok=True)
    for name, content in contents.items():
        write_atomically(directory / name, content)
        yield directory / name


def _json(found: Table) -> str:
    rows = [dict(zip(found.columns, map(_finite, row), strict=True)) for row in found.rows]
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
