"""`make gpu-recipe` continues where the last call stopped, with only the packages that a bare GPU machine gets."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.gpu import recipe
from benchmarks.gpu.choices import chosen

ROOT = Path(__file__).parents[2]
NUM_TRIALS = 5
# Finds no package of a set, as if none of them were installed.
BLOCKER = """
import sys
from importlib.machinery import PathFinder
class Blocker(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in BLOCKED else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Blocker
"""


def closure(package: str) -> set[str]:
    """Return a package and all that it requires, as far as it is installed."""
    found, waiting = set[str](), [package]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needs = [Requirement(each) for each in requires(name) or []]
        except PackageNotFoundError:
            continue
        waiting += [
            canonicalize_name(each.name) for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
    return found


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the processes of a test no packages but the wheels of the Makefile, PyTorch and NumPy."""
    listed = re.search(r"^GPU_PACKAGES := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed is not None
    admitted = {*listed[1].split("|"), "numpy", "editables", "sweeper", *closure("torch")}
    names = packages_distributions()
    blocked = {name for name, owners in names.items() if not admitted & {canonicalize_name(each) for each in owners}}
    assert {"pandas", "scipy", "pytest", "safetensors", "tokenizers"} <= blocked
    assert not {"torch", "numpy", "sqlalchemy", "yaml", "sweeper"} & blocked
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(f"BLOCKED = {blocked!r}\n{BLOCKER}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "bare"), str(ROOT)]))


def completed(store: Path) -> set[int]:
    """Return the completed trials of a store."""
    if not store.exists():
        return set()
    with closing(sqlite3.connect(store)) as connection:
        try:
            found = connection.execute("SELECT id FROM sweeper_trials WHERE state = 'completed'").fetchall()
        except sqlite3.OperationalError:  # the tables are still being made
            return set()
    return {row[0] for row in found}


@pytest.mark.usefixtures("bare")
def test_calls_on_bare_machines_complete_the_study(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("GRACE_S", "EXPORT_S"):
        monkeypatch.setattr(recipe, limit, 600.0)  # on a busy machine
    here, there = (recipe.Folders(tmp_path / name / "kept", tmp_path / name / "work") for name in ("here", "there"))
    none = tmp_path / "none.json"
    assert recipe.run(here, none, quick=True, stop=lambda: len(completed(here.store)) >= 1) == 0
    before = completed(here.kept / "sweeper.db")
    assert 1 <= len(before) < NUM_TRIALS
    output = capfd.readouterr().out
    assert f"{none} has no measurements of a GPU: precision: bf16, gpus_per_trial: 0.5 as in the study" in output
    assert f"Time is up. The next call continues from {here.kept}: take this folder there." in output
    assert "Tables were not written here: sweeper: internal error: ModuleNotFoundError: No module named " in output
    assert f"sweeper export wt2-gpu --all --store sqlite:///{here.kept}/sweeper.db" in output
    assert sorted(path.name for path in here.kept.iterdir()) == ["study.yaml", "sweeper.db"]
    assert sum(path.stat().st_size for path in here.kept.iterdir()) < 2**20

    shutil.move(here.kept, there.kept)  # to a machine that has nothing else, where checkpoints are missing
    shutil.rmtree(here.work)
    assert recipe.run(there, none, quick=True, stop=lambda: False) == 0
    after = completed(there.kept / "sweeper.db")
    assert before < after
    assert len(after) == NUM_TRIALS
    launched = capfd.readouterr().out
    assert "5 completed" in launched

    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # at home, where sweeper is installed
    recipe._write_tables(there)
    judged = subprocess.run(
        recipe.sweeper("claims", "--from", str(there.kept / "results"), "--json"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert len(json.loads(judged.stdout)["claims"]) == 5
    with (there.kept / "results" / "measurements.csv").open() as file:
        assert sum("test_perplexity" in line for line in file) >= NUM_TRIALS


def test_the_store_is_copied_while_it_is_written_to(tmp_path: Path) -> None:
    folders = recipe.Folders(tmp_path / "kept", tmp_path / "work")
    folders.kept.mkdir()
    folders.work.mkdir()
    recipe.keep(folders)
    assert not list(folders.kept.iterdir())
    with closing(sqlite3.connect(folders.store)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE numbers (number)")
        writer.execute("INSERT INTO numbers VALUES (1)")
        writer.commit()
        writer.execute("INSERT INTO numbers VALUES (2)")
        recipe.keep(folders)
        writer.rollback()
    assert [path.name for path in folders.kept.iterdir()] == ["sweeper.db"]
    with closing(sqlite3.connect(folders.kept / "sweeper.db")) as kept:
        assert kept.execute("SELECT number FROM numbers").fetchall() == [(1,)]


def test_without_a_gpu_it_says_so_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert recipe.main(["--kept", "kept"]) == 2
    output = capsys.readouterr()
    assert not output.out
    assert output.err.startswith("There is no CUDA device here: PyTorch ")
    assert "are needed for the hours of training of wt2-gpu.yaml, some minutes a call" in output.err
    trial = "python -m benchmarks.gpu.recipe --quick --kept build/tried"
    assert output.err.endswith(f"To try the program on a CPU: {trial}\n")
    assert trial in (ROOT / "docs" / "reproduce.md").read_text()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("minutes", ["0", "-3", "0.5", "nan", "inf", "nine"])
def test_a_call_needs_some_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], minutes: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        recipe.main(["--quick", "--kept", "kept", f"--minutes={minutes}"])
    assert ended.value.code == 2
    assert f"--minutes: {minutes!r} is not a number of minutes above 0.75" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_text_that_is_not_the_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("SWEEPER_DATA", str(tmp_path))
    folder = tmp_path / "wikitext-2"
    folder.mkdir()
    for part in ("train", "valid", "test"):
        (folder / f"{part}.txt").write_text(" = A heading = \n some words \n")
    assert recipe.main(["--kept", str(tmp_path / "kept")]) == 2
    error = capsys.readouterr().err
    assert "34a77ebe59551b3a3b3d8c0a2797c976" in error
    assert str(folder / "train.txt") in error
    assert not (tmp_path / "kept").exists()


def measured(path: Path, device: str | None = "NVIDIA H200", problem: bool = False) -> Path:
    """Write figures as gpu-check does."""
    modes = [("fp32", 1e5), ("bf16", 2e5), ("mixed", 3e5), ("bf16, compiled", 9e5)]
    packed = [("recipe", 1, 2e5), ("recipe", 2, 3e5), ("recipe", 4, 5e5), ("replica", 2, 9e9)]
    figures = {
        "device": device,
        "modes": [{"mode": mode, "tokens_per_second": None if problem else speed} for mode, speed in modes],
        "packed": [
            {"shape": shape, "trials": number, "tokens_per_second": None if problem else speed}
            for shape, number, speed in packed
        ],
    }
    path.write_text(json.dumps({"figures": figures}))
    return path


def test_precision_and_trials_per_card_are_the_fastest_that_were_measured(tmp_path: Path) -> None:
    text = recipe.STUDY.read_text()
    study = yaml.safe_load(chosen(text, measured(tmp_path / "gpu.json"))[0])
    assert study["trial"]["config"]["precision"] == "mixed"
    assert study["resources"] == {"device": "cuda", "gpus_per_trial": 0.25}
    for unknown in (measured(tmp_path / "cpu.json", "cpu"), measured(tmp_path / "failed.json", problem=True)):
        assert chosen(text, unknown)[0] == text
    with pytest.raises(ValueError, match="must have 'precision: bf16' once"):
        chosen("study: another", tmp_path / "gpu.json")
