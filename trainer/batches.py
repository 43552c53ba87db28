"""A text cut into parallel streams, and the streams into segments."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


def to_streams(tokens: Tensor, num_streams: int) -> Tensor:
    """Cut a text into equally long streams; what is left over is dropped.

    Args:
        tokens: int64 [tokens].

    Returns:
        int64 [num_streams, tokens // num_streams].
    """
    length = len(tokens) // num_streams
    return tokens[: length * num_streams].view(num_streams, length).contiguous()


def segments(streams: Tensor, target_length: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets, each int64 [num_streams, at most target_length], from a position to the end.

    Every token but a stream's first is predicted once; the last segment may be short.
    """
    last = streams.shape[1] - 1
    for begin in range(start, last, target_length):
        end = min(begin + target_length, last)
        yield streams[:, begin:end], streams[:, begin + 1 : end + 1]


@dataclass(slots=True)
class TrainingBatches:
    """Segments of the training text, epoch after epoch, from a position that can be stored.

    Attributes:
        streams: int64 [batch, tokens of a stream].
        position: where in its streams the next segment starts.
        epoch: passes over the text so far.
    """

    streams: Tensor
    target_length: int
    position: int = 0
    epoch: int = 0

    def next(self) -> tuple[Tensor, Tensor, bool]:
        """Inputs, targets, and whether they continue the segment before: not at the start of an epoch."""
        continues = self.position > 0
        inputs, targets = next(segments(self.streams, self.target_length, self.position))
        self.position += inputs.shape[1]
        if self.position >= self.streams.shape[1] - 1:
            self.position, self.epoch = 0, self.epoch + 1
        return inputs, targets, continues


def training_batches(tokens: Tensor, num_streams: int, target_length: int, device: torch.device) -> TrainingBatches:
    """Batches of a training text from its start.

    Args:
        tokens: int64 [tokens].
    """
    return TrainingBatches(to_streams(tokens, num_streams).to(device), target_length)
