"""Standard streams that are closed or full: the command works without them, or says what it could not write."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sweeper.execution.slots.studies import trials_of

STUDY = """
study: streams
metric: {name: loss, direction: minimize}
trial:
  program:
    command: ["{python}", -c, "print('loss=%r' % ({v} + 0.5))"]
    metrics: {loss: 'loss=(\\S+)'}
  config: {v: 1}
factors: {v: {path: v, levels: [1, 2]}}
phases: [{name: p, design: grid, seeds: 1, budget: {steps: 1}}]
"""
FULL = Path("/dev/full")


def shell(line: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which `sweeper` is our command."""
    script = f'sweeper() {{ "{sys.executable}" -m sweeper "$@"; }}\n{line}'
    environment = {**os.environ, "SWEEPER_RUNS": str(cwd / "runs"), **settings}
    return subprocess.run(["sh", "-c", script], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_launch_runs_without_the_standard_streams(study: Path, closed: str) -> None:
    launched = shell(f"sweeper launch study.yaml --slots 1 {closed}", study)
    assert launched.returncode == 0, launched.stderr
    assert [trial.state for trial in trials_of(f"sqlite:///{study / 'sweeper.db'}")] == ["completed"] * 2


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_launch_runs_although_its_notes_cannot_be_written(study: Path) -> None:
    launched = shell("sweeper launch study.yaml --slots 1 2>/dev/full", study)
    assert launched.returncode == 0
    assert "2 completed" in launched.stdout


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["schema", "plan study.yaml", "--help"])
def test_a_full_output_is_said_in_one_sentence(study: Path, command: str, unbuffered: str) -> None:
    answer = shell(f"sweeper {command} >/dev/full", study, PYTHONUNBUFFERED=unbuffered)
    assert answer.returncode == 1
    assert answer.stderr == (
        "standard output cannot be written: no space left on device. "
        "Send it elsewhere, or make room, then run it again\n"
    )


def test_an_output_that_is_open_for_reading_only_is_said_in_one_sentence(study: Path) -> None:
    answer = shell("sweeper schema 1</dev/null", study)
    assert answer.returncode == 1
    assert answer.stderr.startswith("standard output cannot be written: bad file descriptor.")
