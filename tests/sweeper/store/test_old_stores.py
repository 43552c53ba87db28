"""Stores of every version that was ever released still open, read right, and go on."""

import sqlite3
from pathlib import Path

import pytest

from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.queue.deferred import fill_promotions
from sweeper.store.reading import reader
from sweeper.store.url import REVISION
from tests.sweeper.store.builders import RETRY, SLOT, completed, resolved
from tests.sweeper.store.make_fixture import FIXTURES

OLD = sorted(FIXTURES.glob("store_*.sql"))


def test_there_is_a_store_of_the_newest_version() -> None:
    assert OLD[-1].stem == f"store_{REVISION}"


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_an_old_store_goes_on(dump: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.executescript(dump.read_text())
    connection.close()
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = open_existing(url)
    with reader.connect(url) as read:
        study = reader.study(read, "s")
        trials = reader.trials(read, study.id)
        assert [(trial.phase, trial.number, trial.state) for trial in trials] == [
            ("screen", 0, "completed"),
            ("screen", 1, "failed"),
            ("screen", 2, "running"),
            ("screen", 3, "waiting"),
            ("search", 0, "waiting"),
            ("long", 0, "waiting"),
        ]
        assert (trials[0].value, trials[1].message, trials[0].device_seconds) == (1.5, "loss is nan", 2.0)
        assert reader.curves(read, study.id, "loss")[trials[2].id].values == [3.5]
        assert list(reader.environments(read, study.id).values()) == [{"python": "3.11"}]
    ran = []
    while queue.next_due(engine, study.id, 500.0) is not None:
        fill_promotions(engine, study.id, now=500.0, resolve=resolved)
        lease = queue.claim_trial(engine, study.id, SLOT, lease_s=30.0, now=500.0)
        assert lease is not None
        if lease.configuration is None:
            assert queue.set_configuration(engine, lease, {"rate": 0.7}, {"rate": 0.7}, "drawn", 0)
        queue.finish(engine, lease, completed(9.0), retry=RETRY, now=501.0)
        ran.append((lease.phase, lease.number, lease.attempt))
    assert ran == [("screen", 2, 2), ("screen", 3, 1), ("search", 0, 1), ("long", 0, 1)]
    engine.dispose()


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_an_old_store_is_read_without_being_changed(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text())
    connection.close()
    before = path.read_bytes()
    with reader.connect(f"sqlite:///{path}") as read:
        study = reader.study(read, "s")
        assert read.revision == dump.stem.removeprefix("store_")
        assert len(reader.trials(read, study.id)) == 6
        assert len(reader.attempts(read, study.id)) == 3
        assert reader.runners(read, study.id) == ()
    assert path.read_bytes() == before
