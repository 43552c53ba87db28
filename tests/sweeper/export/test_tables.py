"""Tables as CSV, JSON and Parquet round-trip."""

import csv
import io
import json
import math

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from sweeper.export.tables import ATTEMPT_COLUMNS, encoded, table
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading import reader
from sweeper.store.reading.reader import Table
from sweeper.store.records import Measurement
from tests.sweeper.store.builders import RETRY, SLOT, completed, enrolled, levels, phase

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\r"), max_size=20)


@pytest.fixture
def study_url(engine: Engine, url: str) -> str:
    study_id = enrolled(engine, phase("screen", levels(2))).study_id
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0)
    assert lease is not None
    ingest(engine, lease, [Measurement(metric="loss", step=3, value=math.nan, tokens=9)], 1)
    queue.finish(engine, lease, completed(2.0), retry=RETRY, now=4.0)
    return url


def exported(url: str, name: str) -> Table:
    with reader.connect(url) as connection:
        return table(connection, reader.study(connection, "s"), name)  # type: ignore[arg-type]  # one of the names


def test_each_attempt_has_a_row_with_its_exit_reason(study_url: str) -> None:
    found = exported(study_url, "attempts")
    assert found.columns == ("study", *ATTEMPT_COLUMNS)
    assert found.column("exit_reason") == ["completed"]


def test_nan_measurements_become_missing_values(study_url: str) -> None:
    found = exported(study_url, "measurements")
    assert found.column("step") == [3]
    assert found.column("value") == [None]
    (row,) = json.loads(encoded(found, "json"))
    assert (row["metric"], row["tokens"], row["value"]) == ("loss", 9, None)


def test_trials_have_the_documented_columns(study_url: str) -> None:
    text = encoded(exported(study_url, "trials"), "csv").decode()
    head = next(csv.reader(io.StringIO(text)))
    assert head == [
        "study", "phase", "number", "state", "seed", "configuration_hash", "attempts", "device_seconds", "tokens",
        "flops", "loss", "rate",
    ]  # fmt: skip


@given(st.lists(st.tuples(TEXT, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)), min_size=1, max_size=5))
def test_csv_and_parquet_round_trip(rows: list[tuple[str, int, float]]) -> None:
    found = Table(("name", "count", "value"), rows)
    parsed = list(csv.reader(io.StringIO(encoded(found, "csv", exact=True).decode(), newline="")))
    assert [(name, int(count), float(value)) for name, count, value in parsed[1:]] == rows
    read = pq.read_table(io.BytesIO(encoded(found, "parquet"))).to_pylist()
    assert [(row["name"], row["count"], row["value"]) for row in read] == rows


def test_null_and_the_empty_text_are_different_cells_of_csv() -> None:
    found = Table(("act", "loss"), [("relu", 1.0), (None, 1.0), ("", 1.0)])
    assert encoded(found, "csv") == b'act,loss\r\nrelu,1.0\r\n,1.0\r\n"",1.0\r\n'


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-2+3", "+x", "\t=1", "-2.5"])
def test_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe(text: str) -> None:
    found = Table((text,), [(text,), (-2.5,), (-3,)])
    assert list(csv.reader(io.StringIO(encoded(found, "csv").decode(), newline=""))) == [
        [f"'{text}"], [f"'{text}"], ["-2.5"], ["-3"],
    ]  # fmt: skip
    assert encoded(found, "csv", exact=True).decode().startswith(text)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([8, None, 16], "Int64"), ([True, None], "boolean"), ([8, 16], "int64"), ([1.5, None], "float64")],
)
def test_integers_and_booleans_beside_null_stay_what_they_are_in_parquet(values: list[object], dtype: str) -> None:
    content = encoded(Table(("depth", "text"), [(value, "a") for value in values]), "parquet")
    column = pd.read_parquet(io.BytesIO(content))["depth"]
    assert column.dtype == dtype
    assert [None if pd.isna(value) else value for value in column] == values


def test_a_column_of_mixed_levels_becomes_text_in_parquet() -> None:
    found = Table(("level",), [("on",), (0.5,), (None,), (True,)])
    read = pq.read_table(io.BytesIO(encoded(found, "parquet"))).column("level").to_pylist()
    assert read == ["on", "0.5", None, "true"]


def test_an_empty_table_has_its_head() -> None:
    found = Table(("a", "b"), [])
    assert encoded(found, "csv") == b"a,b\r\n"
    assert json.loads(encoded(found, "json")) == []
    assert pq.read_table(io.BytesIO(encoded(found, "parquet"))).column_names == ["a", "b"]
