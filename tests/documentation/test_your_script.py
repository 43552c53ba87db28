"""The page on one's own script: its scripts and studies are taken from it and really run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.blocks import DOCS, blocks

PAGE = DOCS / "your-script.md"


def sweeper(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SWEEPER_STORE": "sqlite:///store.db", "OMP_NUM_THREADS": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"  # for `python`
    command = [sys.executable, "-m", "sweeper", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, env=environment, check=False
    )


def write_example(folder: Path, study: str) -> None:
    """The page's study of that name, and the Python files beside it."""
    scripts = {block.text.split()[1]: block.text for block in blocks(PAGE, "python")}
    (folder / "train.py").write_text(next(text for text in scripts.values() if "argparse" in text))
    (folder / "experiment.py").write_text(next(text for text in scripts.values() if text.startswith("def train")))
    (folder / "study.yaml").write_text(
        next(block.text for block in blocks(PAGE, "yaml") if f"study: {study}\n" in block.text)
    )


@pytest.mark.slow
def test_the_script_of_the_page_runs_unmodified(tmp_path: Path) -> None:
    write_example(tmp_path, "my-script")
    launched = sweeper(tmp_path, "launch", "study.yaml", "--slots", "1")
    assert launched.returncode == 0, launched.stderr
    assert "my-script: 4 completed" in launched.stdout
    trials = json.loads(sweeper(tmp_path, "export", "my-script", "--table", "trials", "--format", "json").stdout)
    # 4.0 less 1 % or 2 % of the distance to 2.0 a step, for 50 steps, and noise of 0.01 at the start.
    expected = {0.01: 2 + 2 * 0.99**50, 0.02: 2 + 2 * 0.98**50}
    assert len(trials) == 4
    for trial in trials:
        assert trial["valid_loss"] == pytest.approx(expected[trial["lr"]], abs=0.03)
    curve = json.loads(sweeper(tmp_path, "export", "my-script", "--table", "measurements", "--format", "json").stdout)
    assert sorted({row["step"] for row in curve}) == [10, 20, 30, 40, 50]
    assert sweeper(tmp_path, "claims", "my-script").returncode == 0


@pytest.mark.slow
def test_the_function_of_the_page_runs(tmp_path: Path) -> None:
    write_example(tmp_path, "my-function")
    launched = sweeper(tmp_path, "launch", "study.yaml", "--slots", "1")
    assert launched.returncode == 0, launched.stderr
    assert "my-function: 9 completed" in launched.stdout
