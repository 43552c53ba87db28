"""How many trials share a GPU is in the store, once for each study, kind of GPU and workload."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from sweeper.forecast.packing import Alone, Packing, Stage
from sweeper.store.packings import keep_packing, known_packings
from tests.sweeper.store.builders import enrolled, levels, phase
from tests.sweeper.store.make_fixture import FIXTURES

PACKING = Packing(
    card="NVIDIA H100",
    threads=2,
    sharing="processes",
    workload="0" * 64,
    host="here",
    free_bytes=80 * 2**30,
    alone=Alone(rates={"a": 2.5}, whole=("a",), amounts={"a": 100.0}, trial_seconds=40.0),
    stages=(
        Stage(number=1, outcome="measured", throughput=1.0, memory_bytes=2**33),
        Stage(number=2, outcome="failed", note="a run crashed"),
    ),
    number=1,
    device_seconds=12.5,
    measured_at=1e9,
)


def test_a_choice_comes_back_as_it_was_and_is_replaced(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(2))).study_id
    begun = replace(PACKING, stages=PACKING.stages[:1], number=None)
    keep_packing(engine, study_id, begun)
    assert known_packings(url, "s") == (begun,)
    keep_packing(engine, study_id, PACKING)
    other = replace(PACKING, card="NVIDIA T4", free_bytes=None, measured_at=2e9)
    keep_packing(engine, study_id, other)
    assert known_packings(url, "s") == (other, PACKING)


def test_stores_that_are_not_there_or_older_know_of_none(tmp_path: Path) -> None:
    assert known_packings(f"sqlite:///{tmp_path / 'none.db'}", "s") == ()
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.executescript((FIXTURES / "store_0008.sql").read_text())
    connection.close()
    assert known_packings(f"sqlite:///{tmp_path / 'old.db'}", "s") == ()
