import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.errors import StoreError
from sweeper.spec.json_form import program_from_json
from sweeper.spec.program import TRAINER
from sweeper.store.pilots import known_pilots
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading.history import past_runs
from sweeper.store.reading.reader import is_in_store
from sweeper.store.records import Measurement, Outcome
from tests.sweeper.documents import COMMAND
from tests.sweeper.store.builders import RETRY, SLOT, completed, enrolled, levels, phase

PRUNED = Outcome(exit_reason="pruned", exit_code=0, value=3.0, device_seconds=1.5)
DIVERGED = Outcome(exit_reason="diverged", exit_code=3, device_seconds=1.0)


def test_runs_that_completed_or_were_pruned_are_history(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(4)), trial={"program": COMMAND}).study_id
    for outcome, step in ((completed(device_seconds=8.0), 10), (PRUNED, 4), (DIVERGED, 2)):
        lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0)
        assert lease is not None
        ingest(engine, lease, [Measurement(metric="loss", step=step, value=2.5)], 5)
        queue.finish(engine, lease, outcome, retry=RETRY, now=4.0)
    done, pruned = past_runs(url, program_from_json(dict(reversed(COMMAND.items()))))
    assert (done.completed, done.device_seconds, done.device, done.study) == (True, 8.0, "cpu", "s")
    assert (done.budget, done.step) == ({"steps": 10}, 10)
    assert (pruned.completed, pruned.device_seconds, pruned.step) == (False, 1.5, 4)
    assert past_runs(url, TRAINER) == ()


def test_a_store_that_is_not_there_has_no_history_and_is_not_made(tmp_path: Path) -> None:
    assert past_runs(f"sqlite:///{tmp_path / 'none.db'}", TRAINER) == ()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    assert past_runs(f"sqlite:///{tmp_path / 'empty.db'}", TRAINER) == ()


def test_a_database_that_holds_something_else_so_far_has_no_history(tmp_path: Path) -> None:
    """As a fresh one of PostgreSQL's, or one that Optuna uses already, before the first launch."""
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE something (else_ TEXT)")
    url = f"sqlite:///{tmp_path / 'other.db'}"
    assert past_runs(url, TRAINER) == ()
    assert known_pilots(url, TRAINER, device="cpu", device_share=1.0, threads=1).runs == ()
    assert not is_in_store(url, "s")


def test_a_file_that_is_no_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a store, but a text that is long enough to be read as one")
    with pytest.raises(StoreError):
        past_runs(f"sqlite:///{tmp_path / 'x.db'}", TRAINER)
