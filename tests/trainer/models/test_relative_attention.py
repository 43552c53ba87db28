"""Test the fused relative attention against one that follows the paper's formula entry by entry."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.models.masks import attention_mask
from trainer.models.relative_attention import relative_attention, shifted, unshifted
from trainer.regularizers import dropout_mask


def naive(arguments: list[Tensor], dropped: Tensor | None) -> Tensor:
    """Compute Dai et al. 2019, section 3.3, one score after the other."""
    own, memory, positions, u, v = arguments
    queries = own[:, :, 0]
    keys, values = (torch.cat([memory[:, :, which], own[:, :, which + 1]], 1) for which in (0, 1))
    batch, time, heads, width = queries.shape
    carried = keys.shape[1] - time
    context = torch.zeros(batch, time, heads, width, dtype=queries.dtype)
    for b in range(batch):
        for h in range(heads):
            for i in range(time):
                scores = []
                for j in range(carried + i + 1):
                    distance = carried + i - j
                    r = positions[keys.shape[1] - 1 - distance, h]  # distances fall from keys - 1 to 0
                    query = queries[b, i, h]
                    scores.append((query + u[h]) @ keys[b, j, h] + (query + v[h]) @ r)
                weights = torch.softmax(torch.stack(scores) / math.sqrt(width), 0)
                if dropped is not None:
                    weights = weights * dropped[h, b, i, : len(scores)]
                context[b, i, h] = weights @ values[b, : len(scores), h]
    return context.reshape(batch, time, heads * width)


def example(batch: int, time: int, carried: int, heads: int, width: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1000 * time + carried)
    keys = carried + time
    shapes = [(batch, time, 3, heads, width), (batch, carried, 2, heads, width)]
    shapes += [(keys, heads, width), (heads, width), (heads, width)]
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]


def fused(arguments: list[Tensor], dropped: Tensor | None = None) -> Tensor:
    own, memory, positions, u, v = arguments
    time, carried = own.shape[1], memory.shape[1]
    return relative_attention(
        own,
        memory if carried else None,
        positions=positions,
        content_bias=u,
        position_bias=v,
        mask=attention_mask(time, carried, max(carried, 1), same_length=False, like=own),
        dropout_mask=dropped,
    )


@settings(max_examples=20, deadline=None)
@given(
    batch=st.integers(1, 3),
    time=st.integers(1, 5),
    carried=st.integers(0, 6),
    heads=st.integers(1, 3),
    width=st.integers(1, 4),
    rate=st.sampled_from([0.0, 0.4]),
)
def test_contexts_and_gradients_are_those_of_the_formula(
    *, batch: int, time: int, carried: int, heads: int, width: int, rate: float
) -> None:
    ours, theirs = (example(batch, time, carried, heads, width) for _ in range(2))
    dropped = None
    if rate:
        shape = (heads, batch, time, carried + time)
        dropped = dropout_mask(shape, rate, torch.Generator().manual_seed(3), dtype=torch.float64)
    context, expected = fused(ours, dropped), naive(theirs, dropped)
    torch.testing.assert_close(context, expected)
    weights = torch.randn(context.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    (context * weights).sum().backward()
    (expected * weights).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad if carried or mine.grad is not None else None)


@pytest.mark.parametrize(("time", "carried"), [(1, 0), (1, 3), (4, 0), (3, 5)])
def test_the_gradient_is_the_derivative(time: int, carried: int) -> None:
    assert torch.autograd.gradcheck(lambda *each: fused(list(each)), tuple(example(2, time, carried, 2, 3)))


def test_shifting_puts_the_score_of_a_distance_at_its_key() -> None:
    time, keys = 4, 7
    # Column c of the scores is for distance keys - 1 - c; let every entry tell its row and distance.
    by_distance = torch.tensor([[[10.0 * i + keys - 1 - c for c in range(keys)] for i in range(time)]])
    by_key = shifted(by_distance)[0]
    for i in range(time):
        for j in range(keys - time + i + 1):
            assert by_key[i, j] == 10.0 * i + (keys - time + i - j)


def test_unshifting_is_the_transpose_of_shifting() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 4, 7, generator=generator)
    gradient = torch.randn(2, 4, 7, generator=generator).tril(3)  # 0 where masked
    torch.testing.assert_close((shifted(scores) * gradient).sum(), (scores * unshifted(gradient)).sum())
