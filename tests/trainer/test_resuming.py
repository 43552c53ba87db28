"""Test that a run resumes although its files are damaged, says from where, and ends with the same result."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.test_resume import SHORT, metrics, result, run
from trainer import checkpoint, loop
from trainer.errors import Stopped, TrainerError, Unreadable

UNDISTURBED = SHORT | {"evaluation": SHORT["evaluation"] | {"times": 1}, "checkpoint": {"every_seconds": 1000}}
STEPS = (5, 9)  # of the previous and of the newest checkpoint, when the run is cut


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    """Change one bit of a number in a tensor, which a reader without checksums takes as it is."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def stop() -> None:
    raise Stopped(15)


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run stopped at step 9, with a checkpoint of that step and the one before it."""
    step = loop._step

    def stopping(run: loop.Run) -> None:
        if run.progress.step == STEPS[0] and not (run.folder / "checkpoint.previous.pt").exists():
            loop.save(run)
        if run.progress.step == STEPS[1]:
            stop()
        step(run)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "_step", stopping)
        code, folder = run(tmp_path, UNDISTURBED, "cut")
    assert code == 143
    names = ("checkpoint.previous.pt", "checkpoint.pt")
    steps = [checkpoint.load(folder / name)["progress"]["step"] for name in names]
    assert steps == list(STEPS)
    return folder


def resumed_of(folder: Path) -> Any:
    return json.loads((folder / "result.json").read_text())["resumed"]


def check_same(tmp_path: Path, folder: Path, resumed: dict[str, Any]) -> None:
    """The run has the results of one that nothing happened to, and says how it resumed."""
    _, whole = run(tmp_path, UNDISTURBED, "whole")
    assert metrics(folder) == metrics(whole)
    document, expected = result(folder), result(whole)
    found = resumed_of(folder)
    assert {name: found[name] for name in resumed} == resumed
    assert document == expected


@pytest.mark.parametrize("damage", [truncate, empty, flip, Path.unlink])
def test_a_run_resumes_from_the_previous_checkpoint_if_the_newest_is_damaged(
    cut: Path, tmp_path: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(cut / "checkpoint.pt")
    code, folder = run(tmp_path, UNDISTURBED, "cut", "--resume")
    assert code == 0
    said = capsys.readouterr().err
    if damage is not Path.unlink:
        assert f"warning: {cut / 'checkpoint.pt'}: cannot be read as a checkpoint: " in said
        assert f"; resuming from checkpoint.previous.pt at step {STEPS[0]}" in said
        assert (folder / "checkpoint.unreadable.pt").exists()
    check_same(tmp_path, folder, {"from": "checkpoint.previous.pt", "step": STEPS[0]})
    assert not (folder / "checkpoint.previous.pt").exists()


def test_a_run_begins_anew_if_no_checkpoint_can_be_read(
    cut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(cut / "checkpoint.pt")
    empty(cut / "checkpoint.previous.pt")
    code, folder = run(tmp_path, UNDISTURBED, "cut", "--resume")
    assert code == 0
    assert "; beginning anew" in capsys.readouterr().err
    first = json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])
    assert first == {"resumed_from": 0}
    check_same(tmp_path, folder, {"from": None, "step": 0})


def test_a_run_begins_anew_if_its_best_weights_cannot_be_read(tmp_path: Path) -> None:
    _, folder = run(tmp_path, UNDISTURBED, "cut")
    truncate(folder / "best.pt")
    code, _ = run(tmp_path, UNDISTURBED, "cut", "--resume")
    assert code == 0
    check_same(tmp_path, folder, {"from": None, "step": 0})
    assert "best.pt: cannot be read as a checkpoint" in resumed_of(folder)["reason"]


def test_a_checkpoint_whose_metrics_are_missing_is_not_resumed_from(cut: Path, tmp_path: Path) -> None:
    (cut / "metrics.jsonl").unlink()
    code, folder = run(tmp_path, UNDISTURBED, "cut", "--resume")
    assert code == 0
    assert "metrics.jsonl: has 0 bytes, but checkpoint.pt" in resumed_of(folder)["reason"]
    check_same(tmp_path, folder, {"from": None, "step": 0})


def test_a_run_says_from_which_step_it_resumes(cut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, folder = run(tmp_path, UNDISTURBED, "cut", "--resume")
    assert code == 0
    assert "warning" not in capsys.readouterr().err
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["resumed_from"] for line in lines if "resumed_from" in line] == [STEPS[1]]
    check_same(tmp_path, folder, {"from": "checkpoint.pt", "step": STEPS[1], "reason": None})


def test_a_first_attempt_has_not_resumed(tmp_path: Path) -> None:
    _, folder = run(tmp_path, UNDISTURBED, "run", "--resume")
    assert resumed_of(folder) is None
    assert "resumed_from" not in (folder / "metrics.jsonl").read_text()


def test_a_damaged_checkpoint_does_not_replace_the_one_before_it(
    cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(cut / "checkpoint.pt")
    with monkeypatch.context() as patched:
        patched.setattr(loop, "_step", lambda _: stop())
        code, _ = run(tmp_path, UNDISTURBED, "cut", "--resume")
    assert code == 143
    flip(cut / "checkpoint.pt")  # the one that the stopped attempt wrote
    code, folder = run(tmp_path, UNDISTURBED, "cut", "--resume")
    assert code == 0
    check_same(tmp_path, folder, {"from": "checkpoint.previous.pt", "step": STEPS[0]})


def test_any_flipped_bit_of_a_checkpoint_is_seen_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    state = {"weights": torch.arange(500.0), "step": 3}
    checkpoint.save(path, state)
    good, found = path.read_bytes(), checkpoint.load(path)
    draw = random.Random(0)
    for _ in range(300):
        content = bytearray(good)
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        try:
            again = checkpoint.load(path)
        except TrainerError as error:
            assert isinstance(error, Unreadable) or "has format" in str(error)
        else:
            assert again["weights"].equal(found["weights"])
            assert again["step"] == 3
