"""Test Adam and clipping against PyTorch's."""

from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.config.optimizer import OptimizerConfig
from trainer.optimizers import Adam, build_optimizer, clip_gradients


def parameters() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 4), (4,), (), (2, 1, 2)]
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]


def set_gradients(parameters: list[Tensor], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for each in parameters:
        each.grad = torch.randn(each.shape, dtype=each.dtype, generator=generator) * 10.0 ** (step % 3)


@pytest.mark.parametrize("kind", ["adam", "adamw"])
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3}])
def test_adam_takes_the_steps_of_torch_optim(kind: str, options: dict[str, Any]) -> None:
    config = OptimizerConfig(kind=kind, **options)
    ours, theirs = parameters(), parameters()
    adam = Adam(ours, config)
    theirs_class = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    reference = theirs_class(
        theirs, lr=1.0, betas=(config.beta1, config.beta2), eps=config.epsilon, weight_decay=config.weight_decay
    )
    for step in range(20):
        set_gradients(ours, step)
        set_gradients(theirs, step)
        rate = 0.01 * (1 + step % 4)
        reference.param_groups[0]["lr"] = rate
        adam.step(rate)
        reference.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


def test_decoupled_decay_shrinks_weights_by_the_rate_of_the_step_times_the_decay() -> None:
    """The convention of `torch.optim.AdamW`; in Loshchilov and Hutter's, lambda is the peak rate times our decay."""
    (weight,) = held = [torch.full((2, 2), 5.0, dtype=torch.float64, requires_grad=True)]
    adamw = Adam(held, OptimizerConfig(kind="adamw", learning_rate=0.01, weight_decay=3.2))
    expected, peak = 5.0, 0.01
    for step in range(6):
        weight.grad = torch.zeros_like(weight)  # so that only decay changes the weight
        multiplier = 1.0 - step / 6  # the schedule's
        adamw.step(peak * multiplier)
        expected -= multiplier * (peak * 3.2) * expected  # algorithm 2, line 12, with lambda = peak x decay
    torch.testing.assert_close(weight.detach(), torch.full_like(weight, expected))


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_decay_of_matrices_alone_leaves_norms_and_biases_without(kind: str) -> None:
    only, everything, nothing = parameters(), parameters(), parameters()
    options = {"kind": kind, "learning_rate": 0.1}
    makers = [options | {"weight_decay": 0.5, "decayed": "matrices"}, options | {"weight_decay": 0.5}, options]
    for held, given in zip((only, everything, nothing), makers, strict=True):
        optimizer = build_optimizer(held, OptimizerConfig.model_validate(given))
        for step in range(5):
            set_gradients(held, step)
            optimizer.step(0.1)
    for mine, decayed, plain in zip(only, everything, nothing, strict=True):
        assert torch.equal(mine, decayed if mine.dim() > 1 else plain)
        assert not torch.equal(decayed, plain)


def test_muon_is_no_optimizer_of_parameters_of_unknown_use() -> None:
    with pytest.raises(ValueError, match=r"^muon needs to know which parameters are matrices of layers\."):
        build_optimizer(parameters(), OptimizerConfig(kind="muon"))


def test_adam_goes_on_from_its_state() -> None:
    whole, cut = parameters(), parameters()
    first, second = Adam(whole, OptimizerConfig(weight_decay=0.1)), Adam(cut, OptimizerConfig(weight_decay=0.1))
    for step in range(10):
        if step == 5:
            restored = Adam(cut, OptimizerConfig(weight_decay=0.1))
            restored.load_state(second.state())
            second = restored
        for each, optimizer in ((whole, first), (cut, second)):
            set_gradients(each, step)
            optimizer.step(0.01)
    assert all(torch.equal(one, other) for one, other in zip(whole, cut, strict=True))


@pytest.mark.parametrize("largest", [0.25, 1e6])
def test_clipping_is_torchs(largest: float) -> None:
    ours, theirs = parameters(), parameters()
    set_gradients(ours, 1)
    set_gradients(theirs, 1)
    norm = clip_gradients(ours, largest)
    expected = torch.nn.utils.clip_grad_norm_(theirs, largest)
    torch.testing.assert_close(norm, expected)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_no_limit_leaves_the_gradients_and_tells_their_norm() -> None:
    ours = parameters()
    set_gradients(ours, 1)
    before = [each.grad.clone() for each in ours]
    norm = clip_gradients(ours, None)
    assert norm.item() == pytest.approx(sum((each**2).sum().item() for each in before) ** 0.5)
    assert all(torch.equal(each.grad, old) for each, old in zip(ours, before, strict=True))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_norm_tells_of_a_gradient_that_is_not_finite(bad: float) -> None:
    ours = parameters()
    set_gradients(ours, 0)
    ours[1].grad[2] = bad
    assert not clip_gradients(ours, 0.25).isfinite()
