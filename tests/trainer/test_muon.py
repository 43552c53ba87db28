"""Test Muon against its formulas in plain numbers, PyTorch's own, and singular values."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.test_architectures import config_of, lines_of, run_in
from trainer import checkpoint
from trainer.config import ConfigError, parse, resolve
from trainer.config.optimizer import OptimizerConfig
from trainer.errors import Stopped
from trainer.muon import Muon, orthogonal
from trainer.optimizers import Adam
from trainer.request import CHECKPOINT_FILE
from trainer.setup import build_model

Matrix = list[list[float]]


def parameters(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]


def set_gradients(held: list[Tensor], step: int) -> None:
    generator = torch.Generator().manual_seed(100 + step)
    for each in held:
        each.grad = torch.randn(each.shape, dtype=each.dtype, generator=generator) * 10.0 ** (step % 3)


def config(**options: Any) -> OptimizerConfig:
    return OptimizerConfig.model_validate({"kind": "muon", "learning_rate": 0.02, **options})


def product(first: Matrix, second: Matrix) -> Matrix:
    columns = list(zip(*second, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in first]


def mixed(*terms: tuple[float, Matrix]) -> Matrix:
    """Return a sum of matrices times factors."""
    rows, columns = len(terms[0][1]), len(terms[0][1][0])
    return [[sum(f * m[i][j] for f, m in terms) for j in range(columns)] for i in range(rows)]


def newton_schulz(matrix: Matrix) -> Matrix:
    """Jordan's iteration in plain numbers; of a tall matrix, that of its transpose."""
    if len(matrix) > len(matrix[0]):
        return [list(row) for row in zip(*newton_schulz([list(row) for row in zip(*matrix, strict=True)]), strict=True)]
    norm = sum(value**2 for row in matrix for value in row) ** 0.5
    x = [[value / (norm + 1e-7) for value in row] for row in matrix]
    for _ in range(5):
        gram = product(x, [list(row) for row in zip(*x, strict=True)])
        polynomial = mixed((-4.7750, gram), (2.0315, product(gram, gram)))
        x = mixed((3.4445, x), (1.0, product(polynomial, x)))
    return x


@pytest.mark.parametrize(("shape", "number"), [((3, 5), 1), ((5, 3), 1), ((6, 4), 3), ((8, 3), 2)])
def test_steps_are_those_of_the_formulas(shape: tuple[int, int], number: int) -> None:
    weight, _ = held = parameters(shape, (2,))
    muon = Muon(held, config(weight_decay=0.5, momentum=0.9), {0: number})
    blocks: list[Matrix] = [each.tolist() for each in weight.detach().clone().chunk(number)]
    momenta: list[Matrix] = [mixed((0.0, block)) for block in blocks]
    size = 0.2 * max(shape[0] // number, shape[1]) ** 0.5
    for step in range(4):
        set_gradients(held, step)
        assert weight.grad is not None
        gradients: list[Matrix] = [each.tolist() for each in weight.grad.chunk(number)]
        rate = 0.02 * (1.0 - step / 4)
        muon.step(rate)
        for index in range(number):
            momenta[index] = mixed((0.9, momenta[index]), (0.1, gradients[index]))
            direction = newton_schulz(mixed((0.1, gradients[index]), (0.9, momenta[index])))
            blocks[index] = mixed((1.0 - rate * 0.5, blocks[index]), (-rate * size, direction))
        expected = torch.cat([torch.tensor(block, dtype=torch.float64) for block in blocks])
        torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.parametrize("shape", [(6, 4), (4, 9)])
def test_steps_are_nearly_those_of_torch_optim_which_computes_in_bf16(shape: tuple[int, int]) -> None:
    (ours, other), (theirs,) = parameters(shape, (2,)), parameters(shape)
    muon = Muon([ours, other], config(weight_decay=0.1), {0: 1})
    reference = torch.optim.Muon([theirs], lr=1.0, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    start = ours.detach().clone()
    for step in range(10):
        set_gradients([ours, other], step)
        set_gradients([theirs], step)
        rate = 0.01 * (1 + step % 4)
        reference.param_groups[0]["lr"] = rate
        muon.step(rate)
        reference.step()
    moved = (theirs - start).norm().item()
    assert (ours - theirs).norm().item() < 0.03 * moved


@pytest.mark.parametrize("shape", [(40, 40), (16, 64), (64, 16)])
def test_updates_are_nearly_orthogonal_and_as_large_as_those_of_adamw(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(1, *shape, generator=generator) * torch.logspace(0, -1, shape[1])
    update = orthogonal(matrix)
    values = torch.linalg.svdvals(update[0])
    assert values.min().item() > 0.5
    assert values.max().item() < 1.25
    left, _, right = torch.linalg.svd(matrix[0], full_matrices=False)
    cosine = (update[0] * (left @ right)).sum() / update[0].norm() / (left @ right).norm()
    assert cosine.item() > 0.97
    scaled = 0.2 * max(shape) ** 0.5 * update
    assert scaled.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.2)


def test_other_weights_take_the_steps_of_adamw() -> None:
    shapes = [(4, 3), (4,), (5, 3)]
    held, alone = parameters(*shapes), parameters(*shapes)
    options = {"weight_decay": 0.3, "decayed": "matrices", "beta1": 0.8}
    muon = Muon(held, config(**options), {0: 1})
    adamw = Adam(alone[1:], OptimizerConfig.model_validate({"kind": "adamw", **options}))
    for step in range(6):
        set_gradients(held, step)
        set_gradients(alone, step)
        muon.step(0.01)
        adamw.step(0.01)
    assert torch.equal(held[1], alone[1])
    assert torch.equal(held[2], alone[2])
    assert not torch.equal(held[0], alone[0])


def test_a_step_that_overflows_changes_nothing() -> None:
    held, plain = parameters((4, 3), (4,)), parameters((4, 3), (4,))
    muon, reference = Muon(held, config(), {0: 1}), Muon(plain, config(), {0: 1})
    for step in range(4):
        set_gradients(held, step)
        if step == 2:
            assert held[0].grad is not None
            held[0].grad[1, 1] = torch.inf
            muon.step(0.01, finite=torch.tensor(False))
            continue
        set_gradients(plain, step)
        muon.step(0.01, finite=torch.tensor(True))
        reference.step(0.01)
    for mine, other in zip(held, plain, strict=True):
        torch.testing.assert_close(mine, other)


EXPECTED = {
    "transformer_xl": {"queries_keys_values": 3, "positions": 1, "output": 1, "inner": 1, "outer": 1},
    "awd_lstm": {"input_weight": 4, "hidden_weight": 4},
    "gpt2": {"queries_keys_values.weight": 3, "output.weight": 1, "inner.weight": 1, "outer.weight": 1},
    "modern_gpt": {"queries_keys_values": 3, "output": 1, "gate_inner": 2, "outer": 1},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_matrices_are_those_of_linear_maps_in_layers(kind: str) -> None:
    model = build_model(parse({"model": {"kind": kind, "layers": 3, "d_model": 8}}), 11, torch.device("cpu"))
    found = model.hidden_matrices()
    assert len(found) == 3 * len(EXPECTED[kind])
    for name, number in found.items():
        leaf = name.split(".", 3)[-1] if kind != "awd_lstm" else name.split(".", 2)[-1]
        assert EXPECTED[kind][leaf] == number
        assert model.get_parameter(name).shape[0] % number == 0


@pytest.mark.parametrize("kind", ["transformer_xl", "awd_lstm", "modern_gpt"])
def test_a_cut_run_with_muon_resumes_bit_for_bit(kind: str, tmp_path: Path) -> None:
    optimizer: dict[str, Any] = {"kind": "muon", "learning_rate": 0.01, "weight_decay": 0.1, "average": 0.8}
    if kind == "awd_lstm":
        optimizer["nonmonotone_interval"] = None
    configuration = config_of(kind, optimizer=optimizer)
    run_in(tmp_path / "whole", configuration)
    with pytest.raises(Stopped):
        run_in(tmp_path / "cut", configuration, stop_at=9)
    run_in(tmp_path / "cut", configuration, resume=True)
    assert lines_of(tmp_path / "cut") == lines_of(tmp_path / "whole")
    states = [checkpoint.load(tmp_path / each / CHECKPOINT_FILE) for each in ("whole", "cut")]
    assert all(torch.equal(each, states[1]["model"][name]) for name, each in states[0]["model"].items())
    momenta = [state["optimizer"]["momenta"] for state in states]
    assert all(torch.equal(one, other) for one, other in zip(*momenta, strict=True))
    losses = [line["train_loss"] for line in lines_of(tmp_path / "whole")]
    assert losses[-1] < losses[0]


def test_momentum_is_an_option_of_muon_alone() -> None:
    assert resolve({"optimizer": {"kind": "muon"}})["optimizer"]["momentum"] == 0.95
    assert "momentum" not in resolve({})["optimizer"]
    with pytest.raises(ConfigError, match=r"momentum: 0\.9 has no effect with optimizer\.kind adamw: only muon"):
        parse({"optimizer": {"kind": "adamw", "momentum": 0.9}})
