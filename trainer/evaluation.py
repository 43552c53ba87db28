"""Measure the perplexity of a text with carried memory."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.batches import segments
from trainer.models.language_model import LanguageModel


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's loss on a text.

    Attributes:
        loss: mean nats per word: the mean over the predicted tokens times the text's tokens per word.
        num_tokens: number of predicted tokens.
    """

    loss: float
    num_tokens: int

    @property
    def perplexity(self) -> float:
        """exp(loss), or infinity where that exceeds the range of floats."""
        try:
            return math.exp(self.loss)
        except OverflowError:
            return math.inf


def left_out(num_tokens: int, num_streams: int) -> float:
    """Return the share of a text's tokens after the first that `num_streams` streams do not predict."""
    predicted = num_streams * (num_tokens // num_streams - 1)
    return 1.0 - predicted / (num_tokens - 1)


@torch.no_grad()
def evaluate(
    model: LanguageModel,
    streams: Tensor,
    *,
    target_length: int,
    memory_length: int,
    tokens_per_word: float = 1.0,
    check: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Go through a text once without dropout, segment by segment, the memory carried along.

    Segments count by their length, since the last may be short. The model is left as it was.

    Args:
        streams: int64 [streams, tokens of a stream].
        memory_length: hidden states that are carried here; the model's own length is put back.
        tokens_per_word: 1 where tokens are words.
        check: called before every segment; may raise to leave early.
    """
    trained_length, was_training = model.memory_length, model.training
    model.memory_length = memory_length
    model.eval()
    try:
        memory, num_tokens = None, 0
        total = torch.zeros((), dtype=torch.float64, device=streams.device)
        for inputs, targets in segments(streams, target_length):
            check()
            loss, memory = model(inputs, targets, memory)
            total += loss.double() * targets.numel()
            num_tokens += targets.numel()
    finally:
        model.memory_length = trained_length
        model.train(was_training)
    return Evaluation(total.item() / num_tokens * tokens_per_word, num_tokens)
