"""Compute the cost of a run before it starts: steps and floating-point operations."""

import math
from collections.abc import Mapping
from typing import Any, Final

from trainer.config.model import BPE_VOCABULARY_SIZE, TrainerConfig
from trainer.config.operations import FORWARD, TRAINING, operations
from trainer.config.reading import parse

# Distinct words of the training text, line end included.
VOCABULARY_SIZES: Final = {"ptb": 10_000, "wikitext-2": 33_278, "wikitext-2-replica": 13_777, "wikitext-103": 267_735}
TRAIN_TOKENS: Final = {
    "ptb": 929_589,
    "wikitext-2": 2_088_628,
    "wikitext-2-replica": 217_646,
    "wikitext-103": 103_227_021,
}
TYPICAL_VOCABULARY: Final = 7_100  # that of pydocs, whose text depends on the interpreter
TYPICAL_TRAIN_TOKENS: Final = 310_000
TYPICAL_TOKENS_PER_WORD: Final = 1.2  # that of Penn Treebank in 8,192 tokens learned from it


def steps_for(
    *, steps: int | None, tokens: int | None, epochs: float | None, batch_tokens: float, corpus_tokens: int
) -> int:
    """Return the optimizer steps of a budget, of which one form is given.

    Args:
        batch_tokens: number of tokens that one step predicts.
        corpus_tokens: number of tokens in the training text.
    """
    if steps is not None:
        return steps
    wanted = tokens if tokens is not None else (epochs or 0.0) * corpus_tokens
    return max(1, math.ceil(wanted / batch_tokens))


def num_steps(config: Mapping[str, object], budget: Mapping[str, Any]) -> int:
    """Return the optimizer steps of a run, as far as they are known without its corpus."""
    parsed = parse({**config, "budget": dict(budget)})
    assert parsed.budget is not None
    corpus_words = parsed.data.max_train_tokens or TRAIN_TOKENS.get(parsed.data.corpus, TYPICAL_TRAIN_TOKENS)
    return steps_for(
        steps=parsed.budget.steps,
        tokens=parsed.budget.tokens,
        epochs=parsed.budget.epochs,
        batch_tokens=tokens_per_step(parsed),
        corpus_tokens=round(corpus_words * tokens_per_word(parsed)),
    )


def tokens_per_word(config: TrainerConfig) -> float:
    """Return the number of tokens of a word, as far as it is known without the corpus."""
    return TYPICAL_TOKENS_PER_WORD if config.data.tokenization == "bpe" else 1.0


def training_flops(config: Mapping[str, object], steps: int) -> float:
    """Return the floating-point operations of training for some steps, without evaluation."""
    parsed = parse(config)
    share = tokens_per_step(parsed) / (parsed.data.batch_size * parsed.data.target_length)
    return steps * share * flops_per_step(parsed, vocabulary_size(parsed))


def vocabulary_size(config: TrainerConfig) -> int:
    """Return the number of words (or tokens) of the softmax, as far as it is known without the corpus."""
    if config.data.tokenization == "bpe":
        return config.data.vocabulary_size or BPE_VOCABULARY_SIZE
    known = VOCABULARY_SIZES.get(config.data.vocabulary_corpus or config.data.corpus, TYPICAL_VOCABULARY)
    return min(config.data.vocabulary_size or known, known)


def flops_per_step(config: TrainerConfig, vocabulary: int) -> float:
    """Return the floating-point operations of one training step with full memory; a multiply-add counts as two."""
    return readings(config) * operations(config, vocabulary, TRAINING)


def readings(config: TrainerConfig) -> int:
    """Return how often a training step reads its segments."""
    return 1 if config.data.noise_weight is None else 2


def forward_flops(config: TrainerConfig, vocabulary: int) -> float:
    """Return those of only the forward pass, of one reading."""
    return operations(config, vocabulary, FORWARD)


def evaluation_flops_per_token(config: TrainerConfig) -> float:
    """Return the floating-point operations to predict a token in an evaluation, which has its own lengths."""
    batch_size, (target_length, memory_length) = config.evaluation.batch_size, config.evaluation_lengths
    data = config.data.model_copy(update={"batch_size": batch_size, "target_length": target_length})
    model = config.model.model_copy(update={"memory_length": memory_length})
    read = config.model_copy(update={"data": data, "model": model})
    return forward_flops(read, vocabulary_size(config)) / (batch_size * target_length)


def tokens_per_step(config: TrainerConfig) -> float:
    """Return the number of tokens that a step predicts, or its mean if it is random."""
    length: float = config.data.target_length
    if config.data.random_target_length:  # see `trainer.batches.random_length`
        length = max(5.0, 0.975 * length - 0.5)
    return config.data.batch_size * length
