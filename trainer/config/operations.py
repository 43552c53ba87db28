"""Count the floating-point operations of a step by architecture: its matrix products, a multiply-add as two.

Attention counts all keys of the context, including masked ones.
"""

from dataclasses import dataclass

from trainer.config.model import TrainerConfig


@dataclass(frozen=True, slots=True)
class Passes:
    """How often a product is computed in a step.

    Attributes:
        twice: if both factors need a gradient: 3 in training, one in the forward pass and two in the backward pass.
        once: if one factor needs a gradient: 2 in training.
    """

    twice: int
    once: int


TRAINING = Passes(3, 2)
FORWARD = Passes(1, 1)


def operations(config: TrainerConfig, vocabulary: int, passes: Passes) -> float:
    """Return the operations of a step with full memory and segments of `data.target_length`."""
    if config.model.kind == "awd_lstm":
        return _awd_lstm(config, vocabulary, passes)
    if config.model.kind == "transformer_xl":
        return _transformer_xl(config, vocabulary, passes)
    return _gpt(config, vocabulary, passes)


def _transformer_xl(config: TrainerConfig, vocabulary: int, passes: Passes) -> float:
    """Count a Transformer-XL's operations.

    Distances need no gradient, nor does the memory unless it is normalized first. The adaptive softmax counts as if
    every token needed the rows of all clusters.
    """
    batch, length, model = config.data.batch_size, config.data.target_length, config.model
    keys, width = length + model.memory_length, model.heads * model.head_width
    own = 2 * model.d_model * width * length * 3  # queries, keys, values
    output = 2 * model.d_model * width * length
    attention = 3 * 2 * width * length * keys  # scores by content and by distance, weighted values
    feed_forward = 2 * 2 * model.d_model * model.inner_width * length
    carried = 2 * model.d_model * width * model.memory_length * 2  # keys and values
    distances = 2 * model.d_model * width * keys  # once for all streams
    softmax = 2 * model.d_model * (vocabulary + len(model.adaptive_cutoffs)) * length
    carried *= passes.twice if model.pre_norm else passes.once
    layer = passes.twice * (own + output + attention + feed_forward) + carried
    streams = model.layers * layer + passes.twice * softmax
    return float(batch * streams + passes.once * model.layers * distances)


def _awd_lstm(config: TrainerConfig, vocabulary: int, passes: Passes) -> float:
    """Count an AWD-LSTM's operations; the state before a segment needs no gradient."""
    batch, length, model = config.data.batch_size, config.data.target_length, config.model
    widths = [*[model.inner_width] * (model.layers - 1), model.d_model]
    total = passes.twice * 2 * model.d_model * vocabulary * length
    for inputs, width in zip([model.d_model, *widths[:-1]], widths, strict=True):
        from_inputs = 2 * inputs * 4 * width * length
        from_state = 2 * width * 4 * width
        total += passes.twice * (from_inputs + from_state * (length - 1)) + passes.once * from_state
    return float(batch * total)


def _gpt(config: TrainerConfig, vocabulary: int, passes: Passes) -> float:
    """Count a GPT's operations; the memory's tokens cost as much as the segment's, except for the softmax."""
    model, length = config.model, config.context_length
    width = model.heads * model.head_width
    projections = 2 * model.d_model * width * 4 * length  # queries, keys, values, output
    attention = 2 * 2 * width * length * length  # scores, weighted values
    matrices = 3 if model.kind == "modern_gpt" else 2
    feed_forward = 2 * matrices * model.d_model * model.inner_width * length
    softmax = 2 * model.d_model * vocabulary * config.data.target_length
    streams = model.layers * (projections + attention + feed_forward) + softmax
    return float(config.data.batch_size * passes.twice * streams)
