"""Test that an empty file of a corpus is reported before anything runs, at its place in the study file."""

from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.spec.load import load_study

STUDY = """\
study: texts
metric: {name: valid_perplexity, direction: minimize}
trial:
  program: trainer
  config:
    data: {corpus: folder, folder: text}
factors:
  dropout: {path: regularization.dropout, levels: [0.0, 0.1]}
phases:
  - {name: p, design: grid, seeds: 1, budget: {steps: 4}}
"""


def test_an_empty_text_is_reported_once_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY)
    load_study(Path("study.yaml"))  # the directory may exist only where the trials run
    Path("text").mkdir()
    for part in ("train", "test"):
        Path("text", f"{part}.txt").write_text("the cat\n")
    load_study(Path("study.yaml"))
    Path("text", "valid.txt").touch()
    with pytest.raises(UsageError) as caught:
        load_study(Path("study.yaml"))
    assert str(caught.value) == (
        "study.yaml:6:36: trial.config.data.folder: text/valid.txt is empty. Fill it, or use another directory."
    )
