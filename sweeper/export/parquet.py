"""Tables as Parquet. A module of its own, since pyarrow is an optional extra."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from sweeper.store.reading.reader import Table

NULLABLE: Final = {"int64": "Int64", "bool": "boolean"}  # the types of pandas that have nulls


def parquet(found: Table) -> bytes:
    """Encode a table as a Parquet file."""
    columns = list(zip(*found.rows, strict=True)) or [()] * len(found.columns)
    arrays = [_arrow_array(values) for values in columns]
    made = pa.table(dict(zip(found.columns, arrays, strict=True)))
    sink = io.BytesIO()
    pq.write_table(made.replace_schema_metadata({b"pandas": _pandas_types(made)}), sink, compression="zstd")
    return sink.getvalue()


def _pandas_types(made: pa.Table) -> bytes:
    """Return the note by which pandas reads integers and booleans beside nulls as such, and not as floats."""
    columns = [
        {
            "name": field.name,
            "field_name": field.name,
            "pandas_type": str(field.type),
            "numpy_type": NULLABLE[str(field.type)],
            "metadata": None,
        }
        for field in made.schema
        if str(field.type) in NULLABLE and made.column(field.name).null_count
    ]
    note = {"index_columns": [], "column_indexes": [], "columns": columns, "pandas_version": "2.0.0"}
    return json.dumps(note).encode()


def _arrow_array(values: Sequence[Any]) -> pa.Array:
    """Return a column of one type: numbers stay numbers; mixed types, as in the levels of a factor, become text."""
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
