"""Tables of a study as CSV, JSON or Parquet."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, Literal

from sweeper.store.reading import reader
from sweeper.store.reading.reader import AttemptRow, ReadConnection, StudyRow, Table

TableName = Literal["trials", "attempts", "measurements"]
Format = Literal["csv", "json", "parquet"]

ATTEMPT_COLUMNS: Final = tuple(field.name for field in fields(AttemptRow))


def table(connection: ReadConnection, study: StudyRow, name: TableName) -> Table:
    """One table of a study; its columns and rows in a fixed order."""
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


def encoded(found: Table, form: Format) -> bytes:
    """A table as the bytes of a file: UTF-8 for CSV (RFC 4180, empty cells for what is absent) and JSON."""
    match form:
        case "csv":
            return _csv(found).encode()
        case "json":
            return (_json(found) + "\n").encode()
        case "parquet":
            return _parquet(found)


def _csv(found: Table) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(found.columns)
    writer.writerows([_cell(value) for value in row] for row in found.rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool | list | dict) else value


def _json(found: Table) -> str:
    rows = [dict(zip(found.columns, map(_finite, row), strict=True)) for row in found.rows]
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parquet(found: Table) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - slow to load, and wanted for Parquet alone
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns = list(zip(*found.rows, strict=True)) or [()] * len(found.columns)
    arrays = [_arrow_array(pa, values) for values in columns]
    sink = io.BytesIO()
    pq.write_table(pa.table(dict(zip(found.columns, arrays, strict=True))), sink, compression="zstd")
    return sink.getvalue()


def _arrow_array(pa: Any, values: Sequence[Any]) -> Any:
    """A column of one type: numbers stay numbers; a mixture, as the levels of a factor may be, becomes text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool} or kinds <= {str} or kinds <= {int}:
        return pa.array(values)
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], type=pa.float64())
    return pa.array([None if value is None else _text(value) for value in values], type=pa.string())


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)
