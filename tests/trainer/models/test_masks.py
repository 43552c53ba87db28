"""Test which keys a query sees, and the encodings of distances."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.models.masks import attention_mask, sinusoids

LIKE = torch.zeros(())


def visible(time: int, carried: int, memory_length: int, *, same_length: bool = False) -> list[list[int]]:
    mask = attention_mask(time, carried, memory_length, same_length=same_length, like=LIKE)
    assert set(mask.unique().tolist()) <= {0.0, -torch.inf}
    return [row.nonzero()[:, 0].tolist() for row in mask == 0.0]


@given(time=st.integers(1, 8), carried=st.integers(0, 8))
def test_a_token_sees_the_memory_itself_and_what_is_before_it(time: int, carried: int) -> None:
    expected = [list(range(carried + row + 1)) for row in range(time)]
    assert visible(time, carried, 8) == expected


@given(time=st.integers(1, 8), memory_length=st.integers(1, 8))
def test_with_same_length_and_full_memory_all_see_equally_many(time: int, memory_length: int) -> None:
    rows = visible(time, memory_length, memory_length, same_length=True)
    assert all(len(row) == memory_length for row in rows)
    assert all(row[-1] == memory_length + number for number, row in enumerate(rows))


def test_distances_fall_to_zero_and_clamp() -> None:
    frequencies = torch.tensor([1.0, 0.1])
    encodings = sinusoids(4, frequencies, clamp_length=None)
    distances = torch.tensor([3.0, 2.0, 1.0, 0.0])
    expected = torch.stack([distances.sin(), (0.1 * distances).sin(), distances.cos(), (0.1 * distances).cos()], 1)
    torch.testing.assert_close(encodings, expected)
    clamped = sinusoids(4, frequencies, clamp_length=2)
    assert torch.equal(clamped[0], clamped[1])
    assert torch.equal(clamped[1:], encodings[1:])
