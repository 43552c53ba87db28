"""Test that masks drop at their rate, scale what they keep by 1 / (1 - rate), and are shared along the right axes."""

import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from trainer.regularizers import Draws, Factors, dropout_mask, dropped, embed


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draws(generator: torch.Generator | None = None, products: torch.dtype | None = None) -> Draws:
    return Draws(generator or seeded(), torch.float32, products)


def with_locked_dropout(values: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    batch, _, features = values.shape
    return dropped(values, draws(generator).locked(batch, features, rate))


def assert_share(dropped: Tensor, rate: float) -> None:
    """Check that the share of dropped entries is within five standard deviations of the rate."""
    tolerance = 5 * math.sqrt(rate * (1 - rate) / dropped.numel())
    assert dropped.double().mean().item() == pytest.approx(rate, abs=tolerance)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("bits", [16, 32])
def test_a_mask_holds_zeros_at_its_rate_and_one_other_value(rate: float, bits: Literal[16, 32]) -> None:
    mask = dropout_mask((200, 301), rate, seeded(), bits=bits)
    assert_share(mask == 0.0, rate)
    kept = mask[mask != 0.0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)))


@pytest.mark.parametrize("bits", [16, 32])
def test_entries_of_a_mask_are_independent_of_their_neighbours(bits: Literal[16, 32]) -> None:
    zeros = dropout_mask((400, 400), 0.3, seeded(), bits=bits) == 0.0
    for distance in range(1, 9):  # as many as two draws of 64 bits have entries
        assert_share(zeros[:, distance:] & zeros[:, :-distance], 0.09)
        assert_share(zeros[distance:] & zeros[:-distance], 0.09)


@pytest.mark.parametrize("rate", [1e-5, 0.99999])
def test_sixteen_bits_meet_a_rate_to_one_in_65536_and_never_drop_or_keep_all(rate: float) -> None:
    zeros = dropout_mask((2048, 2048), rate, seeded(), bits=16) == 0.0
    expected = round(rate * 2**16) / 2**16
    assert_share(zeros, expected)
    assert 0 < zeros.sum() < zeros.numel()


def test_factors_of_products_are_dropped_by_zeros_and_ones_in_their_type() -> None:
    mask, scale = draws(products=torch.bfloat16).factors((2, 3, 50, 50), 0.3, streams=1)
    assert mask is not None
    assert scale == 1.0 / 0.7
    assert mask.dtype == torch.bfloat16
    assert mask.unique().tolist() == [0.0, 1.0]
    assert_share(mask == 0.0, 0.3)
    plain, scale = draws().factors((2, 3, 5, 5), 0.3, streams=1)
    assert plain is not None
    assert scale == 1.0
    assert torch.equal(plain, dropout_mask((2, 3, 5, 5), 0.3, seeded()))


def test_inactive_draws_draw_nothing() -> None:
    generator = seeded()
    before = generator.get_state()
    inactive = Draws(generator, torch.float32, torch.bfloat16, active=False)
    assert inactive.locked(2, 3, 0.5) is None
    assert inactive.elements((2, 3), 0.5) is None
    assert inactive.word_types(9, 0.5) is None
    assert inactive.factors((1, 2, 3, 4), 0.5, streams=1) == Factors()
    assert inactive.locked_factors(2, 3, 0.5) == Factors()
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("rate", [0.2, 0.6])
def test_locked_dropout_shares_its_draw_over_time_and_over_nothing_else(rate: float) -> None:
    values = with_locked_dropout(torch.ones(60, 7, 80), rate, seeded())
    assert (values == values[:, :1]).all()
    mask = values[:, 0] == 0.0  # [batch, features]
    assert_share(mask, rate)
    assert_share(mask[1:] & mask[:-1], rate**2)  # streams are independent
    assert_share(mask[:, 1:] & mask[:, :-1], rate**2)  # and so are features
    assert values.unique().tolist() == [0.0, pytest.approx(1 / (1 - rate))]


def test_elementwise_dropout_shares_no_draw_along_any_axis() -> None:
    factors = draws().elements((30, 40, 50), 0.3)
    assert factors is not None
    mask = factors == 0.0
    assert_share(mask, 0.3)
    for axis in range(3):
        size = mask.shape[axis]
        neighbours = mask.narrow(axis, 1, size - 1) & mask.narrow(axis, 0, size - 1)
        assert_share(neighbours, 0.09)
    assert factors.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]


def test_locked_dropout_keeps_the_mean() -> None:
    values = torch.rand(50, 3, 400, generator=seeded(1))
    masks = with_locked_dropout(values, 0.5, seeded())
    assert masks.mean().item() == pytest.approx(values.mean().item(), rel=0.02)


def test_dropout_of_rate_0_draws_nothing() -> None:
    generator = seeded()
    before = generator.get_state()
    values = torch.ones(2, 3, 4)
    assert with_locked_dropout(values, 0.0, generator) is values
    assert dropped(values, draws(generator).elements(values.shape, 0.0)) is values
    assert torch.equal(generator.get_state(), before)


def test_a_word_type_is_dropped_wherever_it_stands() -> None:
    weight = torch.ones(500, 6)
    inputs = torch.randint(500, (20, 40), generator=seeded(1))
    rows = embed(weight, inputs, draws().word_types(500, 0.3))
    assert (rows == rows[..., :1]).all()  # one draw for the whole row
    for word in inputs.unique():
        factors = rows[inputs == word]
        assert len(factors.unique()) == 1  # for every stream and time
    assert rows.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]


@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_word_types_are_dropped_at_their_rate_anew_in_every_pass(rate: float) -> None:
    generator = seeded()
    masks = [draws(generator).word_types(20_000, rate) for _ in range(2)]
    first, second = (mask == 0.0 for mask in masks if mask is not None)
    assert first.shape == (20_000, 1)
    assert_share(first, rate)
    assert_share(first & second, rate**2)


def test_embedding_dropout_leaves_the_weight_itself_alone() -> None:
    weight = torch.rand(50, 6, generator=seeded(1))
    before = weight.clone()
    embed(weight, torch.arange(50)[None], draws().word_types(50, 0.5))
    assert torch.equal(weight, before)


def test_a_dropped_word_type_gets_no_gradient_and_a_kept_one_a_scaled_one() -> None:
    weight = torch.ones(100, 3, requires_grad=True)
    inputs = torch.arange(100)[None]
    rows = embed(weight, inputs, draws().word_types(100, 0.4))
    rows.sum().backward()
    torch.testing.assert_close(weight.grad, rows[0].detach())


def test_embedding_without_dropout_is_a_look_up() -> None:
    weight = torch.rand(10, 4, generator=seeded())
    inputs = torch.tensor([[1, 9], [0, 1]])
    assert torch.equal(embed(weight, inputs), weight[inputs])
