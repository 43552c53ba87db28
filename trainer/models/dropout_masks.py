"""The dropout masks of Transformers, drawn before a call computes anything."""

from typing import NamedTuple

from torch import Tensor

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.regularizers import Draws, Factors, dropped


class LayerMasks(NamedTuple):
    """The dropout masks of a layer; None where nothing is dropped.

    Attributes:
        projections: of queries, keys and values, [batch, 1, 3 * heads * d_head]; memory and segment share it.
        attention: of the attention probabilities.
        attended: of the attention's output, [batch, 1, d_model] or, with stochastic depth alone, [batch, 1, 1].
        inner: within the feed-forward layer, [batch, 1, d_inner].
        outer: of its output, the same.
    """

    projections: Factors = Factors()
    attention: Factors = Factors()
    attended: Factors = Factors()
    inner: Factors = Factors()
    outer: Factors = Factors()


class Masks(NamedTuple):
    """The dropout masks of a call; None where nothing is dropped.

    Attributes:
        word_types: [vocabulary, 1].
        embeddings: [batch, 1, d_model].
        encodings: of encoded distances, [1, d_model].
        layers: those of each layer.
        entries: of the segment's last hidden states, [batch, time, d_model].
        output: of the same states, [batch, 1, d_model].
    """

    word_types: Tensor | None
    embeddings: Tensor | None
    encodings: Tensor | None
    layers: tuple[LayerMasks, ...]
    entries: Tensor | None
    output: Tensor | None


class AttentionShape(NamedTuple):
    """The shape of attention probabilities, and which of its axes is that of the streams."""

    shape: tuple[int, int, int, int]
    streams: int


def draw_masks(
    draws: Draws,
    config: ModelConfig,
    rates: RegularizationConfig,
    *,
    vocabulary_size: int,
    shape: tuple[int, int],
    attention: AttentionShape,
    encodings: bool,
) -> Masks:
    """Draw the masks of a call, in the order in which they are used.

    Args:
        vocabulary_size: number of words in the embedding.
        shape: [batch, time] of the segment.
        encodings: whether the model encodes distances.
    """
    (batch, time), width = shape, config.d_model
    return Masks(
        word_types=draws.word_types(vocabulary_size, rates.embedding_dropout),
        embeddings=draws.locked(batch, width, rates.input_dropout),
        encodings=draws.mask((1, width), rates.input_dropout) if encodings else None,
        layers=tuple(
            LayerMasks(
                projections=draws.locked_factors(batch, 3 * config.heads * config.head_width, rates.dropout),
                attention=draws.factors(attention.shape, rates.attention_dropout, streams=attention.streams),
                attended=_part(draws, batch, width, rates.dropout, depth_rate),
                inner=draws.locked_factors(batch, config.inner_width, rates.dropout),
                outer=_part(draws, batch, width, rates.dropout, depth_rate),
            )
            for depth_rate in depth_rates(config.layers, rates.stochastic_depth)
        ),
        entries=draws.elements((batch, time, width), rates.dropout),  # both, as in the recipe
        output=draws.locked(batch, width, rates.output_dropout),
    )


def depth_rates(layers: int, rate: float) -> list[float]:
    """Return the rate of stochastic depth in each layer: rate x layer / layers (Huang et al. 2016, section 3)."""
    return [rate * number / layers for number in range(1, layers + 1)]


def _part(draws: Draws, batch: int, width: int, rate: float, depth_rate: float) -> Factors:
    """Draw the mask of what a part of a layer adds to the residual stream.

    Stochastic depth leaves it out for some streams, and divides it by 1 - rate for the others, as dropout does.

    Returns:
        A mask [batch, 1, width] or, without dropout, [batch, 1, 1].
    """
    features, streams = draws.locked_factors(batch, width, rate), draws.locked_factors(batch, 1, depth_rate)
    mask = streams.mask if features.mask is None else dropped(features.mask, streams.mask)
    return Factors(mask, features.scale * streams.scale)
