"""A program that ends by itself needs no budget: planned, piloted, run and reported as its own length."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweeper.cli.conftest import Answer

STUDY = """
study: own
metric: {{name: loss, direction: minimize}}
trial:
  program:
    command: ['{python}', train.py, '{{lr}}', '{{seed}}']
    metrics: {{loss: 'loss=(\\S+)'}}
  config: {{lr: 0.1}}
factors: {{lr: {{levels: [0.1, 0.2]}}}}
phases: [{{name: a, design: grid, seeds: 2}}]
"""


def test_a_program_of_its_own_length_is_piloted_run_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sweeper: Callable[..., Answer], url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(
        "import os, sys\nprint(f'loss={float(sys.argv[1]) + int(sys.argv[2]) / 100}', os.environ['SWEEPER_BUDGET'])\n"
    )
    Path("study.yaml").write_text(STUDY.format(python=sys.executable))
    assert "its own length" in sweeper("plan", "study.yaml", "--store", url).out
    answer = sweeper("launch", "study.yaml", "--pilot", "--slots", "1", "--store", url)
    assert (answer.code, "4 completed" in answer.out) == (0, True), answer
    output = next(tmp_path.rglob("a/00000/output.log")).read_text()
    assert "{}" in output  # the budget that the program gets
    planned = json.loads(sweeper("plan", "study.yaml", "--json", "--store", url).out)
    assert planned["device_hours"] > 0
    assert sweeper("report", "own", "--out", "report", "--format", "html", "--store", url).code == 0
    assert "its own length" in Path("report/report.html").read_text()
