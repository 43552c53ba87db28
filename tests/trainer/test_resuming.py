"""Test that a run resumes although its files are damaged, says from where, and ends with the same result."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.test_resume import SHORT, assert_equal_states, metrics, result, run
from trainer import checkpoint, loop
from trainer.errors import Stopped, TrainerError, Unreadable
from trainer.evaluation import Evaluation, EvaluationText
from trainer.run_state import Run

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

    def stopping(run: Run) -> None:
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


LOOKS = UNDISTURBED | {"evaluation": UNDISTURBED["evaluation"] | {"times": 4, "final_tokens": 500}}  # 3, 6, 9, 12


def cut_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], *steps: int, extra: str | None = None
) -> None:
    """Run in a folder with additional checkpoints at some steps, and stop at the last of them."""
    step = loop._step

    def stopping(run: Run) -> None:
        if run.progress.step == steps[-1]:
            stop()
        if run.progress.step in steps:
            loop.save(run)
        step(run)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "_step", stopping)
        code, _ = run(folder.parent, config, folder.name, *([] if extra is None else [extra]))
    assert code == 143


def check_as_uncut(tmp_path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Check that the run in `cut` has the results of one that nothing happened to; return how it resumed."""
    _, whole = run(tmp_path, config, "whole")
    assert metrics(tmp_path / "cut") == metrics(whole)
    assert result(tmp_path / "cut") == result(whole)
    for name in ("best.pt", "checkpoint.pt"):
        assert_equal_states(checkpoint.load(tmp_path / "cut" / name), checkpoint.load(whole / name))
    found = resumed_of(tmp_path / "cut")
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("optimizer", "stopped_at"),
    [
        ({}, 6),
        ({"average": 0.9}, 8),
        ({"average": {"last": 2}}, 8),
        ({"kind": "nt_asgd", "learning_rate": 1.0, "nonmonotone_interval": 1, "weight_decay": 0.0}, 6),
    ],
)
def test_best_weights_that_cannot_be_read_are_written_again_from_a_checkpoint_of_their_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: dict[str, Any], stopped_at: int
) -> None:
    config, folder = LOOKS | {"optimizer": optimizer}, tmp_path / "cut"
    cut_at(folder, monkeypatch, config, stopped_at)
    best = checkpoint.load(folder / "best.pt")
    assert best["step"] == 6
    (folder / "best.pt").unlink()
    cut_at(folder, monkeypatch, config, 7, extra="--resume")
    assert_equal_states(checkpoint.load(folder / "best.pt"), best)
    assert (folder / "checkpoint.unreadable.pt").exists() == (stopped_at == 8)
    run(tmp_path, config, "cut", "--resume")
    (folder / "checkpoint.unreadable.pt").unlink(missing_ok=True)
    assert check_as_uncut(tmp_path, config)["reason"] is None


def test_a_run_resumes_without_its_best_weights_if_better_ones_may_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cut"
    cut_at(folder, monkeypatch, LOOKS, 7, 8)  # the checkpoint of the evaluation, at step 6, no longer exists
    truncate(folder / "best.pt")
    assert run(tmp_path, LOOKS, "cut", "--resume")[0] == 0
    said = capsys.readouterr().err
    assert f"warning: {folder / 'best.pt'}: cannot be read as a checkpoint: " in said
    assert "the best weights up to now, those of step 6, are lost" in said
    assert "better ones follow; resuming from checkpoint.pt at step 8\n" in said
    found = check_as_uncut(tmp_path, LOOKS)
    assert (found["from"], found["step"]) == ("checkpoint.pt", 8)
    assert "best.pt: cannot be read" in found["reason"]


@pytest.mark.parametrize("tokens", [None, 300])
def test_a_run_begins_anew_at_its_end_if_none_are_better_than_the_best_weights_that_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tokens: int | None
) -> None:
    def worse_and_worse(run: Run, *rest: Any, measure: Any = loop.measure) -> Evaluation:
        found: Evaluation = measure(run, *rest)
        return Evaluation(found.loss + run.progress.step, found.num_tokens)

    monkeypatch.setattr(loop, "measure", worse_and_worse)
    config = LOOKS | {"evaluation": LOOKS["evaluation"] | {"tokens": tokens}}
    folder = tmp_path / "cut"
    cut_at(folder, monkeypatch, config, 7, 8)
    truncate(folder / "best.pt")
    assert run(tmp_path, config, "cut", "--resume")[0] == 0
    first, second = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert "the best weights up to now, those of step 3, are lost" in first
    assert second.endswith("; beginning anew")
    found = check_as_uncut(tmp_path, config)
    assert (found["from"], found["step"]) == (None, 0)
    assert result(folder)["best_step"] == (3 if tokens is None else 12)


def test_a_longer_budget_names_the_step_of_the_best_weights_of_the_earlier_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first end, the last weights are better on all tokens than those of the best look; at the second, worse."""
    losses = iter([1.0, 2.0, 2.0, 1.0])

    def rigged(run: Run, text: EvaluationText, part: str, measure: Any = loop.measure) -> Evaluation:
        found: Evaluation = measure(run, text, part)
        loss = next(losses) if text is run.valid else found.loss + run.progress.step
        return Evaluation(loss, found.num_tokens)

    monkeypatch.setattr(loop, "measure", rigged)
    config = LOOKS | {"evaluation": LOOKS["evaluation"] | {"tokens": 300}}
    for num_steps in (12, 20):
        _, folder = run(tmp_path, config | {"budget": {"steps": num_steps}}, "run", "--resume")
        assert checkpoint.load(folder / "best.pt")["step"] == result(folder)["best_step"] == 12


def test_a_run_that_is_stopped_while_it_evaluates_averages_its_weights_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(run: Run, *_: Any) -> Evaluation:
        raise Stopped(15)

    config = LOOKS | {"optimizer": {"average": {"last": 2}}}
    cut_at(tmp_path / "cut", monkeypatch, config, 5)
    with monkeypatch.context() as patched:
        patched.setattr(loop, "measure", stopping)
        assert run(tmp_path, config, "cut", "--resume")[0] == 143
    assert run(tmp_path, config, "cut", "--resume")[0] == 0
    check_as_uncut(tmp_path, config)


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
