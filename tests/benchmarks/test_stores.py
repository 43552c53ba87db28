"""The measurements change a store exactly as slots do."""

from pathlib import Path

import pytest

from benchmarks.crowd import rush
from benchmarks.cycle import cycles
from benchmarks.report_store import make_store
from benchmarks.studies import study_text
from sweeper.planning.plan import make_plan
from sweeper.spec.load import parse_study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.reading import reader


@pytest.fixture
def store(tmp_path: Path) -> tuple[str, int]:
    """A store with a study of eight trials."""
    url = f"sqlite:///{tmp_path}/store.db"
    study = parse_study(study_text("eight", ["true"], 8), "eight.yaml")
    engine = open_store(url, create=True)
    study_id = enrol(engine, make_plan(study), study, runs_dir=tmp_path, now=0.0).study_id
    engine.dispose()
    return url, study_id


def test_a_crowd_runs_each_trial_once(store: tuple[str, int]) -> None:
    url, study_id = store
    found = rush(url, study_id, slots=4, trials_each=2)
    assert len(found.claim_ms) == 8
    assert found.claim_quantile_ms(0.0) <= found.claim_quantile_ms(0.5) <= found.claim_quantile_ms(1.0)
    with reader.connect(url) as connection:
        assert [(trial.state, trial.attempts) for trial in reader.trials(connection, study_id)] == [
            ("completed", 1)
        ] * 8
        assert {len(curve.steps) for curve in reader.curves(connection, study_id, "loss").values()} == {20}


def test_a_crowd_without_enough_trials_fails(store: tuple[str, int]) -> None:
    url, study_id = store
    with pytest.raises(RuntimeError, match="no trial left to lease"):
        rush(url, study_id, slots=3, trials_each=3)


def test_cycles_end_their_trials(store: tuple[str, int]) -> None:
    url, study_id = store
    engine = open_store(url, create=False)
    found = cycles(engine, study_id, 3, 10)
    assert min(found.claim_ms, found.renew_ms, found.ingest_ms, found.finish_ms) > 0
    assert queue.counts(engine, study_id)["completed"] == 3
    engine.dispose()


def test_the_store_for_reports_has_completed_pruned_and_failed_trials(tmp_path: Path) -> None:
    with reader.connect(make_store(tmp_path, 150, 5)) as connection:
        states = {trial.state for trial in reader.trials(connection, 1)}
    assert states == {"completed", "pruned", "failed"}
