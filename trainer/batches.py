"""A text cut into parallel streams, and the streams into segments."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

FULL_LENGTH_SHARE: Final = 0.95
LENGTH_STD: Final = 5.0
SHORTEST_LENGTH: Final = 5


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


def random_length(target_length: int, generator: torch.Generator) -> int:
    """Length of a segment of random length (Merity et al. 2018, section 4.1): normal around its base, at least 5.

    The base is `target_length` or, seldom, half of it.
    """
    base = target_length if torch.rand((), generator=generator) < FULL_LENGTH_SHARE else target_length / 2
    drawn = base + LENGTH_STD * torch.randn((), generator=generator).item()
    return max(SHORTEST_LENGTH, int(drawn))


@dataclass(slots=True)
class TrainingBatches:
    """Segments of the training text, epoch after epoch, from a position that can be stored.

    Attributes:
        streams: int64 [batch, tokens of a stream].
        length_generator: of random lengths; None for segments of `target_length`.
        position: where in its streams the next segment starts.
        epoch: passes over the text so far.
    """

    streams: Tensor
    target_length: int
    position: int = 0
    epoch: int = 0
    length_generator: torch.Generator | None = None

    def next(self) -> tuple[Tensor, Tensor, bool]:
        """Inputs, targets, and whether they continue the segment before: not at the start of an epoch."""
        continues = self.position > 0
        length = self.target_length
        if self.length_generator is not None:
            length = random_length(length, self.length_generator)
        inputs, targets = next(segments(self.streams, length, self.position))
        self.position += inputs.shape[1]
        if self.position >= self.streams.shape[1] - 1:
            self.position, self.epoch = 0, self.epoch + 1
        return inputs, targets, continues


def training_batches(
    tokens: Tensor,
    num_streams: int,
    target_length: int,
    device: torch.device,
    *,
    length_generator: torch.Generator | None = None,
) -> TrainingBatches:
    """Batches of a training text from its start.

    Args:
        tokens: int64 [tokens].
        length_generator: of random lengths; None for segments of `target_length`.
    """
    return TrainingBatches(to_streams(tokens, num_streams).to(device), target_length, length_generator=length_generator)
