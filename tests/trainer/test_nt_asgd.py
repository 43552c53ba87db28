"""Test SGD against PyTorch's, and that NT-ASGD averages when and what its paper says."""

import pytest
import torch
from torch import Tensor

from trainer.config.optimizer import OptimizerConfig
from trainer.optimizers import SGD, build_optimizer


def config_of(**options: object) -> OptimizerConfig:
    return OptimizerConfig.model_validate({"kind": "nt_asgd", "learning_rate": 1.0, **options})


def weights() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in [(3, 2), (2,)]]


def take_step(optimizer: SGD, number: int) -> None:
    generator = torch.Generator().manual_seed(number)
    for each in optimizer.parameters:
        each.grad = torch.randn(each.shape, dtype=each.dtype, generator=generator)
    optimizer.step(0.1 * (1 + number % 3))


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["sgd", "nt_asgd"])
def test_steps_are_those_of_torch_optim(kind: str, weight_decay: float) -> None:
    ours, theirs = weights(), weights()
    optimizer = build_optimizer(ours, config_of(kind=kind, weight_decay=weight_decay))
    assert isinstance(optimizer, SGD)
    reference = torch.optim.SGD(theirs, lr=1.0, weight_decay=weight_decay)
    for number in range(10):
        take_step(optimizer, number)
        generator = torch.Generator().manual_seed(number)
        for each in theirs:
            each.grad = torch.randn(each.shape, dtype=each.dtype, generator=generator)
        reference.param_groups[0]["lr"] = 0.1 * (1 + number % 3)
        reference.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)


def triggered_at(losses: list[float], **options: object) -> int | None:
    """Return the index of the evaluation after which the weights are averaged."""
    optimizer = SGD(weights(), config_of(**options))
    for number, loss in enumerate(losses):
        optimizer.note_validation(loss)
        if optimizer.average is not None and optimizer.average.means is not None:
            return number
    return None


@pytest.mark.parametrize(
    ("losses", "interval", "expected"),
    [
        ([5.0, 4.0, 4.5, 4.2, 4.1], 2, 4),  # 4.1 > 4.0 = min(5, 4); 4.2 was still below 5
        ([5.0, 4.0, 4.5, 4.2, 3.9, 4.2], 2, 5),  # 4.2 > 4.0 = min(5, 4, 4.5)
        ([5.0, 6.0, 7.0], 2, None),  # nothing is older than two evaluations
        ([5.0, 6.0, 7.0, 5.5], 2, 3),
        ([5.0, 5.0, 5.0, 5.0], 2, None),  # as good is not worse
        ([5.0, 4.0, 3.0, 2.0, 1.0], 1, None),
        ([5.0, 4.0, 4.5], 1, None),  # 4.5 < 5.0
        ([5.0, 4.0, 4.5, 4.5], 1, 3),
    ],
)
def test_averaging_starts_where_a_loss_is_above_the_best_before_the_interval(
    losses: list[float], interval: int, expected: int | None
) -> None:
    assert triggered_at(losses, nonmonotone_interval=interval) == expected


def test_plain_sgd_never_averages() -> None:
    assert triggered_at([1.0, 2.0, 3.0, 4.0], kind="sgd") is None


def test_what_is_evaluated_is_the_mean_of_the_iterates_since_then() -> None:
    optimizer = SGD(weights(), config_of(nonmonotone_interval=1))
    for number in range(3):
        take_step(optimizer, number)
    for loss in (1.0, 2.0, 3.0):
        optimizer.note_validation(loss)
    with optimizer.evaluation_weights():
        held = [each.detach().clone() for each in optimizer.parameters]
    assert all(torch.equal(one, other) for one, other in zip(held, optimizer.parameters, strict=True))
    iterates = []
    for number in range(4):
        take_step(optimizer, number)
        iterates.append([each.detach().clone() for each in optimizer.parameters])
    last = [each.detach().clone() for each in optimizer.parameters]
    with optimizer.evaluation_weights():
        for place, each in enumerate(optimizer.parameters):
            torch.testing.assert_close(each.detach(), torch.stack([one[place] for one in iterates]).mean(0))
    assert all(torch.equal(one, other) for one, other in zip(last, optimizer.parameters, strict=True))


def test_it_goes_on_from_its_state() -> None:
    optimizer = SGD(weights(), config_of(nonmonotone_interval=1))
    for loss in (1.0, 2.0, 3.0):
        take_step(optimizer, int(loss))
        optimizer.note_validation(loss)
    take_step(optimizer, 7)
    copies = [each.detach().clone().requires_grad_() for each in optimizer.parameters]
    second = SGD(copies, config_of(nonmonotone_interval=1))
    second.load_state(optimizer.state())
    for each in (optimizer, second):
        take_step(each, 8)
    assert second.losses == optimizer.losses
    means = [each.average.means for each in (optimizer, second) if each.average is not None and each.average.means]
    for one, other in zip(*means, strict=True):
        assert torch.equal(one, other)
        assert one.data_ptr() != other.data_ptr()


def test_it_goes_on_from_the_state_of_an_earlier_version() -> None:
    optimizer = SGD(weights(), config_of(nonmonotone_interval=1))
    averages = [torch.full_like(each, 2.0) for each in optimizer.parameters]
    optimizer.load_state({"losses": [3.0, 4.0], "averages": averages, "num_averaged": 7})
    assert optimizer.losses == [3.0, 4.0]
    assert optimizer.average is not None
    assert optimizer.average.count == 7
    with optimizer.evaluation_weights():
        assert optimizer.parameters[0][0, 0].item() == 2.0
    plain = SGD(weights(), config_of(kind="sgd"))
    plain.load_state({"losses": [3.0], "averages": None, "num_averaged": 0})
    assert plain.losses == [3.0]
