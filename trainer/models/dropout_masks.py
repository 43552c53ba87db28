"""The dropout masks of Transformers, drawn before a call computes anything."""

from typing import NamedTuple

from torch import Tensor

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.regularizers import Draws


class LayerMasks(NamedTuple):
    """The dropout masks of a layer; None where nothing is dropped.

    Attributes:
        projections: of queries, keys and values, [batch, 1, 3 * heads * d_head]; memory and segment share it.
        attention: of the attention probabilities.
        attended: of the attention's output, [batch, 1, d_model].
        inner: within the feed-forward layer, [batch, 1, d_inner].
        outer: of its output, [batch, 1, d_model].
    """

    projections: Tensor | None
    attention: Tensor | None
    attended: Tensor | None
    inner: Tensor | None
    outer: Tensor | None


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
                projections=draws.locked(batch, 3 * config.heads * config.head_width, rates.dropout),
                attention=draws.probabilities(attention.shape, rates.attention_dropout, streams=attention.streams),
                attended=draws.locked(batch, width, rates.dropout),
                inner=draws.locked(batch, config.inner_width, rates.dropout),
                outer=draws.locked(batch, width, rates.dropout),
            )
            for _ in range(config.layers)
        ),
        entries=draws.elements((batch, time, width), rates.dropout),  # both, as in the recipe
        output=draws.locked(batch, width, rates.output_dropout),
    )
