"""Test that a run that is out of memory continues with fewer streams at once, with the same results."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.test_resume import SHORT, metrics, run
from trainer import checkpoint
from trainer.allocation import is_out_of_memory
from trainer.models.transformer_xl import TransformerXL

CONFIG = SHORT | {"data": SHORT["data"] | {"batch_size": 6}}
MESSAGE = (
    "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
)


def fail_above(
    monkeypatch: pytest.MonkeyPatch, streams: int, *, from_call: int = 0, in_backward: bool = False
) -> Callable[[], int]:
    """Install an allocator with room for N streams in training; return how often it failed."""
    original, calls, failures = TransformerXL.forward, [0], [0]

    def fail(gradient: Tensor | None = None) -> None:
        failures[0] += 1
        raise RuntimeError(MESSAGE)

    def forward(self: TransformerXL, inputs: Tensor, targets: Tensor, memory: Any = None) -> tuple[Tensor, Any]:
        calls[0] += self.training
        loss, carried = original(self, inputs, targets, memory)
        if self.training and inputs.shape[0] > streams and calls[0] > from_call:
            if not in_backward:
                fail()
            loss.register_hook(fail)
        return loss, carried

    monkeypatch.setattr(TransformerXL, "forward", forward)
    return lambda: failures[0]


def assert_nearly_equal(one: Path, other: Path) -> None:
    for mine, theirs in zip(metrics(one), metrics(other), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-5)
    weights = [checkpoint.load(folder / "checkpoint.pt")["model"] for folder in (one, other)]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("in_backward", [False, True])
@pytest.mark.parametrize("from_call", [0, 5])
def test_a_run_goes_on_with_fewer_streams_and_the_same_mathematics(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    in_backward: bool,
    from_call: int,
) -> None:
    _, whole = run(tmp_path, CONFIG, "whole")
    failures = fail_above(monkeypatch, 2, from_call=from_call, in_backward=in_backward)
    code, scarce = run(tmp_path, CONFIG, "scarce")
    assert code == 0
    assert failures() == 2  # with 6 and 3 streams, and then never again
    said = capsys.readouterr().err
    assert f"step {from_call + 1}: out of memory; continuing with 3 streams at once" in said
    assert f"step {from_call + 1}: out of memory; continuing with 2 streams at once" in said
    assert checkpoint.load(scarce / "checkpoint.pt")["progress"]["micro_batch_size"] == 2
    sizes = [json.loads((folder / "result.json").read_text())["micro_batch_size"] for folder in (whole, scarce)]
    assert sizes == [6, 2]
    assert_nearly_equal(whole, scarce)


def test_a_given_micro_batch_changes_nothing_but_rounding(tmp_path: Path) -> None:
    _, whole = run(tmp_path, CONFIG, "whole")
    _, parts = run(tmp_path, CONFIG | {"data": CONFIG["data"] | {"micro_batch_size": 4}}, "parts")
    assert_nearly_equal(whole, parts)


def test_a_resumed_run_knows_how_many_streams_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = fail_above(monkeypatch, 3)
    run(tmp_path, CONFIG)
    assert failures() == 1
    run(tmp_path, CONFIG | {"budget": {"steps": 20}}, "run", "--resume")
    assert failures() == 1


def test_one_stream_that_does_not_fit_ends_the_run_with_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_above(monkeypatch, 0)
    code, folder = run(tmp_path, CONFIG)
    assert code == 4
    assert "out of memory at step 1 on cpu." in capsys.readouterr().err
    assert json.loads((folder / "result.json").read_text())["outcome"] == "out_of_memory"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"), True),
        (RuntimeError(MESSAGE), True),
        (RuntimeError("shapes do not fit"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_allocators_are_known_by_their_words(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
