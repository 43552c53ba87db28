"""Test that masks drop at their rate, scale what they keep by 1 / (1 - rate), and are shared along the right axes."""

import math

import pytest
import torch
from torch import Tensor

from trainer.regularizers import dropout, dropout_mask, embed, locked_dropout, word_type_mask


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def assert_share(dropped: Tensor, rate: float) -> None:
    """Check that the share of dropped entries is within five standard deviations of the rate."""
    tolerance = 5 * math.sqrt(rate * (1 - rate) / dropped.numel())
    assert dropped.double().mean().item() == pytest.approx(rate, abs=tolerance)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_mask_holds_zeros_at_its_rate_and_one_other_value(rate: float) -> None:
    mask = dropout_mask((200, 300), rate, seeded())
    assert_share(mask == 0.0, rate)
    kept = mask[mask != 0.0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)))


def test_entries_of_a_mask_are_independent_of_their_neighbours() -> None:
    dropped = dropout_mask((400, 400), 0.3, seeded()) == 0.0
    assert_share(dropped[:, 1:] & dropped[:, :-1], 0.09)
    assert_share(dropped[1:] & dropped[:-1], 0.09)


@pytest.mark.parametrize("rate", [0.2, 0.6])
def test_locked_dropout_shares_its_draw_over_time_and_over_nothing_else(rate: float) -> None:
    dropped = locked_dropout(torch.ones(60, 7, 80), rate, seeded())
    assert (dropped == dropped[:, :1]).all()
    mask = dropped[:, 0] == 0.0  # [batch, features]
    assert_share(mask, rate)
    assert_share(mask[1:] & mask[:-1], rate**2)  # streams are independent
    assert_share(mask[:, 1:] & mask[:, :-1], rate**2)  # and so are features
    assert dropped.unique().tolist() == [0.0, pytest.approx(1 / (1 - rate))]


def test_elementwise_dropout_shares_no_draw_along_any_axis() -> None:
    dropped = dropout(torch.ones(30, 40, 50), 0.3, seeded())
    mask = dropped == 0.0
    assert_share(mask, 0.3)
    for axis in range(3):
        size = mask.shape[axis]
        neighbours = mask.narrow(axis, 1, size - 1) & mask.narrow(axis, 0, size - 1)
        assert_share(neighbours, 0.09)
    assert dropped.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]


def test_locked_dropout_keeps_the_mean() -> None:
    values = torch.rand(50, 3, 400, generator=seeded(1))
    masks = locked_dropout(values, 0.5, seeded())
    assert masks.mean().item() == pytest.approx(values.mean().item(), rel=0.02)


def test_dropout_of_rate_0_draws_nothing() -> None:
    generator = seeded()
    before = generator.get_state()
    values = torch.ones(2, 3, 4)
    assert locked_dropout(values, 0.0, generator) is values
    assert dropout(values, 0.0, generator) is values
    assert torch.equal(generator.get_state(), before)


def test_a_word_type_is_dropped_wherever_it_stands() -> None:
    weight = torch.ones(500, 6)
    inputs = torch.randint(500, (20, 40), generator=seeded(1))
    rows = embed(weight, inputs, rate=0.3, generator=seeded())
    assert (rows == rows[..., :1]).all()  # one draw for the whole row
    for word in inputs.unique():
        factors = rows[inputs == word]
        assert len(factors.unique()) == 1  # for every stream and time
    assert rows.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]


@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_word_types_are_dropped_at_their_rate_anew_in_every_pass(rate: float) -> None:
    generator = seeded()
    first, second = (word_type_mask(20_000, rate, generator) == 0.0 for _ in range(2))
    assert first.shape == (20_000, 1)
    assert_share(first, rate)
    assert_share(first & second, rate**2)


def test_embedding_dropout_leaves_the_weight_itself_alone() -> None:
    weight = torch.rand(50, 6, generator=seeded(1))
    before = weight.clone()
    embed(weight, torch.arange(50)[None], rate=0.5, generator=seeded())
    assert torch.equal(weight, before)


def test_a_dropped_word_type_gets_no_gradient_and_a_kept_one_a_scaled_one() -> None:
    weight = torch.ones(100, 3, requires_grad=True)
    inputs = torch.arange(100)[None]
    rows = embed(weight, inputs, rate=0.4, generator=seeded())
    rows.sum().backward()
    torch.testing.assert_close(weight.grad, rows[0].detach())


def test_embedding_without_dropout_is_a_look_up() -> None:
    weight = torch.rand(10, 4, generator=seeded())
    inputs = torch.tensor([[1, 9], [0, 1]])
    assert torch.equal(embed(weight, inputs), weight[inputs])
