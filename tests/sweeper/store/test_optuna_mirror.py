"""What Optuna's public API sees of our trials."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import optuna
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import Engine, create_mock_engine
from sqlalchemy.schema import CreateTable

from sweeper.store import optuna_mirror, optuna_tables
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.records import Lease, Measurement, Outcome
from tests.sweeper.store.builders import RETRY, SLOT, Budget, completed, enrolled, hash_of, levels, phase

TABLES = list(optuna_tables.metadata.tables)


@contextmanager
def optuna_study(url: str, name: str) -> Iterator[optuna.Study]:
    storage = RDBStorage(url)
    try:
        yield optuna.load_study(study_name=name, storage=storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def take(engine: Engine, study_id: int, now: float = 0.0) -> Lease:
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=now)
    assert lease is not None
    return lease


def finish(engine: Engine, lease: Lease, outcome: Outcome, now: float = 10.0) -> str:
    return queue.finish(engine, lease, outcome, retry=RETRY, now=now)


def test_each_phase_is_an_optuna_study_with_the_same_numbers(engine: Engine, url: str) -> None:
    enrolled(engine, phase("screen", levels(3)), phase("long", levels(2), budget=Budget(99)))
    with optuna_study(url, "s/screen") as study:
        assert [trial.number for trial in study.trials] == [0, 1, 2]
        assert {trial.state for trial in study.trials} == {TrialState.WAITING}
        assert study.direction == optuna.study.StudyDirection.MINIMIZE
        assert study.user_attrs == {"study": "s", "phase": "screen", "metric": "loss", "design": "list"}
        assert [trial.params for trial in study.trials] == [{"rate": 0.0}, {"rate": 0.1}, {"rate": 0.2}]
        assert study.trials[1].user_attrs == {
            "seed": 0,
            "budget": {"steps": 10},
            "configuration_hash": hash_of({"a": {"b": 1}, "rate": 0.1}),
            "attempts": 0,
        }
    with optuna_study(url, "s/long") as study:
        assert len(study.trials) == 2


def test_values_states_and_times_follow_the_queue(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(5))).study_id
    first, second, third, _running = (take(engine, study_id, now=1_000_000.0) for _ in range(4))
    curve = [Measurement(metric="loss", step=step, value=value) for step, value in ((5, 4.0), (10, math.inf))]
    other = Measurement(metric="accuracy", step=5, value=0.1)
    assert ingest(engine, first, [*curve, other], 100)
    assert finish(engine, first, completed(4.0), now=1_000_060.5) == "completed"
    assert finish(engine, second, Outcome(exit_reason="pruned", value=7.0)) == "pruned"
    assert finish(engine, third, Outcome(exit_reason="diverged", value=1.0)) == "failed"
    with optuna_study(url, "s/screen") as study:
        assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]
        best = study.best_trial
        assert (best.number, best.value, best.params) == (0, 4.0, {"rate": 0.0})
        assert best.intermediate_values == {5: 4.0, 10: math.inf}
        assert best.user_attrs["attempts"] == 1
        assert best.user_attrs["exit_reason"] == "completed"
        assert best.datetime_start == datetime.fromtimestamp(1_000_000.0)
        assert best.datetime_complete == datetime.fromtimestamp(1_000_060.5)
        assert [trial.value for trial in study.trials] == [4.0, 7.0, None, None, None]
        frame = study.trials_dataframe()
        assert list(frame["params_rate"]) == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_a_trial_that_runs_again_shows_as_waiting_and_then_ends_once(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(1))).study_id
    assert finish(engine, take(engine, study_id, now=50.0), Outcome(exit_reason="timeout"), now=60.0) == "failed"
    queue.retry_failed(engine, study_id, 70.0)
    with optuna_study(url, "s/screen") as study:
        (trial,) = study.trials
        assert (trial.state, trial.value, trial.datetime_complete) == (TrialState.WAITING, None, None)
    assert finish(engine, take(engine, study_id, now=80.0), completed(2.5), now=90.0) == "completed"
    with optuna_study(url, "s/screen") as study:
        (trial,) = study.trials
        assert (trial.state, trial.value, trial.user_attrs["attempts"]) == (TrialState.COMPLETE, 2.5, 2)
        assert trial.datetime_start == datetime.fromtimestamp(50.0)


def test_a_trial_that_was_stopped_waits_without_a_trace_and_keeps_its_first_start(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(1))).study_id

    def seen() -> tuple[TrialState, float | None, datetime | None, bool]:
        with optuna_study(url, "s/screen") as study:
            (trial,) = study.trials
            return trial.state, trial.value, trial.datetime_start, "exit_reason" in trial.user_attrs

    lease = take(engine, study_id, now=50.0)
    assert seen() == (TrialState.RUNNING, None, datetime.fromtimestamp(50.0), False)
    assert finish(engine, lease, Outcome(exit_reason="preempted", value=3.0), now=60.0) == "waiting"
    assert seen() == (TrialState.WAITING, None, None, False)
    take(engine, study_id, now=80.0)
    assert seen() == (TrialState.RUNNING, None, datetime.fromtimestamp(50.0), False)


def test_importances_can_be_computed_from_it(engine: Engine, url: str) -> None:
    configurations = [{"rate": rate, "depth": depth} for rate in (0.0, 0.1, 0.2) for depth in (2, 4, 8)]
    study_id = enrolled(engine, phase("screen", configurations)).study_id
    for configuration in configurations:
        finish(engine, take(engine, study_id), completed(10.0 * float(configuration["rate"])))
    with optuna_study(url, "s/screen") as study:
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        importances = optuna.importance.get_param_importances(study, evaluator=evaluator)
    assert importances["rate"] > 0.9


def test_levels_of_every_kind_keep_apart(engine: Engine, url: str) -> None:
    kinds = [True, 1, 1.0, 0, False, None, "1", "", [1, 2], {"b": 1, "a": [2]}]
    enrolled(engine, phase("screen", [{"any": level} for level in kinds]))
    with optuna_study(url, "s/screen") as study:
        found = [trial.params["any"] for trial in study.trials]
    assert [repr(level) for level in found[:8]] == [repr(level) for level in kinds[:8]]
    assert found[8:] == ["[1, 2]", '{"a": [2], "b": 1}']


def test_a_sampler_s_phase_has_ranges_and_gets_its_parameters_when_drawn(engine: Engine, url: str) -> None:
    factors = {
        "lr": {"low": 1e-5, "high": 1e-1, "log": True},
        "depth": {"low": 1, "high": 9, "step": 2},
        "kind": {"levels": ["a", "b"]},
    }
    study_id = enrolled(engine, phase("search", [None, None], design="sampler"), factors=factors).study_id
    lease = take(engine, study_id)
    assert queue.set_configuration(engine, lease, {"lr": 0.01, "depth": 3, "kind": "b"}, {}, "hash", 4)
    with optuna_study(url, "s/search") as study:
        drawn, waiting = study.trials
    assert drawn.params == {"lr": 0.01, "depth": 3, "kind": "b"}
    assert drawn.distributions == {
        "lr": FloatDistribution(1e-5, 1e-1, log=True),
        "depth": IntDistribution(1, 9, step=2),
        "kind": CategoricalDistribution(("a", "b")),
    }
    assert (drawn.user_attrs["seed"], drawn.user_attrs["configuration_hash"]) == (4, "hash")
    assert waiting.params == {}


def test_a_level_outside_the_known_ones_is_added_to_all_trials_of_the_phase(engine: Engine, url: str) -> None:
    factors = {"kind": {"levels": ["a"]}}
    study_id = enrolled(engine, phase("search", [None, None], design="sampler"), factors=factors).study_id
    for place, level in enumerate(("a", "z")):
        assert queue.set_configuration(engine, take(engine, study_id), {"kind": level}, {}, f"hash{place}", 0)
    with optuna_study(url, "s/search") as study:
        assert [trial.params["kind"] for trial in study.trials] == ["a", "z"]
        assert {trial.distributions["kind"] for trial in study.trials} == {CategoricalDistribution(("a", "z"))}


@pytest.mark.parametrize(
    ("ours", "optunas"),
    [
        (optuna_mirror.categorical([1, "a", 1]), CategoricalDistribution((1, "a"))),
        (optuna_mirror.interval(0, 1.5, log=False, step=None), FloatDistribution(0, 1.5)),
        (optuna_mirror.interval(0.0, 1.5, log=False, step=0.5), FloatDistribution(0, 1.5, step=0.5)),
        (optuna_mirror.interval(1, 64, log=True, step=None), IntDistribution(1, 64, log=True)),
    ],
)
def test_distributions_are_written_as_optuna_writes_them(
    ours: dict[str, object], optunas: optuna.distributions.BaseDistribution
) -> None:
    import json

    assert json_to_distribution(json.dumps(ours)) == optunas
    assert json.loads(distribution_to_json(optunas)) == ours


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", TABLES)
def test_our_description_of_optuna_s_tables_is_that_of_the_installed_optuna(name: str, dialect: str) -> None:
    bind = create_mock_engine(f"{dialect}+psycopg://" if dialect == "postgresql" else "sqlite://", lambda *_: None)
    ours, theirs = optuna_tables.metadata.tables[name], models.BaseModel.metadata.tables[name]
    for column in ours.columns:
        kinds = [str(each.columns[column.name].type.compile(bind.dialect)) for each in (ours, theirs)]
        assert kinds[0] == kinds[1], column.name
        if hasattr(column.type, "enums"):
            assert column.type.enums == theirs.columns[column.name].type.enums
    for column in theirs.columns:
        assert column.name in ours.columns or column.nullable, CreateTable(theirs)


def test_the_version_of_optuna_s_tables_is_the_installed_one(url: str) -> None:
    storage = RDBStorage(url)
    try:
        assert storage.get_head_version() == storage.get_current_version() == optuna_tables.SCHEMA_VERSION
    finally:
        storage.remove_session()
        storage.engine.dispose()
