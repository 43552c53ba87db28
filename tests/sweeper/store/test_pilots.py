"""What pilots measured is in the store, for slots of the same kind."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from sweeper.forecast.pilot_throughput import PilotRun, Pilots, PilotThroughput
from sweeper.spec.json_form import program_from_json
from sweeper.spec.program import TRAINER, Program
from sweeper.store.engine import open_existing
from sweeper.store.pilots import keep_pilot, known_pilots
from tests.sweeper.documents import COMMAND
from tests.sweeper.store.make_fixture import FIXTURES

PROGRAM = program_from_json(COMMAND)
RUN = PilotRun(
    study="not launched yet",
    program=PROGRAM,
    config={"model": {"width": 4}, "rate": 0.1},
    host="here",
    device="cpu",
    device_share=1.0,
    threads=2,
    slots=4,
    unit="steps",
    amount=100.0,
    device_seconds=12.5,
    throughput=PilotThroughput(2.5, 0.1, 0.0, 0.05),
    peak_memory_bytes=2**33,
    disk_bytes=None,
    measured_at=1e9 + 0.25,
    seed=3,
    metric="loss",
    value=0.75,
)


def known(
    url: str,
    program: Program = PROGRAM,
    *,
    device: str = "cpu",
    share: float = 1.0,
    threads: int = 2,
) -> Pilots:
    return known_pilots(url, program, device=device, device_share=share, threads=threads)


def test_what_was_measured_comes_back_as_it_was(engine: Engine, url: str) -> None:
    keep_pilot(engine, [RUN, replace(RUN, amount=50.0)])
    assert known(url).runs == (RUN, replace(RUN, amount=50.0))


def test_other_programs_devices_and_threads_have_pilots_of_their_own(engine: Engine, url: str) -> None:
    on_half_a_gpu = replace(RUN, device="cuda", device_share=0.5)
    keep_pilot(engine, [RUN, on_half_a_gpu])
    assert known(url, device="cuda", share=0.5).runs == (on_half_a_gpu,)
    assert known(url, TRAINER).runs == ()
    assert known(url, threads=1).runs == ()
    assert known(url, device="cuda").runs == ()


def test_a_pilot_without_runs_writes_nothing(engine: Engine, url: str) -> None:
    keep_pilot(engine, [])
    assert known(url).runs == ()


def test_pilots_of_older_versions_have_no_values(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FIXTURES / "store_0003.sql").read_text())
        columns = ("study", "program", "config", "host", "device", "device_share", "threads", "slots", "unit", "amount",
                   "device_seconds", "start_seconds", "unit_seconds", "evaluation_seconds", "spread",
                   "measured_at")  # fmt: skip
        row = ("not launched yet", json.dumps(COMMAND), json.dumps(RUN.config), "here", "cpu", 1.0, 2, 4, "steps",
               100.0, 12.5, 2.5, 0.1, 0.0, 0.05, 1e9 + 0.25)  # fmt: skip
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO sweeper_pilots ({', '.join(columns)}) VALUES ({marks})", row)
        connection.commit()
    of_before = replace(RUN, peak_memory_bytes=None, seed=None, metric=None, value=None)
    assert known(f"sqlite:///{path}").runs == (of_before,)
    open_existing(f"sqlite:///{path}").dispose()  # migrated
    assert known(f"sqlite:///{path}").runs == (of_before,)


def test_stores_that_are_not_there_or_older_know_of_no_pilots(tmp_path: Path) -> None:
    assert known(f"sqlite:///{tmp_path / 'none.db'}").runs == ()
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.executescript((FIXTURES / "store_0001.sql").read_text())
    connection.close()
    assert known(f"sqlite:///{tmp_path / 'old.db'}").runs == ()
