"""Test that the trainer's commands end well if their output has no reader, or no room."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from trainer import command_line
from trainer.corpora import fetch
from trainer.streams import say

FULL = Path("/dev/full")
CONFIG = {
    "data": {"max_train_tokens": 600, "vocabulary_size": 50, "batch_size": 4, "target_length": 10},
    "model": {"layers": 1, "d_model": 8, "heads": 2, "memory_length": 0},
    "evaluation": {"times": 2, "final_tokens": 400},
    "budget": {"steps": 2},
    "threads": 1,
    "device": "cpu",
}

needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")


def unread() -> TextIO:
    """A stream whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def full() -> TextIO:
    return FULL.open("w")


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> Iterator[TextIO]:
    opened: TextIO = request.param()
    yield opened
    opened.close()  # which fails if the stream still holds what it cannot write


def train(tmp_path: Path) -> Path:
    path, folder = tmp_path / "config.yaml", tmp_path / "run"
    path.write_text(json.dumps(CONFIG))
    assert command_line.main([str(path), "--run-dir", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("stream", [unread, pytest.param(full, marks=needs_full)], indirect=True)
def test_a_run_completes_although_its_progress_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: TextIO
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    folder = train(tmp_path)
    assert json.loads((folder / "result.json").read_text())["outcome"] == "completed"


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("stream", [unread], indirect=True)
def test_an_ensemble_whose_reader_has_left_is_no_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stream: TextIO,
    options: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = train(tmp_path)
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdout", stream)
    assert command_line.main(["ensemble", str(folder), *options]) == 0
    assert capsys.readouterr().err == ""


@needs_full
@pytest.mark.parametrize("stream", [full], indirect=True)
def test_an_output_that_is_full_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: TextIO, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = train(tmp_path)
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdout", stream)
    assert command_line.main(["ensemble", str(folder)]) == 1
    assert capsys.readouterr().err == (
        "trainer: standard output cannot be written: no space left on device. Send it elsewhere, or make room, then "
        "run it again.\n"
    )


@pytest.mark.parametrize("command", [command_line.main, fetch.main])
@pytest.mark.parametrize("stream", [unread], indirect=True)
def test_help_whose_reader_has_left_is_no_error(
    monkeypatch: pytest.MonkeyPatch, stream: TextIO, command: Callable[[list[str]], int]
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit) as left:
        command(["--help"])
    assert left.value.code == 0


def test_a_line_for_a_closed_stream_does_not_go_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    say("progress")
    assert capsys.readouterr().out == ""
