"""Studies whose trials all fail in the same way."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cases.conftest import Sweeper

STUDY = """study: case
metric: {name: loss, direction: minimize}
trial:
  program: {command: ["{python}", t.py, "{lr}"], metrics: {loss: 'loss (\\S+)'}}
  config: {lr: 1}
factors: {lr: {path: lr, levels: [1, 2, 3, 4, 5, 6]}}
phases: [{name: p, design: grid, seeds: 1, budget: {steps: 1}}]
"""
CAUSE = "exit code 1: ModuleNotFoundError: No module named 'json_of_another_world'"


def num_attempts(sweeper: Sweeper) -> int:
    return len(json.loads(sweeper("export", "case", "--table", "attempts", "--format", "json").out))


def make_all_due() -> None:
    """Let no retry wait any longer, so that which trials start next does not depend on the time."""
    with closing(sqlite3.connect("sweeper.db")) as store, store:
        assert store.execute("UPDATE sweeper_trials SET not_before = 0").rowcount == 6


def test_a_launch_ends_after_three_trials_that_fail_alike_and_resumes_once_the_cause_is_fixed(
    sweeper: Sweeper, written: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    written(STUDY, t="import json_of_another_world")
    answer = sweeper("launch", "study.yaml", "--slots", "1")
    assert answer.code == 1
    assert (answer.out + answer.err + caplog.text).count(CAUSE) == 1
    assert "3 trials failed alike (p/0, p/1, p/2), and none got further. No further trial" in caplog.text
    assert answer.out.startswith("case: 0 completed, 6 left (3 to be retried); ")
    assert answer.out.splitlines()[1:] == [
        f"3 trials are to be retried (p/0, p/1, p/2): {CAUSE}",
        "  sweeper show case p/0",
        "Once the cause is fixed, resume: sweeper launch study.yaml",
        "To start the other trials anyway: sweeper launch study.yaml --keep-going",
    ]
    assert num_attempts(sweeper) == 3
    assert sweeper("show", "case").out == "".join(f"{line}\n" for line in answer.out.splitlines()[1:3])
    (found,) = json.loads(sweeper("show", "case", "--json").out)["failures"]
    assert (found["cause"], found["failed"], found["waiting"]) == (CAUSE, 0, 3)
    assert found["trials"] == ["p/0", "p/1", "p/2"]
    Path("t.py").write_text("import sys; print('loss', sys.argv[1])")
    assert sweeper("launch", "study.yaml", "--slots", "1").code == 0
    assert num_attempts(sweeper) == 9
    assert sweeper("show", "case").out == "case: no trial has failed. To see one: sweeper show case PHASE/NUMBER\n"


def test_the_end_of_a_launch_counts_failed_trials_once_and_apart_from_those_to_be_retried(
    sweeper: Sweeper, written: Callable[..., None]
) -> None:
    written(STUDY.replace("config: {lr: 1}", "config: {lr: 1}\nretry: {crashed: 1}"), t="raise SystemExit(4)")
    for _ in range(2):  # the second uses up the retries of three trials
        sweeper("launch", "study.yaml", "--slots", "1")
        make_all_due()
    answer = sweeper("launch", "study.yaml", "--slots", "1")
    assert answer.out.startswith("case: 0 completed, 3 failed (3 crashed), 3 left (3 to be retried); ")
    assert "\n3 trials failed, 3 are to be retried (p/0, p/1, p/2, p/3, p/4, …): exit code 4\n" in answer.out
    counts = json.loads(sweeper("status", "case", "--json").out)
    assert (counts["failed"], counts["waiting"]) == (3, 3)


def test_an_arm_that_fails_does_not_end_a_study_whose_others_work(
    sweeper: Sweeper, written: Callable[..., None]
) -> None:
    study = STUDY.replace(
        "{lr: {path: lr, levels: [1, 2, 3, 4, 5, 6]}}", "{lr: {levels: [1, 2]}, wd: {levels: [0, 1, 2]}}"
    )
    written(
        study.replace("config: {lr: 1}", "config: {lr: 1, wd: 0}\nretry: {crashed: 0}"),
        t="import sys; lr = int(sys.argv[1])\nassert lr > 1, 'too small'\nprint('loss', lr)",
    )
    answer = sweeper("launch", "study.yaml", "--slots", "1")
    assert answer.code == 1
    assert "case: 3 completed, 3 failed (3 crashed)" in answer.out
    assert "3 trials failed (p/0, p/1, p/2): exit code 1: AssertionError: too small" in answer.out


def test_keep_going_starts_every_trial(sweeper: Sweeper, written: Callable[..., None]) -> None:
    written(STUDY.replace("config: {lr: 1}", "config: {lr: 1}\nretry: {crashed: 0}"), t="raise SystemExit(4)")
    answer = sweeper("launch", "study.yaml", "--slots", "1", "--keep-going")
    assert answer.code == 1
    assert "case: 0 completed, 6 failed (6 crashed)" in answer.out
    assert "6 trials failed (p/0, p/1, p/2, p/3, p/4, …): exit code 4" in answer.out
    assert "sweeper retry case" in answer.out
    assert "--keep-going" not in answer.out + answer.err
