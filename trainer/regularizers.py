"""Dropout in the forms of the small-data Transformer-XL recipe. Every mask comes from an explicit generator.

A mask holds 0 with probability `rate` and 1 / (1 - rate) otherwise, so that its mean is 1. What tells the forms apart
is the axes that share one draw:

- word types (Gal and Ghahramani 2016): one draw for each row of the vocabulary and forward pass;
- locked: one draw for each stream and feature, shared over time (the variational dropout of Merity et al. 2018);
- elementwise: every entry for itself.

A step that reads its batch in parts draws each mask for the whole batch and takes its streams' part of it (see
`StreamGenerator`), so that the mathematics does not depend on the parts.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


class StreamGenerator(torch.Generator):
    """A generator that knows which streams of a batch a model reads.

    Attributes:
        part: (first, number, of how many) streams; None for the whole batch.
    """

    part: tuple[int, int, int] | None = None

    @contextmanager
    def reading(self, first: int, number: int, of: int) -> Iterator[None]:
        """Within the block, masks that tell streams apart are drawn for all and cut to some."""
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
    """A mask on the generator's device: 0 with probability `rate`, else 1 / (1 - rate).

    Args:
        streams: the axis of the streams; None where they share the mask.
    """
    part = generator.part if isinstance(generator, StreamGenerator) else None
    if part is None or streams is None:
        return _drawn(tuple(shape), rate, generator, dtype)
    first, number, of = part
    whole = _drawn((*shape[:streams], of, *shape[streams + 1 :]), rate, generator, dtype)
    return whole.narrow(streams, first, number).clone()  # a view would keep the whole


def _drawn(size: tuple[int, ...], rate: float, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """The mask itself.

    On a CPU two entries share the 64 bits of one draw: more than twice as fast as PyTorch's `bernoulli_`, which there
    takes as long as a layer's feed-forward part. `rate` is met to 2^-32.
    """
    scale = 1.0 / (1.0 - rate)
    if generator.device.type != "cpu":
        return (
            torch.empty(size, dtype=dtype, device=generator.device).bernoulli_(1.0 - rate, generator=generator) * scale
        )
    count = math.prod(size)
    bits = torch.empty((count + 1) // 2, dtype=torch.int64).random_(-(2**63), None, generator=generator)
    threshold = min(round(rate * 2**32), 2**32 - 1) - 2**31  # of 2^32 equally likely values, so many are below
    kept = bits.view(torch.int32)[:count].view(size) >= threshold
    return torch.where(kept, torch.tensor(scale, dtype=dtype), torch.zeros((), dtype=dtype))


def dropout(values: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Drop entries, each for itself."""
    if rate == 0.0:
        return values
    return values * dropout_mask(values.shape, rate, generator, dtype=values.dtype, streams=0)


def locked_dropout(values: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Drop features, the same ones at every time.

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
    """One factor for each word type, [vocabulary, 1]; a dropped word is zero wherever it stands in the batch."""
    return dropout_mask((vocabulary_size, 1), rate, generator, dtype=dtype)


def embed(weight: Tensor, inputs: Tensor, *, rate: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
    """Rows of the embedding, with whole word types dropped if `rate` is not 0.

    The rows are scaled after the look-up, so the weight itself stays as it is for the softmax tied to it.

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
