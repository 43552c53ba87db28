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
from dataclasses import dataclass
from typing import Literal, NamedTuple

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
    bits: Literal[16, 32] = 32,
    scaled: bool = True,
) -> Tensor:
    """Draw a mask on the generator's device: 0 with probability `rate`, else 1 / (1 - rate).

    Args:
        streams: the axis of the streams; None if they share the mask.
        bits: number of random bits per entry on a CPU; the rate is exact to 2^-bits.
        scaled: False for 1 instead of 1 / (1 - rate).
    """
    scale = 1.0 / (1.0 - rate) if scaled else 1.0
    part = generator.part if isinstance(generator, StreamGenerator) else None
    if part is None or streams is None:
        return _drawn(tuple(shape), rate, generator, dtype, scale, bits)
    first, number, of = part
    whole = _drawn((*shape[:streams], of, *shape[streams + 1 :]), rate, generator, dtype, scale, bits)
    return whole.narrow(streams, first, number).clone()  # a view would keep the whole


def _drawn(  # noqa: PLR0917 - the arguments of `dropout_mask`
    size: tuple[int, ...], rate: float, generator: torch.Generator, dtype: torch.dtype, scale: float, bits: int
) -> Tensor:
    """Draw the mask itself.

    On a CPU two or four entries share the 64 bits of one draw. With two, that is more than twice as fast as PyTorch's
    `bernoulli_`, which takes as long as a layer's feed-forward part there.
    """
    if generator.device.type != "cpu":
        mask = torch.empty(size, dtype=dtype, device=generator.device).bernoulli_(1.0 - rate, generator=generator)
        return mask * scale
    count, per_draw = math.prod(size), 64 // bits
    drawn = torch.empty(-(-count // per_draw), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    # Of the 2^bits equally likely values, a share `rate` is below the threshold.
    threshold = min(round(rate * 2**bits), 2**bits - 1) - 2 ** (bits - 1)
    values = drawn.view(torch.int32 if bits == 32 else torch.int16)[:count].view(size)
    kept = torch.ge(values, threshold, out=values)  # 0 or 1, as integers: to booleans it is ten times slower
    if kept.itemsize == dtype.itemsize:  # the scale's bits, or those of zero
        return kept.mul_(torch.tensor(scale, dtype=dtype).view(kept.dtype)).view(dtype)
    return kept.to(dtype).mul_(scale)


class Factors(NamedTuple):
    """A mask of values that are factors of matrix products.

    If products have a data type of their own, the mask has it too and holds zeros and ones, since 1 / (1 - rate) would
    be rounded. Then the weights that produce or follow the values are multiplied by `scale` before they are rounded.

    Attributes:
        mask: None where nothing is dropped.
        scale: 1 / (1 - rate) if the mask holds zeros and ones; 1 otherwise.
    """

    mask: Tensor | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Draws:
    """Draw the masks of one call; a mask is None where nothing is dropped.

    Masks are drawn before the model computes anything, so that the computation itself is free of random numbers and
    can be compiled as one graph.

    Attributes:
        dtype: data type of the masks.
        products: data type of the factors of matrix products, if they have one of their own.
        active: whether to drop at all; False in evaluation.
    """

    generator: torch.Generator
    dtype: torch.dtype
    products: torch.dtype | None = None
    active: bool = True

    def mask(self, shape: Sequence[int], rate: float, *, streams: int | None = None) -> Tensor | None:
        """Draw a mask as `dropout_mask` does."""
        if not self.active or rate == 0.0:
            return None
        bits: Literal[16, 32] = 32 if self.products is None else 16
        return dropout_mask(shape, rate, self.generator, dtype=self.dtype, streams=streams, bits=bits)

    def factors(self, shape: Sequence[int], rate: float, *, streams: int) -> Factors:
        """Draw a mask of factors of matrix products."""
        if self.products is None or not self.active or rate == 0.0:
            return Factors(self.mask(shape, rate, streams=streams))
        mask = dropout_mask(shape, rate, self.generator, dtype=self.products, streams=streams, bits=16, scaled=False)
        return Factors(mask, 1.0 / (1.0 - rate))

    def locked_factors(self, batch: int, features: int, rate: float) -> Factors:
        """Draw a mask of factors as `locked` does."""
        return self.factors((batch, 1, features), rate, streams=0)

    def locked(self, batch: int, features: int, rate: float) -> Tensor | None:
        """Draw a mask over features, [batch, 1, features]: the same ones are dropped at every time step."""
        return self.mask((batch, 1, features), rate, streams=0)

    def elements(self, shape: Sequence[int], rate: float) -> Tensor | None:
        """Draw a mask that drops entries independently; its first axis is that of the streams."""
        return self.mask(shape, rate, streams=0)

    def word_types(self, vocabulary_size: int, rate: float) -> Tensor | None:
        """Draw one factor per word type, [vocabulary, 1]; a dropped word is zero wherever it occurs in the batch."""
        return self.mask((vocabulary_size, 1), rate)


def dropped(values: Tensor, mask: Tensor | None) -> Tensor:
    """Multiply values by a mask, if there is one."""
    return values if mask is None else values * mask


def embed(weight: Tensor, inputs: Tensor, word_types: Tensor | None = None) -> Tensor:
    """Look up rows of the embedding, with whole word types dropped if there is a mask.

    The rows are scaled after the look-up, so that the weight stays unchanged for the softmax tied to it.

    Args:
        weight: [vocabulary, d_model].
        inputs: int64 [batch, time].
        word_types: [vocabulary, 1].

    Returns:
        [batch, time, d_model].
    """
    rows = torch.nn.functional.embedding(inputs, weight)
    return rows if word_types is None else rows * word_types[inputs]
