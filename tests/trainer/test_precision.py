"""Test that bf16 and fp16 train as fp32 does, with float32 master weights and a loss scale that adapts."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.trainer.test_resume import SHORT, assert_same_run, metrics, run
from trainer import checkpoint, loop
from trainer.models.softmax_loss import softmax_loss
from trainer.precision import FIRST_SCALE, SMALLEST_SCALE, WINDOW, Weights

PLAIN = SHORT | {"regularization": {}, "budget": {"steps": 60}}


def losses(tmp_path: Path, precision: str, **changes: Any) -> list[float]:
    code, folder = run(tmp_path, PLAIN | {"precision": precision} | changes, f"run-{precision}-{len(changes)}")
    assert code == 0
    return [line["valid_loss"] for line in metrics(folder) if "valid_loss" in line]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("model", [{}, {"kind": "awd_lstm", "memory_length": None, "heads": None}, {"kind": "gpt2"}])
def test_less_precision_trains_to_nearly_the_same_loss(tmp_path: Path, precision: str, model: dict[str, Any]) -> None:
    changes: dict[str, Any] = {"model": SHORT["model"] | model}
    if model.get("kind") == "gpt2":  # learns no positions beyond its context
        changes["evaluation"] = SHORT["evaluation"] | {"target_length": 9}
    expected, found = losses(tmp_path, "fp32", **changes), losses(tmp_path, precision, **changes)
    assert found == pytest.approx(expected, abs=0.03)
    assert found != expected
    assert found[-1] < found[0]


def test_weights_are_kept_in_float32(tmp_path: Path) -> None:
    losses(tmp_path, "bf16")
    for name in ("checkpoint.pt", "best.pt"):
        model = checkpoint.load(tmp_path / "run-bf16-0" / name)["model"]
        assert {value.dtype for value in model.values()} == {torch.float32}
        assert any((value != value.bfloat16().float()).any() for value in model.values())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_less_precision_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    config = SHORT | {"precision": precision, "checkpoint": {"every_seconds": 1000.0}}
    _, whole = run(tmp_path, config, "whole")
    original, calls = loop.add_gradients, [0]

    def interrupted(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == 9:  # its last checkpoint is that of step 6
            raise KeyboardInterrupt
        return original(*args, **options)

    monkeypatch.setattr(loop, "add_gradients", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, config, "cut")
    run(tmp_path, config, "cut", "--resume")
    assert calls[0] == 15
    assert_same_run(whole, tmp_path / "cut")


def small_model() -> nn.Module:
    return nn.Linear(3, 2)


def test_gradients_reach_the_float32_weights_unscaled() -> None:
    model = small_model()
    weights = Weights(model, "fp16")
    (model(torch.ones(4, 3, dtype=torch.float16)).sum() * weights.loss_scale / 4096).backward()
    weights.gather_gradients()
    torch.testing.assert_close(weights.masters[0].grad, torch.full((2, 3), 4 / 4096))
    assert all(parameter.grad is None for parameter in model.parameters())
    weights.masters[0].fill_(1.0 / 3.0)
    weights.publish()
    assert model.weight.dtype == torch.float16
    torch.testing.assert_close(model.weight.float(), torch.full((2, 3), 1 / 3), rtol=1e-3, atol=0.0)


def test_the_loss_scale_halves_on_overflow_and_doubles_after_a_window() -> None:
    weights = Weights(small_model(), "fp16")
    assert weights.note_step(finite=False)
    assert weights.loss_scale == FIRST_SCALE / 2
    for _ in range(WINDOW - 1):
        weights.note_step(finite=True)
    assert weights.loss_scale == FIRST_SCALE / 2
    weights.note_step(finite=True)
    assert weights.loss_scale == FIRST_SCALE
    while weights.note_step(finite=False):
        pass
    assert weights.loss_scale < SMALLEST_SCALE


def test_an_overflow_leaves_the_step_out_and_the_weights_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A scale that surely overflows: the first steps are left out until it fits.
    monkeypatch.setattr("trainer.precision.FIRST_SCALE", 2.0**40)
    code, folder = run(tmp_path, PLAIN | {"precision": "fp16"})
    assert code == 0
    progress = checkpoint.load(folder / "checkpoint.pt")["progress"]
    assert progress["step"] == 60
    assert 5 < progress["skipped"] < 40
    assert progress["loss_scale"] == 2.0 ** (40 - progress["skipped"])


def test_a_loss_that_is_not_finite_diverges_in_fp16_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    optimizer = {"learning_rate": 10.0, "weight_decay": 10.0, "kind": "adamw", "warmup_fraction": 0.0, "clip": None}
    code, folder = run(tmp_path, PLAIN | {"precision": "fp16", "optimizer": optimizer})
    assert code == 3
    assert json.loads((folder / "result.json").read_text())["outcome"] == "diverged"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_loss_of_half_precision_is_in_float32(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden, weight, bias = (torch.randn(shape, generator=generator) for shape in ((40, 16), (500, 16), (500,)))
    targets = torch.randint(500, (40,), generator=generator)
    exact = [each.clone().requires_grad_() for each in (hidden, weight, bias)]
    halved = [each.to(dtype).requires_grad_() for each in (hidden, weight, bias)]
    expected, found = softmax_loss(*exact, targets), softmax_loss(*halved, targets)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=0.0)
    expected.backward()
    found.backward()
    for one, other in zip(exact, halved, strict=True):
        assert other.grad.dtype == dtype
        torch.testing.assert_close(one.grad, other.grad.float(), rtol=0.1, atol=0.05)
