"""Measure the perplexity of a text with carried memory."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from trainer.batches import segments
from trainer.models.language_model import LanguageModel, Memory


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

    def segments(self, target_length: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs and targets, each int64 [streams, at most target_length].

        The last segment is the one token that only the longer streams have, if there are any; then it has fewer streams
        than the others, the first ones.
        """
        yield from segments(self.streams[:, :-1] if self.longer else self.streams, target_length)
        if self.longer:
            last = self.streams[: self.longer, -2:]
            yield last[:, :1], last[:, 1:]


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
    """Draw streams from a text, without replacement, that predict `num_tokens` tokens; lengths differ by at most 1.

    Args:
        tokens: int64 [tokens], at least 2.
        num_tokens: at least 1; the whole text is returned if it has no more.
    """
    predicted = len(tokens) - 1
    if num_tokens >= predicted:
        return whole_text(tokens, num_streams)
    num_streams = min(num_streams, num_tokens)
    length, longer = divmod(num_tokens, num_streams)
    length += 1 if longer else 0  # of the longest
    if num_streams * length > predicted:  # too long a part to leave choices
        return whole_text(tokens[: num_tokens + 1], num_streams)
    blocks = torch.randperm(predicted // length, generator=generator)[:num_streams].sort().values
    return EvaluationText(tokens[blocks[:, None] * length + torch.arange(length + 1)], longer)


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
    try:
        memory = None
        total = torch.zeros((), dtype=torch.float64, device=text.streams.device)
        for inputs, targets in text.segments(target_length):
            check()
            loss, memory = model(inputs, targets, of_first_streams(memory, inputs.shape[0]))
            total += loss.double() * targets.numel()
    finally:
        model.memory_length = trained_length
        model.train(was_training)
    return Evaluation(total.item() / text.num_tokens * tokens_per_word, text.num_tokens)


def of_first_streams(memory: Memory | None, number: int) -> Memory | None:
    """Return the memory of the first streams; the memory itself if it has no others."""
    if memory is None or memory[0].shape[0] == number:
        return memory
    return tuple(each[:number] for each in memory)
