"""Test that bf16 and fp16 train as fp32 does, with float32 master weights and a loss scale that adapts."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.trainer.test_resume import SHORT, assert_equal_states, assert_same_run, metrics, run
from trainer import checkpoint, loop
from trainer.config import parse
from trainer.config.optimizer import OptimizerConfig
from trainer.models.softmax_loss import softmax_loss
from trainer.optimizers import build_optimizer
from trainer.precision import FIRST_SCALE, SMALLEST_SCALE, WINDOW, LossScale, Weights
from trainer.setup import build_model

PLAIN = SHORT | {"regularization": {}, "budget": {"steps": 60}}


def losses(tmp_path: Path, precision: str, **changes: Any) -> list[float]:
    code, folder = run(tmp_path, PLAIN | {"precision": precision} | changes, f"run-{precision}-{len(changes)}")
    assert code == 0
    return [line["valid_loss"] for line in metrics(folder) if "valid_loss" in line]


@pytest.fixture(autouse=True)
def any_cpu_may_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.setup.bf16_flag", lambda: "avx512_bf16")


@pytest.mark.parametrize("model", [{}, {"kind": "awd_lstm", "memory_length": None, "heads": None}, {"kind": "gpt2"}])
def test_less_precision_trains_to_nearly_the_same_loss(tmp_path: Path, model: dict[str, Any]) -> None:
    changes: dict[str, Any] = {"model": SHORT["model"] | model}
    if model.get("kind") == "gpt2":  # learns no positions beyond its context
        changes["evaluation"] = SHORT["evaluation"] | {"target_length": 9}
    expected = losses(tmp_path, "fp32", **changes)
    for precision in ("mixed", "bf16", "fp16"):
        found = losses(tmp_path, precision, **changes)
        assert found == pytest.approx(expected, abs=0.03), precision
        assert found != expected, precision
        assert found[-1] < found[0], precision


def test_weights_are_kept_in_float32(tmp_path: Path) -> None:
    losses(tmp_path, "bf16")
    for name in ("checkpoint.pt", "best.pt"):
        model = checkpoint.load(tmp_path / "run-bf16-0" / name)["model"]
        assert {value.dtype for value in model.values()} == {torch.float32}
        assert any((value != value.bfloat16().float()).any() for value in model.values())


def test_mixed_keeps_weights_and_memory_in_float32_and_its_memory_rounds_nothing(tmp_path: Path) -> None:
    losses(tmp_path, "mixed")
    state = checkpoint.load(tmp_path / "run-mixed-0" / "checkpoint.pt")
    assert {each.dtype for each in (*state["model"].values(), *state["optimizer"]["means"])} == {torch.float32}
    assert {each.dtype for each in state["memory"]} == {torch.float32}
    assert any((each != each.bfloat16().float()).any() for each in state["memory"])


KINDS: dict[str, dict[str, Any]] = {
    "transformer_xl": {"model": {"adaptive_cutoffs": [10, 20]}, "regularization": {"attention_dropout": 0.3}},
    "awd_lstm": {"model": {"kind": "awd_lstm"}, "regularization": {"weight_dropout": 0.3}},
    "gpt2": {"model": {"kind": "gpt2"}, "regularization": {"attention_dropout": 0.3}},
    "gpt3": {"model": {"kind": "gpt3"}},
    "modern_gpt": {"model": {"kind": "modern_gpt"}, "regularization": {"attention_dropout": 0.3}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_rounds_the_factors_of_all_matrix_products_and_of_nothing_else(kind: str) -> None:
    """Products run in bf16, and everything else in float32: normalization, softmax, loss, optimizer."""
    sections = {"precision": "mixed", "data": {"batch_size": 4, "target_length": 6}} | KINDS[kind]
    sections["model"] = {"layers": 2, "d_model": 16} | sections["model"]
    sections["regularization"] = {"dropout": 0.3, "input_dropout": 0.2} | sections.get("regularization", {})
    model = build_model(parse(sections), 50, torch.device("cpu"))
    tokens = torch.randint(50, (4, 13), generator=torch.Generator().manual_seed(0))
    seen = Types()
    with seen:
        loss, memory = model(tokens[:, :6], tokens[:, 1:7])
        loss.backward()
        loss, memory = model(tokens[:, 6:12], tokens[:, 7:13], memory)
        loss.backward()
    assert loss.dtype == torch.float32
    products = {name for name in seen.types if name.split(".")[0] in PRODUCTS}
    assert products
    assert {dtype for name in products for dtype in seen.types[name]} == {torch.bfloat16}
    for name in ("native_layer_norm.default", "_log_softmax.default", "embedding.default"):
        assert seen.types.get(name, {torch.float32}) <= {torch.float32}
    assert all(each.grad is not None and each.grad.dtype == torch.float32 for each in model.parameters())


PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "mkldnn_rnn_layer", "_scaled_dot_product_flash_attention_for_cpu"}


class Types(TorchDispatchMode):
    """Record the data types of floating-point arguments of each operator."""

    def __init__(self) -> None:
        super().__init__()
        self.types: dict[str, set[torch.dtype]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = self.types.setdefault(f"{func.__name__}", set())
        found |= {each.dtype for each in args if isinstance(each, torch.Tensor) and each.is_floating_point()}
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_gradients_are_nearly_those_of_fp32(kind: str) -> None:
    sections = {"data": {"batch_size": 4, "target_length": 6}, "model": {"layers": 2, "d_model": 16}}
    sections["model"] |= KINDS[kind]["model"]
    tokens = torch.randint(50, (4, 13), generator=torch.Generator().manual_seed(0))
    found = []
    for precision in ("fp32", "mixed"):
        model = build_model(parse(sections | {"precision": precision}), 50, torch.device("cpu"))
        with torch.no_grad():
            for each in model.parameters():  # so that attention is not uniform; normalized queries and keys suffice
                each.mul_(1.0 if kind == "modern_gpt" else 3.0)
        loss, memory = model(tokens[:, :6], tokens[:, 1:7])
        loss.backward()
        loss, _ = model(tokens[:, 6:12], tokens[:, 7:13], memory)
        loss.backward()
        found.append((loss.item(), torch.cat([each.grad.flatten() for each in model.parameters()])))
    (exact, gradient), (mixed, rounded) = found
    assert mixed == pytest.approx(exact, rel=2e-3)
    assert mixed != exact
    assert torch.linalg.vector_norm(rounded - gradient) < 0.02 * torch.linalg.vector_norm(gradient)


@pytest.mark.parametrize("precision", ["mixed", "bf16", "fp16"])
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
    assert weights.loss_scale is not None
    (model(torch.ones(4, 3, dtype=torch.float16)).sum() * weights.loss_scale.scale / 4096).backward()
    weights.gather_gradients()
    torch.testing.assert_close(weights.masters[0].grad, torch.full((2, 3), 4 / 4096))
    assert all(parameter.grad is None for parameter in model.parameters())
    weights.masters[0].fill_(1.0 / 3.0)
    weights.publish()
    assert model.weight.dtype == torch.float16
    torch.testing.assert_close(model.weight.float(), torch.full((2, 3), 1 / 3), rtol=1e-3, atol=0.0)


def test_the_loss_scale_halves_on_overflow_and_doubles_after_a_window() -> None:
    scale, finite = LossScale(torch.device("cpu")), torch.tensor(True)
    scale.note_step(~finite)
    assert scale.state().tolist() == [FIRST_SCALE / 2, 0, 1]
    for _ in range(WINDOW - 1):
        scale.note_step(finite)
    assert scale.state().tolist() == [FIRST_SCALE / 2, WINDOW - 1, 1]
    scale.note_step(finite)
    assert scale.state().tolist() == [FIRST_SCALE, 0, 1]
    scale.note_step(finite)
    scale.note_step(~finite)
    assert scale.state().tolist() == [FIRST_SCALE / 2, 0, 2]
    restored = LossScale(torch.device("cpu"))
    restored.load_state(FIRST_SCALE / 2, 0, 2)
    assert torch.equal(restored.state(), scale.state())


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_a_step_whose_gradients_overflow_changes_neither_weights_nor_moments(kind: str) -> None:
    options = {"kind": kind, "learning_rate": 0.1, "weight_decay": 0.1}
    skipping, plain = ([torch.ones(3, 2), torch.ones(4)] for _ in range(2))
    config = OptimizerConfig.model_validate(options)
    one, other = build_optimizer(skipping, config), build_optimizer(plain, config)
    for number, overflow in enumerate([False, True, True, False]):
        for optimizer in (one, other):
            for each in optimizer.parameters:
                each.grad = torch.full_like(each, torch.inf if overflow else 0.5 + number)
        one.step(0.1, finite=torch.tensor(not overflow))
        if not overflow:
            other.step(0.1)
    for mine, expected in zip(skipping, plain, strict=True):
        assert torch.equal(mine, expected)
    assert_equal_states(one.state(), other.state())


def test_fp16_that_overflows_at_any_scale_has_diverged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trainer.loop.clip_gradients", lambda *_: torch.tensor(torch.inf))
    code, folder = run(tmp_path, PLAIN | {"precision": "fp16"})
    assert code == 3
    message = json.loads((folder / "result.json").read_text())["message"]
    steps = round(math.log2(FIRST_SCALE / SMALLEST_SCALE)) + 1
    assert message == (
        f"the gradient overflows fp16 at any loss scale at step {steps}. Try precision: bf16 or fp32, or a lower "
        "optimizer.learning_rate."
    )
    assert message in capsys.readouterr().err


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
