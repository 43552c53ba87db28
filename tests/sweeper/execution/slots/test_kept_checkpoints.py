"""Checkpoints of trials that have ended: which stay, and that no trial loses one that it needs."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from sweeper.execution.slots import kept_checkpoints
from sweeper.execution.slots.drawing import promotion_source
from sweeper.execution.slots.kept_checkpoints import (
    Keeper,
    checkpoint_files,
    needed_trials,
    resumable_files,
    superfluous,
)
from sweeper.execution.slots.sources import SourceMissing
from sweeper.spec.program import CommandProgram, PythonProgram, TrainerProgram
from sweeper.spec.study import Study
from sweeper.store.queue import deferred
from sweeper.store.reading import reader
from tests.sweeper.cli.conftest import Answer, sweeper
from tests.sweeper.execution.slots.studies import COMMAND, enrolled, launched, plan_of, run_loop, study_of, trials_of
from tests.sweeper.execution.slots.test_programs import lease_of
from tests.sweeper.store.builders import Plan, PlannedPhase
from trainer.request import BEST_FILE, CHECKPOINT_FILE, PREVIOUS_FILE, UNREADABLE_FILE

__all__ = ["sweeper"]

pytestmark = pytest.mark.usefixtures("no_process_left")

PROGRAM = {"command": COMMAND, "metrics": None, "checkpoint": "checkpoint.json"}
CONFIGS = [{"value": 0.3, "checkpoint": 1}, {"value": 0.1, "checkpoint": 1}, {"value": 0.2, "checkpoint": 1}]
CRASHING = {"checkpoint": 1, "crash_at": 3}


@pytest.fixture
def finished(url: str, tmp_path: Path) -> Path:
    """A study of three completed trials, the second the best, and one that failed; the directory of its phase."""
    study = enrolled(url, [*CONFIGS, CRASHING], trial={"program": PROGRAM}, retry={"crashed": 0})
    assert run_loop(url, study) == "done"
    assert [trial.state for trial in trials_of(url)] == ["completed"] * 3 + ["failed"]
    (folder,) = tmp_path.glob("runs/s/screen")
    assert left_in(folder) == [0, 1, 2, 3]
    return folder


def promoting(start: str) -> Study:
    screen, long = plan_of([{}], name="s").phases[0], {"promote": "screen", "top": 1, "from": start}
    return study_of(Plan("s", (screen, PlannedPhase("long", "promote", {"design": long}, (), ()))))


def left_in(folder: Path) -> list[int]:
    return sorted(int(path.parent.name) for path in folder.glob("*/checkpoint.json"))


@pytest.mark.parametrize(("rule", "dropped"), [("all", []), ("last", []), ("best", [0, 2]), ("none", [0, 1, 2])])
def test_a_rule_says_which_stay_and_a_failed_trial_s_always_do(
    finished: Path, url: str, rule: Any, dropped: list[int]
) -> None:
    found = superfluous(url, "s", rule)
    assert [int(each.path.parent.name) for each in found] == dropped
    assert all(each.size == each.path.stat().st_size for each in found)


def test_a_launch_keeps_what_its_study_says(url: str, tmp_path: Path) -> None:
    launched(url, CONFIGS, trial={"program": PROGRAM}, keep={"checkpoints": "best"})
    (folder,) = tmp_path.glob("*/s/screen")
    assert left_in(folder) == [1]
    assert len(list(folder.glob("*/metrics.jsonl"))) == 3


def test_what_does_not_stay_is_dropped_from_time_to_time(
    finished: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reader.connect(url) as connection:
        study = reader.study(connection, "s").study
    monkeypatch.setattr(kept_checkpoints, "EVERY_S", 0.0)
    Keeper(url, study).look()
    assert left_in(finished) == [0, 1, 2, 3]  # the study keeps all
    monkeypatch.setattr(kept_checkpoints, "superfluous", lambda *_: superfluous(url, "s", "none"))
    object.__setattr__(study.keep, "checkpoints", "none")
    Keeper(url, study).look()
    assert left_in(finished) == [3]


def test_the_trainer_s_last_checkpoint_is_not_its_best_weights() -> None:
    first, *others = checkpoint_files(TrainerProgram())
    assert first == "checkpoint.pt"
    assert {*others} == {PREVIOUS_FILE, UNREADABLE_FILE, BEST_FILE}
    assert resumable_files(TrainerProgram()) == (CHECKPOINT_FILE, PREVIOUS_FILE)
    for files in (checkpoint_files, resumable_files):
        assert files(CommandProgram(("x",), checkpoint="a/b.pt")) == ("a/b.pt",)
        assert files(CommandProgram(("x",))) == files(PythonProgram("m:f")) == ()


@pytest.mark.parametrize("there", [CHECKPOINT_FILE, PREVIOUS_FILE, UNREADABLE_FILE, BEST_FILE])
def test_a_trial_is_promoted_only_from_what_the_trainer_resumes_from(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, tmp_path: Path, there: str
) -> None:
    folder = tmp_path / "screen"
    folder.mkdir()
    (folder / there).touch()
    monkeypatch.setattr(deferred, "promoted_from", lambda *_: (folder, socket.gethostname()))
    source = promotion_source(engine, promoting("checkpoint").phase("long"), TrainerProgram(), lease_of(folder))
    assert source is not None
    if there in {CHECKPOINT_FILE, PREVIOUS_FILE}:
        source.check()
        return
    with pytest.raises(SourceMissing) as found:
        source.check()
    assert found.value.filename == str(folder / CHECKPOINT_FILE)
    assert found.value.remedy == "Restore it"


@pytest.mark.parametrize(
    ("start", "state", "folder", "is_needed"),
    [
        ("checkpoint", "waiting", "absent", True),
        ("checkpoint", "running", "absent", True),
        ("checkpoint", "running", ".", False),
        ("checkpoint", "failed", "absent", True),
        ("checkpoint", "failed", ".", False),
        ("checkpoint", "completed", "absent", False),
        ("scratch", "waiting", "absent", False),
    ],
)
@pytest.mark.usefixtures("finished")
def test_a_checkpoint_stays_until_those_promoted_from_it_have_their_copy(
    url: str, start: str, state: Any, folder: str, is_needed: bool
) -> None:
    study = promoting(start)
    first, second, *_ = trials_of(url)
    promoted = replace(second, phase="long", state=state)
    directories = {promoted.id: [Path(folder)]}
    found = needed_trials(study, [first, promoted], {"screen": (first.id,), "long": (promoted.id,)}, directories)
    assert found == ({first.id} if is_needed else set())


def test_gc_prints_deletes_and_names_what_it_cannot_know(
    finished: Path, url: str, sweeper: Callable[..., Answer]
) -> None:
    answer = sweeper("gc", "s", "--store", url)
    assert answer.code == 2
    assert "s: its study file keeps all checkpoints. Use --keep best, --keep last or --keep none." in answer.err
    answer = sweeper("gc", "s", "--keep", "best", "--dry-run", "--store", url)
    assert answer.code == 0
    assert answer.out.splitlines()[-1].startswith("s: would delete 2 checkpoints, ")
    assert str(finished / "00000" / "checkpoint.json") in answer.out
    assert left_in(finished) == [0, 1, 2, 3]
    answer = sweeper("gc", "s", "--keep", "best", "--store", url)
    assert answer.out.splitlines()[-1].startswith("s: deleted 2 checkpoints, ")
    assert left_in(finished) == [1, 3]
    assert sweeper("gc", "s", "--keep", "best", "--store", url).out == "s: deleted 0 checkpoints, 0 kB.\n"


def test_gc_of_a_program_whose_checkpoints_are_not_known_says_so(url: str, sweeper: Callable[..., Answer]) -> None:
    enrolled(url, [{}])
    answer = sweeper("gc", "s", "--keep", "none", "--store", url)
    assert answer.code == 2
    assert "s: the checkpoints of its program are not known. Name them in trial.program.checkpoint" in answer.err
