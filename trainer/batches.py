"""Cut a text into parallel streams, and the streams into segments."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from trainer.augmentation import Noise, TargetOffsets

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
    """Yield inputs and targets, each int64 [num_streams, at most target_length], from a position to the end.

    Every token except the first of a stream is predicted once; the last segment may be shorter.
    """
    last = streams.shape[1] - 1
    for begin in range(start, last, target_length):
        end = min(begin + target_length, last)
        yield streams[:, begin:end], streams[:, begin + 1 : end + 1]


def random_length(target_length: int, generator: torch.Generator) -> int:
    """Draw the length of a segment (Merity et al. 2018, section 4.1): normal around a base, at least 5.

    The base is `target_length` or, rarely, half of it.
    """
    base = target_length if torch.rand((), generator=generator) < FULL_LENGTH_SHARE else target_length / 2
    drawn = base + LENGTH_STD * torch.randn((), generator=generator).item()
    return max(SHORTEST_LENGTH, int(drawn))


def rotated(streams: Tensor, offsets: Tensor) -> Tensor:
    """Rotate each stream by its own offset: the text from there to its end, then its start (Press 2019).

    Args:
        streams: int64 [num_streams, tokens per stream]; offsets: int64 [num_streams].
    """
    positions = torch.arange(streams.shape[1], device=streams.device)
    return streams.gather(1, (positions + offsets.to(streams.device)[:, None]) % streams.shape[1])


class Batch(NamedTuple):
    """A segment of each stream.

    Attributes:
        inputs, targets: int64 [batch, time].
        continues: whether they continue the previous segment (not at the start of an epoch).
        noised: the same with noise, if the segment is to be read twice.
    """

    inputs: Tensor
    targets: Tensor
    continues: bool
    noised: tuple[Tensor, Tensor] | None = None


@dataclass(slots=True)
class TrainingBatches:
    """Segments of the training text, epoch after epoch, from a position that a checkpoint can hold.

    Attributes:
        text: the text as the corpus has it, int64 [batch, tokens per stream].
        streams: the text in the order in which this epoch reads it.
        length_generator: draws random lengths; None for segments of `target_length`.
        order_generator: draws the offsets of an epoch.
        row_rotation: rotate each stream by its own offset in every epoch.
        random_start: start each epoch at a random token of its first segment.
        noise: changes inputs and targets; None for no noise.
        reads_both: return both the text and the noised text.
        target_offsets: changes targets to words further ahead; None for the next words.
        position: where in its streams the next segment starts.
        start: where this epoch started.
        epoch: completed passes over the text.
        offsets: the offsets of this epoch's streams, int64 [batch]; None if they are not rotated.
    """

    text: Tensor
    target_length: int
    length_generator: torch.Generator | None = None
    order_generator: torch.Generator = field(default_factory=torch.Generator)
    row_rotation: bool = False
    random_start: bool = False
    noise: Noise | None = None
    reads_both: bool = False
    target_offsets: TargetOffsets | None = None
    streams: Tensor = field(init=False)
    position: int = 0
    start: int = 0
    epoch: int = 0
    offsets: Tensor | None = None

    def __post_init__(self) -> None:
        self._begin_epoch()

    def next(self) -> Batch:
        """Return the next segments; after the last of an epoch, begin the next epoch."""
        continues = self.position > self.start
        length = self.target_length
        if self.length_generator is not None:
            length = random_length(length, self.length_generator)
        inputs, targets = next(segments(self.streams, length, self.position))
        offsets = self._offsets(self.position + inputs.shape[1])
        if offsets is not None and self.target_offsets is not None:
            targets = self.target_offsets.targets(self.streams, self.position, inputs.shape[1], offsets)
        self.position += inputs.shape[1]
        if self.position >= self.streams.shape[1] - 1:
            self.epoch += 1
            self._begin_epoch()
        noised = None if self.noise is None else self.noise(inputs, targets)
        if offsets is not None and self.target_offsets is not None:
            inputs = self.target_offsets.marked(inputs, offsets)
            noised = None if noised is None else (self.target_offsets.marked(noised[0], offsets), noised[1])
        if noised is None or self.reads_both:
            return Batch(inputs, targets, continues, noised)
        return Batch(*noised, continues)

    def _offsets(self, end: int) -> Tensor | None:
        """Draw how far ahead the streams of a segment predict; None where the text ends too soon after it."""
        if self.target_offsets is None or end - 1 + self.target_offsets.largest >= self.streams.shape[1]:
            return None
        return self.target_offsets.draw(self.streams.shape[0])

    def _begin_epoch(self) -> None:
        num_streams, length = self.text.shape
        if self.row_rotation:
            self.offsets = torch.randint(length, (num_streams,), generator=self.order_generator)
        if self.random_start:
            latest = min(self.target_length, length - 1)
            self.start = int(torch.randint(latest, (), generator=self.order_generator))
        self.streams = self.text if self.offsets is None else rotated(self.text, self.offsets)
        self.position = self.start

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        generators = {"lengths": self.length_generator, "order": self.order_generator}
        generators["noise"] = None if self.noise is None else self.noise.generator
        generators["offsets"] = None if self.target_offsets is None else self.target_offsets.generator
        kept = {name: None if each is None else each.get_state() for name, each in generators.items()}
        where = {"position": self.position, "start": self.start, "epoch": self.epoch}
        return {**where, "offsets": self.offsets, "generators": kept}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.position, self.start, self.epoch = state["position"], state["start"], state["epoch"]
        self.offsets = state["offsets"]
        self.streams = self.text if self.offsets is None else rotated(self.text, self.offsets)
        self.order_generator.set_state(state["generators"]["order"])
        if self.length_generator is not None:
            self.length_generator.set_state(state["generators"]["lengths"])
        if self.noise is not None:
            self.noise.generator.set_state(state["generators"]["noise"])
        if self.target_offsets is not None:
            self.target_offsets.generator.set_state(state["generators"]["offsets"])
