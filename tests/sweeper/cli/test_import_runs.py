"""`sweeper import`: runs of other tools are judged, reported, exported and replayed as a study's own are."""

import json
import re
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import yaml

from sweeper.importing.source_runs import FORMS
from sweeper.spec.load import load_study
from tests.sweeper.cli.conftest import Answer
from tests.sweeper.importing.builders import FIXTURES, write_csv

Sweeper = Callable[..., Answer]

IMPORT = ("import", "csv", "runs.csv", "--as", "mine", "--metric", "loss")

TRAIN = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int)
arguments = parser.parse_args()
print(f"loss={1 + arguments.lr + arguments.seed / 100 + (arguments.seed * 7 % 3) / 1000}")
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"lr": lr, "seed": seed, "loss": 1 + lr + seed / 100 + (seed * 7 % 3) / 1000}
        for lr in (0.1, 0.01)
        for seed in range(4)
        if (lr, seed) != (0.01, 3)
    ]
    return write_csv(tmp_path / "runs.csv", rows)


def test_runs_are_imported_and_every_command_has_them(sweeper: Sweeper, runs: Path, url: str) -> None:
    answer = sweeper(*IMPORT, "--write", "s.yaml", "--store", url)
    assert (answer.code, answer.out.splitlines()[0]) == (0, "mine: 7 runs from runs.csv: 7 completed.")
    assert "mine: runs.csv: lr = 0.01: no seed 3." in answer.err
    assert load_study(Path("s.yaml")).trial.is_imported

    claims = sweeper("claims", "mine", "--json", "--store", url)
    (verdict,) = json.loads(claims.out)["claims"]
    assert (claims.code, verdict["verdict"], verdict["exploratory"]) == (1, "refuted", True)
    assert verdict["exploratory_because"] == ["the claim was added after the first results of runs"]
    assert verdict["estimate"] == pytest.approx(0.09)  # from 0.01, the smallest of equally frequent numbers

    status = json.loads(sweeper("status", "mine", "--json", "--store", url).out)
    assert (status["planned"], status["completed"], status["device_hours"]) == (7, 7, 0)
    assert "loss: 1.1" in sweeper("show", "mine", "runs/0", "--store", url).out
    table = sweeper("export", "mine", "--table", "trials", "--store", url).out.splitlines()
    assert len(table) == 8
    assert sweeper("replay", "mine", "--seeds", "2", "--store", url).code == 0
    assert sweeper("report", "mine", "--out", "report", "--format", "html", "--store", url).code == 0
    page = Path("report/report.html").read_text()
    assert "its own length" in page
    assert "imported from another tool, so their device time is unknown" in page

    assert sweeper("export", "mine", "--all", "--out", "archive", "--store", url).code == 0
    (again,) = json.loads(sweeper("claims", "--from", "archive", "--json").out)["claims"]
    assert again["estimate"] == verdict["estimate"]


def test_json_says_what_was_found(sweeper: Sweeper, runs: Path, url: str) -> None:
    answer = sweeper(*IMPORT, "--json", "--store", url)
    found = json.loads(answer.out)
    assert found["phases"] == [{"name": "runs", "design": "grid"}]
    assert (found["runs"], found["completed"], found["factors"], found["seeds"]) == (7, 7, {"lr": 2}, 4)
    assert found["notes"] and all(note in answer.err for note in found["notes"])


def test_edited_claims_are_taken_over_without_a_program(sweeper: Sweeper, runs: Path, url: str) -> None:
    sweeper(*IMPORT, "--write", "s.yaml", "--store", url)
    document = yaml.safe_load(Path("s.yaml").read_text())
    document["claims"][0]["at_least"] = 0.2
    Path("s.yaml").write_text(yaml.safe_dump(document))
    answer = sweeper("launch", "s.yaml", "--extend", "--slots", "1", "--store", url)
    assert (answer.code, "7 completed" in answer.out) == (0, True)
    (verdict,) = json.loads(sweeper("claims", "mine", "--json", "--store", url).out)["claims"]
    assert verdict["verdict"] == "refuted"
    assert json.loads(sweeper("status", "mine", "--json", "--store", url).out)["planned"] == 7


def test_a_named_program_runs_what_is_missing(sweeper: Sweeper, runs: Path, url: str) -> None:
    sweeper(*IMPORT, "--write", "s.yaml", "--store", url)
    Path("train.py").write_text(TRAIN)
    document = yaml.safe_load(Path("s.yaml").read_text())
    command = [sys.executable, "train.py", "--lr", "{lr}", "--seed", "{seed}"]
    document["trial"]["program"] = {"command": command, "metrics": {"loss": r"loss=(\S+)"}}
    Path("s.yaml").write_text(yaml.safe_dump(document))
    refused = sweeper("launch", "s.yaml", "--slots", "1", "--store", url)
    assert (refused.code, "--extend" in refused.err) == (2, True)
    answer = sweeper("launch", "s.yaml", "--extend", "--slots", "1", "--store", url)
    assert (answer.code, "8 completed" in answer.out) == (0, True), answer
    table = sweeper("export", "mine", "--table", "trials", "--store", url).out.splitlines()
    rows = [row.split(",") for row in table[1:]]
    by_run = {(row[-1], row[4]): (row[6], float(row[-2])) for row in rows}
    assert by_run["0.01", "3"] == ("1", 1 + 0.01 + 0.03)  # a trial of ours, with an attempt
    assert by_run["0.01", "2"] == ("0", 1 + 0.01 + 0.02 + 2 / 1000)  # an imported one
    assert len({row[5] for row in rows}) == 2  # two configurations, whoever ran them
    (verdict,) = json.loads(sweeper("claims", "mine", "--json", "--store", url).out)["claims"]
    assert len(verdict["exploratory_because"]) == 2
    assert sweeper("launch", "s.yaml", "--slots", "1", "--store", url).code == 0  # nothing is left to run


def test_a_search_of_optuna_is_continued(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    study = optuna.create_study(study_name="tutorial", storage="sqlite:///study.db")
    study.optimize(lambda trial: 1 + trial.suggest_float("lr", 0.001, 0.1, log=True), n_trials=5)
    arguments = ("import", "optuna", "sqlite:///study.db", "--as", "search", "--metric", "loss", "--write", "s.yaml")
    assert sweeper(*arguments, "--store", url).code == 0
    Path("train.py").write_text(TRAIN)
    document = yaml.safe_load(Path("s.yaml").read_text())
    command = [sys.executable, "train.py", "--lr", "{lr}", "--seed", "{seed}"]
    document["trial"]["program"] = {"command": command, "metrics": {"loss": r"loss=(\S+)"}}
    document["phases"][0]["design"]["trials"] = 7
    Path("s.yaml").write_text(yaml.safe_dump(document))
    answer = sweeper("launch", "s.yaml", "--extend", "--slots", "1", "--store", url)
    assert (answer.code, "7 completed" in answer.out) == (0, True), answer


@pytest.mark.parametrize(
    ("form", "source"), [("tensorboard", "tensorboard"), ("mlflow", "mlflow.db"), ("wandb", "wandb")]
)
def test_what_tools_keep_is_judged(sweeper: Sweeper, tmp_path: Path, url: str, form: str, source: str) -> None:
    metric = "val/loss" if form == "tensorboard" else "val_loss"
    place = FIXTURES / source
    if form == "mlflow":
        place = tmp_path / source
        with sqlite3.connect(place) as connection:
            connection.executescript((FIXTURES / "mlflow.sql").read_text())
        connection.close()
    answer = sweeper("import", form, str(place), "--as", "theirs", "--metric", metric, "--store", url)
    assert answer.code == 0, answer
    (verdict,) = json.loads(sweeper("claims", "theirs", "--json", "--store", url).out)["claims"]
    assert verdict["verdict"] in ("supported", "refuted") or form == "wandb"  # of two seeds
    assert abs(verdict["estimate"]) == pytest.approx(0.09, abs=0.01)
    assert sweeper("show", "theirs", "runs/0", "--store", url).code == 0


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["csv", "runs.csv", "--metric", "loss"], ["--as is missing", "--study"]),
        (["csv", "runs.csv", "--as", "x"], ["--metric is missing"]),
        (["csv", "none.csv", "--as", "x", "--metric", "loss"], ["none.csv: no such file"]),
        (["csv", ".", "--as", "x", "--metric", "loss"], [".: is a directory. Name a file with one row per run"]),
        (["csv", "runs.csv", "--as", "a/b", "--metric", "loss"], ["--as: 'a/b' contains '/'"]),
        (["csv", "runs.csv", "--as", "x", "--metric", "loss", "--only", "y"], ["--only: csv has no studies"]),
        (["csv", "runs.csv", "--as", "x", "--metric", "loss", "--write", "s.txt"], ["--write s.txt", "s.yaml"]),
        (["csv", "runs.csv", "--as", "x", "--metric", "loss", "--write", "old.yaml"], ["old.yaml: already exists"]),
        (["csv", "runs.csv", "--as", "x", "--metric", "loss", "--factors", ","], ["--factors", "has no names"]),
        (["xml", "runs.csv", "--as", "x", "--metric", "loss"], ["'xml' is not one of 'csv'"]),
        (["csv", "runs.csv", "--study", "old.yaml", "--metric", "los"], ["--metric los: old.yaml has loss"]),
        (["csv", "runs.csv", "--study", "old.yaml", "--factors", "lr"], ["--factors and --study"]),
        (["csv", "runs.csv", "--study", "old.yaml"], ["runs.csv: has none of the factors of old.yaml: depth"]),
        (["tensorboard", ".", "--as", "x", "--metric", "loss"], [".: has no event files"]),
        (["tensorboard", "runs.csv", "--as", "x", "--metric", "loss"], ["runs.csv: is a file. Name the directory"]),
        (["wandb", ".", "--as", "x", "--metric", "loss"], [".: has no runs of W&B"]),
        (["mlflow", ".", "--as", "x", "--metric", "loss"], [".: MLflow has no runs here"]),
        (["parquet", "runs.csv", "--as", "x", "--metric", "loss"], ["runs.csv: is not Parquet"]),
        (["jsonl", "runs.csv", "--as", "x", "--metric", "loss"], ["runs.csv:1: is not JSON"]),
    ],
)
def test_mistakes_write_nothing(sweeper: Sweeper, runs: Path, arguments: list[str], parts: list[str]) -> None:
    Path("old.yaml").write_text(
        "study: old\nmetric: {name: loss, direction: minimize}\n"
        'trial: {program: {command: [echo, "{depth}"]}}\n'
        "factors: {depth: {levels: [1, 2]}}\nphases: [{name: a, design: grid}]\n"
    )
    answer = sweeper("import", *arguments)
    assert answer.code == 2
    assert [part for part in parts if part not in answer.err] == [], answer.err
    assert not Path("sweeper.db").exists()


SOURCES = ("absent", "directory", "exported", "empty", "text")
SENTENCES = re.compile(r"([^\n]+: [^\n]+[^.]\. [A-Z][^\n]*\.\n)+")  # what is wrong, then what to do


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("form", FORMS)
def test_a_source_that_holds_no_runs_is_named_for_what_it_is(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("directory").mkdir()
    Path("exported").mkdir()
    Path("exported/trials.parquet").touch()
    Path("empty").touch()
    Path("text").write_text("{broken")
    answer = sweeper("import", form, source, "--as", "x", "--metric", "loss")
    assert (answer.code, answer.out) == (2, "")
    assert SENTENCES.fullmatch(answer.err), answer.err
    assert answer.err.startswith(source)
    assert answer.err.startswith(f"{source}: no such") == (source == "absent"), answer.err
    assert not Path("sweeper.db").exists()


@pytest.mark.parametrize(
    ("form", "remedy"),
    [
        ("parquet", "Name its table of trials, kept/trials.parquet."),
        ("jsonl", "Name its table of trials, kept/trials.parquet, whose format is parquet."),
    ],
)
def test_of_an_exported_directory_the_table_of_trials_is_named(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, remedy: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kept").mkdir()
    Path("kept/trials.parquet").touch()
    answer = sweeper("import", form, "kept", "--as", "x", "--metric", "loss")
    assert (answer.code, answer.err) == (2, f"kept: is a directory. {remedy}\n")


def test_a_name_is_taken_once(sweeper: Sweeper, runs: Path, url: str) -> None:
    assert sweeper(*IMPORT, "--store", url).code == 0
    answer = sweeper(*IMPORT, "--write", "s.yaml", "--store", url)
    assert (answer.code, "--as: the store has a study 'mine' already" in answer.err) == (2, True)
    assert not Path("s.yaml").exists()


def test_imported_runs_cannot_be_launched_where_they_are_not(sweeper: Sweeper, runs: Path, url: str) -> None:
    sweeper(*IMPORT, "--write", "s.yaml", "--store", url)
    answer = sweeper("launch", "s.yaml", "--store", "sqlite:///other.db")
    assert answer.code == 2
    assert "trial.program: 'imported' is no program that can run" in answer.err
    assert not Path("other.db").exists()


STUDY_OF_LISTS = """
study: lists
metric: {name: loss, direction: minimize}
trial: {program: {command: [python, train.py, "{args}"]}, config: {sizes: [8], norm: layer}}
factors:
  sizes: {levels: [[8], [8, 16], null]}
  norm: {levels: [layer, {kind: a, eps: 1e-6}]}
phases: [{name: p, design: grid, seeds: 3}]
claims:
  - {id: sizes, text: T., contrast: {phase: p, factor: sizes, from: [8], to: [8, 16]}, expect: decrease}
  - {id: norm, text: T., contrast: {phase: p, factor: norm, from: layer, to: {kind: a, eps: 1e-6}}, expect: decrease}
"""


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_an_export_of_a_study_with_lists_and_mappings_comes_back_whole(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, form: str
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install 'sweeper[parquet]')")
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY_OF_LISTS)
    norms = ("layer", {"kind": "a", "eps": 1e-6})
    levels = [(sizes, norm) for sizes in ([8], [8, 16], None) for norm in norms]
    runs = [{"sizes": sizes, "norm": norm, "seed": seed, "loss": 2 - place / 10 + seed / 7 + (place * seed) ** 2 / 97}
            for place, (sizes, norm) in enumerate(levels) for seed in range(3)]  # fmt: skip
    Path("runs.jsonl").write_text("".join(f"{json.dumps(run)}\n" for run in runs))

    def imported(kind: str, source: str, name: str) -> list[tuple[object, ...]]:
        answer = sweeper("import", kind, source, "--study", "study.yaml", "--as", name, "--store", url)
        assert (answer.code, answer.err, "18 completed" in answer.out) == (0, "", True), answer
        claims = json.loads(sweeper("claims", name, "--json", "--store", url).out)["claims"]
        return [tuple(claim[key] for key in ("id", "verdict", "estimate", "low", "high", "seeds")) for claim in claims]

    before = imported("jsonl", "runs.jsonl", "first")
    assert [verdict for _, verdict, *_ in before] != ["untested", "untested"]
    table = ("export", "first", "--table", "trials", "--format", form, "--out", f"t.{form}")
    assert sweeper(*table, "--store", url).code == 0
    assert imported("jsonl" if form == "json" else form, f"t.{form}", "again") == before
