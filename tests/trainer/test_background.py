"""Test that checkpoints written in the background are those of their step, one at a time, and that errors surface."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.test_resume import SHORT, assert_same_run, metrics, run
from trainer import checkpoint, loop
from trainer.background import Background

CONFIG = SHORT | {"checkpoint": {"every_seconds": 1e6}}


@pytest.fixture
def background() -> Background:
    return Background(torch.device("cpu"))


def test_a_job_begins_when_the_one_before_has_ended(background: Background) -> None:
    events: list[str] = []
    gate = threading.Event()
    background.start(lambda: (gate.wait(), events.append("one ends")))
    starter = threading.Thread(target=lambda: background.start(lambda: events.append("two begins")))
    starter.start()
    events.append("training goes on")
    gate.set()
    starter.join()
    background.wait()
    assert events == ["training goes on", "one ends", "two begins"]


def failing() -> None:
    raise OSError("no space left")


@pytest.mark.parametrize("look", [Background.wait, Background.check, lambda each: each.start(lambda: None)])
def test_an_error_is_raised_once_by_whatever_looks_next(
    background: Background, look: Callable[[Background], None]
) -> None:
    background.start(failing)
    assert background._thread is not None
    background._thread.join()
    with pytest.raises(OSError, match="no space left"):
        look(background)
    background.check()
    background.wait()


def test_a_checkpoint_that_is_written_late_is_that_of_its_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole = run(tmp_path, CONFIG, "whole")
    step, save, gate = loop._step, checkpoint.save, threading.Event()
    gate.set()

    def stepping(run: loop.Run) -> None:
        if run.progress.step == 7:
            run.background.wait()  # for the checkpoint of the last evaluation
            gate.clear()
            loop.save(run)
        if run.progress.step == 9:
            gate.set()
            raise KeyboardInterrupt
        step(run)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "_step", stepping)
        patched.setattr(checkpoint, "save", lambda *given, **options: (gate.wait(), save(*given, **options)))
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, CONFIG, "cut")
    assert checkpoint.load(tmp_path / "cut" / "checkpoint.pt")["progress"]["step"] == 7
    run(tmp_path, CONFIG, "cut", "--resume")
    assert_same_run(whole, tmp_path / "cut")


def test_a_run_whose_checkpoint_cannot_be_written_ends_and_goes_on_from_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, whole = run(tmp_path, CONFIG, "whole")
    save, steps = checkpoint.save, []

    def saving(path: Path, state: dict[str, Any], **options: Any) -> None:
        if path.name == "checkpoint.pt":
            steps.append(state["progress"]["step"])
            if len(steps) == 2:
                failing()
        save(path, state, **options)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save", saving)
        code, cut = run(tmp_path, CONFIG, "cut")
    assert code == 1
    assert f"trainer: {cut}: a file cannot be read or written: no space left" in capsys.readouterr().err
    assert len(steps) == 2
    assert not (tmp_path / "cut" / "result.json").exists()
    assert checkpoint.load(tmp_path / "cut" / "checkpoint.pt")["progress"]["step"] == steps[0]
    run(tmp_path, CONFIG, "cut", "--resume")
    assert metrics(whole) == metrics(tmp_path / "cut")
