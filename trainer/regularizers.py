"""Dropout in the forms of the small-data Transformer-XL recipe. Every mask comes from an explicit generator.

A mask is 0 with probability `rate` and 1 / (1 - rate) otherwise, so that its mean is 1. The forms differ in the axes
that share one draw:

- word types (Gal and Ghahramani 2016): one draw per row of the vocabulary and forward pass;
- locked: one draw per stream and feature, shared over time (the variational dropout of Merity et al. 2018);
- elementwise: one draw per entry.

A step that reads its batch in parts draws each mask for the whole batch and slices out the streams of the part (see
`StreamGenerator`), so that results do not depend on the parts.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


class StreamGenerator(torch.Generator):
    """A generator that knows which streams of a batch the model reads.

    Attributes:
        part: (first stream, number of streams, streams in the batch); None for the whole batch.
    """

    part: tuple[int, int, int] | None = None

    @contextmanager
    def reading(self, first: int, number: int, of: int) -> Iterator[None]:
        """Within the block, draw masks with a stream axis for the whole batch and slice out the part's streams."""
        self.part = (first, number, of)
        try:
            yield
        finally:
            self.part = None


def dropout_mask(
    shape: Sequence[int],
    rate: float,
    generator: torch.Generator,
    *,
    dtype: torch.dtype = torch.float32,
    streams: int | None = None,
) -> Tensor:
    """Draw a mask on the generator's device: 0 with probability `rate`, else 1 / (1 - rate).

    Args:
        streams: the axis of the streams; None if they share the mask.
    """
    part = generator.part if isinstance(generator, StreamGenerator) else None
    if part is None or streams is None:
        return _drawn(tuple(shape), rate, generator, dtype)
    first, number, of = part
    whole = _drawn((*shape[:streams], of, *shape[streams + 1 :]), rate, generator, dtype)
    return whole.narrow(streams, first, number).clone()  # a view would keep the whole


def _drawn(size: tuple[int, ...], rate: float, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Draw the mask itself.

    On a CPU two entries share the 64 bits of one draw. That is more than twice as fast as PyTorch's `bernoulli_`, which
    takes as long as a layer's feed-forward part there. The rate is exact to 2^-32.
    """
    scale = 1.0 / (1.0 - rate)
    if generator.device.type != "cpu":
        return (
            torch.empty(size, dtype=dtype, device=generator.device).bernoulli_(1.0 - rate, generator=generator) * scale
        )
    count = math.prod(size)
    bits = torch.empty((count + 1) // 2, dtype=torch.int64).random_(-(2**63), None, generator=generator)
    threshold = min(round(rate * 2**32), 2**32 - 1) - 2**31  # a share `rate` of the 2^32 equally likely values is below
    kept = bits.view(torch.int32)[:count].view(size) >= threshold
    return torch.where(kept, torch.tensor(scale, dtype=dtype), torch.zeros((), dtype=dtype))


def dropout(values: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Drop entries independently."""
    if rate == 0.0:
        return values
    return values * dropout_mask(values.shape, rate, generator, dtype=values.dtype, streams=0)


def locked_dropout(values: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Drop features, the same ones at every time step.

    Args:
        values: [batch, time, features].
    """
    if rate == 0.0:
        return values
    batch, _, features = values.shape
    return values * dropout_mask((batch, 1, features), rate, generator, dtype=values.dtype, streams=0)


def word_type_mask(
    vocabulary_size: int, rate: float, generator: torch.Generator, *, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw one factor per word type, [vocabulary, 1]; a dropped word is zero wherever it occurs in the batch."""
    return dropout_mask((vocabulary_size, 1), rate, generator, dtype=dtype)


def embed(weight: Tensor, inputs: Tensor, *, rate: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
    """Look up rows of the embedding, with whole word types dropped if `rate` is not 0.

    The rows are scaled after the look-up, so that the weight stays unchanged for the softmax tied to it.

    Args:
        weight: [vocabulary, d_model].
        inputs: int64 [batch, time].

    Returns:
        [batch, time, d_model].
    """
    rows = torch.nn.functional.embedding(inputs, weight)
    if rate == 0.0:
        return rows
    assert generator is not None
    return rows * word_type_mask(weight.shape[0], rate, generator, dtype=weight.dtype)[inputs]
