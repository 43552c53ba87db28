"""A proposed study has exactly the runs of its source, whatever they are; one road leads to judging and importing."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

import sweeper
from sweeper.designs.levels import level_key
from sweeper.evidence.claims.judge import ClaimVerdict, judge_claims
from sweeper.evidence.data.load import load
from sweeper.evidence.data.strata import strata_of
from sweeper.importing.reading import ImportedRuns, Wanted, read_for_study
from sweeper.planning.plan import make_plan
from sweeper.spec.load import parse_study
from sweeper.store.enrolment.imported import enrol_imported
from tests.sweeper.importing.builders import read, write_csv

CELLS = st.one_of(
    st.sampled_from([0, 1, 2, True, False, None, 0.5, 1e-05, "yes", "null", "1e-05", "a, b", "{x}", "~", "ünder"]),
    st.text("ab:#-,'\" ", max_size=4),
)

QUICK = [phase for phase in Phase if phase not in (Phase.shrink, Phase.explain)]  # an example takes a while


def enrol(engine: Engine, found: ImportedRuns, folder: Path) -> None:
    imported = found.imported
    enrol_imported(engine, imported.plan, imported.study, imported.results, tool="csv", runs_dir=folder, now=1_000.0)


@settings(max_examples=25, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS, st.integers(0, 2), st.sampled_from(["p", "q"])), min_size=2, max_size=12))
def test_a_proposed_file_has_the_configurations_and_seeds_of_the_runs(
    tmp_path: Path, rows: list[tuple[object, object, int, str]]
) -> None:
    rows = [*rows, ("another", rows[0][1], 0, "p")]
    runs = [
        {"alpha": a, "opt.beta": b, "seed": seed, "phase": phase, "id": index, "loss": index / 7}
        for index, (a, b, seed, phase) in enumerate(rows)
    ]
    found = read(write_csv(tmp_path / "runs.csv", runs), "loss")
    study = parse_study(found.study_file)
    planned = make_plan(study)
    wanted = {
        (trial.phase, level_key(dict(trial.configuration or {})), trial.seed)
        for phase in planned.phases
        for trial in [*planned.wanted(phase)]
    }
    for trial in found.imported.plan.trials:
        levels = level_key(dict(trial.configuration or {}))
        assert any((phase.name, levels, trial.seed) in wanted for phase in study.phases)
    assert len(found.imported.results) == len(runs)
    assert study == found.imported.study


def judged(engine: Engine, url: str, found: ImportedRuns, folder: Path) -> tuple[ClaimVerdict, ...]:
    enrol(engine, found, folder)
    return judge_claims(load(url, found.imported.study.name))


def numbers(verdict: ClaimVerdict) -> tuple[object, ...]:
    values = (verdict.estimate, verdict.low, verdict.high, verdict.percent, verdict.p_adjusted)
    return verdict.id, verdict.verdict, verdict.n, *(f"{value:.10g}" for value in values)


def loss(lr: float, optimizer: str, task: str, seed: int) -> float:
    noise = math.sin(1e4 * lr + 7 * seed + len(optimizer) + (task == "b"))
    return 1 + lr - 0.05 * (optimizer == "adam") + 0.3 * (task == "b") + 0.02 * seed + 0.004 * noise


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    rows = [
        {"lr": lr, "optimizer": optimizer, "task": task, "seed": seed, "loss": loss(lr, optimizer, task, seed)}
        for lr in (0.1, 0.01, 0.001) for optimizer in ("sgd", "adam") for task in ("a", "b") for seed in range(4)
        if (lr, optimizer, seed) != (0.001, "adam", 3)
    ]  # fmt: skip
    return write_csv(tmp_path / "runs.csv", rows)


@pytest.mark.parametrize("strata", [(), ("task",)])
def test_an_imported_study_has_the_verdicts_of_judge(
    engine: Engine, url: str, tmp_path: Path, runs: Path, strata: tuple[str, ...]
) -> None:
    found = read(runs, "loss", strata=strata)
    claims: list[dict[str, Any]] = []
    for claim in found.imported.study.claims:
        document: Any = next(each for each in _documents(found) if each["id"] == claim.id)
        contrast = {key: value for key, value in document["contrast"].items() if key != "phase"}
        claims.append({"id": claim.id, "contrast": contrast, "expect": document["expect"]})
    frame = found.frame
    of_frame = sweeper.judge(frame, metric="loss", factors=found.factors, strata=found.strata, claims=claims)
    of_study = judged(engine, url, found, tmp_path)
    assert [numbers(each) for each in of_study] == [numbers(each) for each in of_frame]
    assert {each.verdict for each in of_study} >= {"supported"}
    assert all(each.is_exploratory for each in of_study)
    blocks = found.imported.study.phases[0].blocks
    assert blocks == strata
    parts = strata_of(load(url, found.imported.study.name))
    assert [(part.label, len(part.trials)) for part in parts] == (
        [("a", 23), ("b", 23)] if strata else [("all trials", 46)]
    )


def _documents(found: ImportedRuns) -> list[Any]:
    document: list[Any] = yaml.safe_load(found.study_file)["claims"]
    return document


def test_read_is_the_same_road_in_python(runs: Path) -> None:
    found = sweeper.read(runs, metric="loss", strata=["task"])
    assert (found.factors, found.strata) == (("lr", "optimizer"), ("task",))
    claim = {"id": "adam", "contrast": {"factor": "optimizer", "from": "sgd", "to": "adam"}, "expect": "decrease"}
    (verdict,) = sweeper.judge(found.frame, metric="loss", factors=found.factors, strata=found.strata, claims=[claim])
    assert verdict.verdict == "supported"
    assert any("lr = 0.001, optimizer = adam" in note for note in found.notes)


def test_no_ledger_is_invented(engine: Engine, url: str, tmp_path: Path, runs: Path) -> None:
    enrol(engine, read(runs, "loss"), tmp_path)
    data = load(url, "x")
    assert len(data.attempts) == 0
    assert data.trials["started_at"].isna().all()
    assert data.trials["ended_at"].isna().all()
    assert (data.trials["device_seconds"] == 0).all()
    assert data.study.phases[0].budget.unit == "runs"


def test_runs_of_a_study_file_become_results_of_its_trials_and_the_others_wait(
    engine: Engine, url: str, tmp_path: Path, runs: Path
) -> None:
    text = """
study: given
metric: {name: loss, direction: minimize, value: last}
trial: {program: {command: [python, train.py, "{seed}", "{lr}", "{optimizer}", "{task}"]}, config: {task: a}}
factors:
  lr: {levels: [0.1, 0.01, 0.001]}
  optimizer: {levels: [sgd, adam]}
  task: {levels: [a, b]}
phases:
  - {name: base, design: {list: [{}]}, seeds: 5}
  - {name: all, design: grid, factors: [lr, optimizer], seeds: 3}
"""
    study = parse_study(text, "given.yaml")
    found = read_for_study("csv", str(runs), Wanted(metric="loss"), study)
    states = {trial.phase: [0, 0] for trial in found.imported.plan.trials}
    for trial in found.imported.plan.trials:
        states[trial.phase][(trial.phase, trial.number) in found.imported.results] += 1
    assert states == {"base": [1, 4], "all": [0, 15]}  # seed 4 of the baseline; all but the baseline's three
    assert any("not in the plan of given.yaml, and are left out" in note for note in found.notes)
    enrol(engine, found, tmp_path)
    trials = load(url, "given").trials
    assert trials["state"].value_counts().to_dict() == {"completed": 19, "waiting": 1}
    row = trials[(trials["phase"] == "all") & (trials["lr"] == 0.01) & (trials["optimizer"] == "adam")]
    assert list(row["value"]) == [loss(0.01, "adam", "a", seed) for seed in range(3)]


def test_two_studies_of_one_name_are_refused(engine: Engine, tmp_path: Path, runs: Path) -> None:
    found = read(runs, "loss")
    enrol(engine, found, tmp_path)
    with pytest.raises(sweeper.errors.UsageError, match=r"--as: the store has a study 'x' already. Choose another"):
        enrol(engine, found, tmp_path)


def test_strata_that_vary_within_pairs_are_the_reason_with_the_options_of_import(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    rows = [{"lr": lr, "gpu": "ab"[(seed + (lr > 0.1)) % 2], "seed": seed, "loss": 1 - lr + seed / 9 + lr * seed / 70}
            for lr in (0.1, 0.2) for seed in range(4)]  # fmt: skip
    found = read(write_csv(tmp_path / "runs.csv", rows), "loss", strata=["gpu"])
    (verdict,) = judged(engine, url, found, tmp_path)
    assert verdict.verdict in ("undecided", "untested")
    assert (
        "those with the same seed differ in gpu too; if gpu is no setting, import the runs again with --factors lr and "
        "without these strata; else add runs in which lr changes on its own"
    ) in verdict.sentence
    alone = read(tmp_path / "runs.csv", "loss", factors=["lr"])
    assert sweeper.judge(alone.frame, metric="loss", factors=["lr"], claims=_documents(alone))[0].n == 4


def test_verdicts_on_imported_runs_note_those_that_were_averaged(engine: Engine, url: str, tmp_path: Path) -> None:
    rows = [{"lr": lr, "seed": seed, "loss": lr + seed / 10 + lr * seed / 90} for lr in (1, 2) for seed in range(3)]
    found = read(write_csv(tmp_path / "runs.csv", [*rows, {"lr": 1, "seed": 2, "loss": 5}]), "loss")
    (verdict,) = judged(engine, url, found, tmp_path)
    assert any("2 trials share configuration and seed" in note and "lr = 1, seed 2" in note for note in verdict.notes)
