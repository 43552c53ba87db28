"""What a run costs, known before it starts: steps and floating-point operations."""

import math
from collections.abc import Mapping
from typing import Any, Final

from trainer.config.model import TrainerConfig
from trainer.config.reading import parse

# Words of the training text, the end of line included.
VOCABULARY_SIZES: Final = {"ptb": 10_000, "wikitext-2": 33_278}
TRAIN_TOKENS: Final = {"ptb": 929_589, "wikitext-2": 2_088_628}
TYPICAL_VOCABULARY: Final = 7_100  # of pydocs, whose text depends on the interpreter
TYPICAL_TRAIN_TOKENS: Final = 310_000


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
    """Floating-point operations of one training step with full memory, a multiply-add counted as two.

    Counted are the matrix products of Transformer-XL. A product whose both factors need a gradient costs twice its
    forward pass in the backward pass; distances need none, nor does memory unless it is normalized first, so theirs
    costs it once. The adaptive softmax is counted as if every token needed all of its clusters' rows.
    """
    return _operations(config, vocabulary, twice=3, once=2)


def forward_flops(config: TrainerConfig, vocabulary: int) -> float:
    """The same for the forward pass alone."""
    return _operations(config, vocabulary, twice=1, once=1)


def _operations(config: TrainerConfig, vocabulary: int, *, twice: int, once: int) -> float:
    """Operations of the products, weighted by whether the backward pass takes them twice or once more."""
    batch, length, model = config.data.batch_size, config.data.target_length, config.model
    keys, width = length + model.memory_length, model.heads * model.head_width
    own = 2 * model.d_model * width * length * 3  # queries, keys, values
    output = 2 * model.d_model * width * length
    attention = 3 * 2 * width * length * keys  # scores by content and by distance, weighted values
    feed_forward = 2 * 2 * model.d_model * model.inner_width * length
    carried = 2 * model.d_model * width * model.memory_length * 2  # keys and values
    distances = 2 * model.d_model * width * keys  # once for all streams
    softmax = 2 * model.d_model * (vocabulary + len(model.adaptive_cutoffs)) * length
    carried *= twice if model.pre_norm else once
    streams = model.layers * (twice * (own + output + attention + feed_forward) + carried) + twice * softmax
    return float(batch * streams + once * model.layers * distances)
