"""Measure the perplexity of a text with carried memory."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from trainer.batches import segments
from trainer.models.language_model import LanguageModel


class EvaluationText(NamedTuple):
    """A text, or a part of it, cut into streams that are read in parallel.

    Attributes:
        streams: int64 [streams, tokens of the longest stream].
        longer: number of streams, the first ones, that have one token more than the others; 0 if all are equally long.
    """

    streams: Tensor
    longer: int = 0

    @property
    def num_tokens(self) -> int:
        """Number of tokens that are predicted."""
        number, length = self.streams.shape
        return number * (length - 1) - (number - self.longer if self.longer else 0)

    def to(self, device: torch.device) -> "EvaluationText":
        """Return the text on a device."""
        return EvaluationText(self.streams.to(device), self.longer)


def whole_text(tokens: Tensor, num_streams: int) -> EvaluationText:
    """Cut a text into streams that together predict every token except the first exactly once.

    A stream starts with the last token of the stream before. Their lengths differ by at most 1; a text that is too
    short has fewer streams.

    Args:
        tokens: int64 [tokens], at least 2.
    """
    predicted = len(tokens) - 1
    num_streams = min(num_streams, predicted)
    length, longer = divmod(predicted, num_streams)
    rows = torch.arange(num_streams)
    starts = rows * length + rows.clamp(max=longer)
    columns = torch.arange(length + (2 if longer else 1))
    return EvaluationText(tokens[(starts[:, None] + columns).clamp_(max=predicted)], longer)


def sampled_text(tokens: Tensor, num_streams: int, num_tokens: int, generator: torch.Generator) -> EvaluationText:
    """Draw equally long streams from a text, without replacement, that predict about `num_tokens` tokens.

    Args:
        tokens: int64 [tokens], at least 2.
        num_tokens: at least 1; the whole text is returned if it has no more.
    """
    predicted = len(tokens) - 1
    if num_tokens >= predicted:
        return whole_text(tokens, num_streams)
    num_streams = min(num_streams, num_tokens)
    length = num_tokens // num_streams
    blocks = torch.randperm(predicted // length, generator=generator)[:num_streams].sort().values
    return EvaluationText(tokens[blocks[:, None] * length + torch.arange(length + 1)])


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


@torch.no_grad()
def evaluate(
    model: LanguageModel,
    text: EvaluationText,
    *,
    target_length: int,
    memory_length: int,
    tokens_per_word: float = 1.0,
    check: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Go through a text once without dropout, segment by segment, the memory carried along.

    Segments count by their length, since the last may be short. The model is left as it was.

    Args:
        text: on the device of the model.
        memory_length: number of hidden states to carry here; the model's own number is restored.
        tokens_per_word: 1 where tokens are words.
        check: called before every segment; may raise to leave early.
    """
    trained_length, was_training = model.memory_length, model.training
    model.memory_length = memory_length
    model.eval()
    common = text.streams[:, :-1] if text.longer else text.streams
    try:
        memory = None
        total = torch.zeros((), dtype=torch.float64, device=text.streams.device)
        for inputs, targets in segments(common, target_length):
            check()
            loss, memory = model(inputs, targets, memory)
            total += loss.double() * targets.numel()
        if text.longer:
            last = text.streams[: text.longer, -2:]
            carried = None if memory is None else tuple(each[: text.longer] for each in memory)
            loss, _ = model(last[:, :1], last[:, 1:], carried)
            total += loss.double() * text.longer
    finally:
        model.memory_length = trained_length
        model.train(was_training)
    return Evaluation(total.item() / text.num_tokens * tokens_per_word, text.num_tokens)
