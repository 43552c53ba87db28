"""What a run costs, known before it starts: steps and floating-point operations."""

import math
from collections.abc import Mapping
from typing import Any, Final

from trainer.config.model import ModelConfig, TrainerConfig
from trainer.config.reading import parse

# Words of the training text, the end of line included.
VOCABULARY_SIZES: Final = {"ptb": 10_000, "wikitext-2": 33_278}
TRAIN_TOKENS: Final = {"ptb": 929_589, "wikitext-2": 2_088_628}
TYPICAL_VOCABULARY: Final = 10_000  # of pydocs, whose text depends on the interpreter
TYPICAL_TRAIN_TOKENS: Final = 300_000
BACKWARD_FACTOR: Final = 3  # forward once, backward twice as much (Kaplan et al. 2020, section 2.1)


def steps_for(
    *, steps: int | None, tokens: int | None, epochs: float | None, batch_tokens: int, corpus_tokens: int
) -> int:
    """Optimizer steps of a budget of which one is given.

    Args:
        batch_tokens: tokens that one step predicts.
        corpus_tokens: tokens of the training text.
    """
    if steps is not None:
        return steps
    wanted = tokens if tokens is not None else (epochs or 0.0) * corpus_tokens
    return max(1, math.ceil(wanted / batch_tokens))


def num_steps(config: Mapping[str, object], budget: Mapping[str, Any]) -> int:
    """Optimizer steps of a run, as far as they are known without its corpus."""
    parsed = parse({**config, "budget": dict(budget)})
    assert parsed.budget is not None
    corpus_tokens = parsed.data.max_train_tokens or TRAIN_TOKENS.get(parsed.data.corpus, TYPICAL_TRAIN_TOKENS)
    return steps_for(
        steps=parsed.budget.steps,
        tokens=parsed.budget.tokens,
        epochs=parsed.budget.epochs,
        batch_tokens=parsed.data.batch_size * parsed.data.target_length,
        corpus_tokens=corpus_tokens,
    )


def training_flops(config: Mapping[str, object], steps: int) -> float:
    """Floating-point operations of training for some steps, evaluation aside."""
    parsed = parse(config)
    return steps * flops_per_step(parsed, vocabulary_size(parsed))


def vocabulary_size(config: TrainerConfig) -> int:
    """Words of the softmax, as far as they are known without the corpus."""
    known = VOCABULARY_SIZES.get(config.data.corpus, TYPICAL_VOCABULARY)
    return min(config.data.vocabulary_size or known, known)


def flops_per_step(config: TrainerConfig, vocabulary: int) -> float:
    """Floating-point operations of one training step, a multiply-add counted as two."""
    batch, length = config.data.batch_size, config.data.target_length
    memory = config.model.memory_length
    return BACKWARD_FACTOR * forward_flops(config.model, batch, length, memory, vocabulary)


def forward_flops(model: ModelConfig, batch: int, length: int, memory: int, vocabulary: int) -> float:
    """Floating-point operations of the matrix products of one forward pass of Transformer-XL with full memory.

    Args:
        length: target tokens of each stream; memory: hidden states carried.
    """
    keys = length + memory
    width = model.heads * model.head_width
    queries_keys_values = 2 * model.d_model * width * (length + 2 * keys)
    positions = 2 * model.d_model * width * keys / batch  # shared by the streams
    attention = 3 * 2 * length * keys * width  # content and position scores, weighted values
    output = 2 * width * model.d_model * length
    feed_forward = 4 * model.d_model * model.inner_width * length
    layer = queries_keys_values + positions + attention + output + feed_forward
    softmax = 2 * model.d_model * vocabulary * length
    return float(batch * (model.layers * layer + softmax))
