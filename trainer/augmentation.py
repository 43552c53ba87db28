"""Add noise to the training text (Xie et al. 2017, "Data Noising as Smoothing in Neural Network Language Models").

Let x be the inputs, y the targets, gamma the rate, c(w) the count of a word, and N1+(w, .) and N1+(., w) the numbers
of its distinct successors and predecessors in the training text:

- blank: x_t becomes a special word with probability gamma;
- unigram: x_t becomes a draw from c(w) / N with probability gamma;
- uniform: x_t becomes any word of the vocabulary with probability gamma;
- bigram Kneser-Ney: with probability gamma N1+(x_t, .) / c(x_t), x_t and y_t become independent draws from
  q(w) ~ N1+(., w).

Or predict words further ahead (Chen et al. 2026, "Demystifying Training-Time Augmentation for Data-Constrained Language
Model Pretraining", target offset prediction).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Noise:
    """Which words are replaced how often, and by what.

    Attributes:
        probabilities: the probability of replacing each word, float64 [vocabulary].
        cumulative: cumulative probabilities of the proposal, float64 [vocabulary], the last 1; None for `blank`.
        blank: the id that replaces every word; None where replacements are drawn.
        replaces_targets: whether the target of a replaced word is redrawn too.
        generator: the source of randomness, on the device of the tables.
        random_rate: whether each call multiplies the probabilities of a stream by its own draw from U(0, 1).
    """

    probabilities: Tensor
    cumulative: Tensor | None
    blank: int | None
    replaces_targets: bool
    generator: torch.Generator
    random_rate: bool = False

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return noised inputs and targets, each int64 [batch, time]."""
        probabilities = self.probabilities[inputs]
        if self.random_rate:
            probabilities = probabilities * self._uniform(inputs[:, :1])
        replaced = self._uniform(inputs) < probabilities
        if self.cumulative is None:
            assert self.blank is not None
            return inputs.masked_fill(replaced, self.blank), targets
        noised = torch.where(replaced, self._words(inputs), inputs)
        if self.replaces_targets:
            targets = torch.where(replaced, self._words(inputs), targets)
        return noised, targets

    def _uniform(self, like: Tensor) -> Tensor:
        return torch.rand(like.shape, dtype=torch.float64, device=like.device, generator=self.generator)

    def _words(self, like: Tensor) -> Tensor:
        """Draw words from the proposal, in the shape of `like`."""
        assert self.cumulative is not None
        drawn = torch.searchsorted(self.cumulative, self._uniform(like), right=True)
        return drawn.clamp_(max=len(self.cumulative) - 1)


@dataclass(frozen=True, slots=True)
class TargetOffsets:
    """Lets some streams of a segment predict not the next word but the i-th next, i up to `largest`.

    i is drawn for each stream and segment with probability ~ exp(1 - i). The word `first_word + i - 2` takes the place
    of the segment's first word and says that the stream predicts the i-th next; without such a word, it predicts the
    next. In the paper, such a word precedes each text.

    Attributes:
        largest: the largest i.
        first_word: the id of the word for i = 2.
        generator: the source of randomness, on the device of the text.
    """

    largest: int
    first_word: int
    generator: torch.Generator

    def draw(self, num_streams: int) -> Tensor:
        """Draw i for each stream, int64 [num_streams]."""
        ahead = torch.arange(self.largest, dtype=torch.float64, device=self.generator.device)
        cumulative = torch.softmax(-ahead, 0).cumsum(0)
        drawn = torch.rand(num_streams, dtype=torch.float64, device=cumulative.device, generator=self.generator)
        return torch.searchsorted(cumulative, drawn, right=True).clamp_(max=self.largest - 1) + 1

    def targets(self, streams: Tensor, start: int, length: int, offsets: Tensor) -> Tensor:
        """Return the words that are the offset of each stream ahead, int64 [streams, length]."""
        positions = torch.arange(start, start + length, device=streams.device)
        return streams.gather(1, positions + offsets[:, None])

    def marked(self, inputs: Tensor, offsets: Tensor) -> Tensor:
        """Put the word of each stream's offset in place of its first word."""
        first = torch.where(offsets > 1, offsets - 2 + self.first_word, inputs[:, 0])
        return torch.cat([first[:, None], inputs[:, 1:]], 1)


def make_noise(
    kind: Literal["blank", "unigram", "uniform", "bigram_kneser_ney"],
    rate: float,
    train: Tensor,
    vocabulary_size: int,
    generator: torch.Generator,
    *,
    random_rate: bool = False,
) -> Noise:
    """Build the noise for a training text.

    Args:
        train: int64 [tokens].
        generator: the source of randomness; its device becomes that of the noise.
        random_rate: whether to draw the rate of every segment of a stream from U(0, rate).
    """
    counts = torch.bincount(train, minlength=vocabulary_size).double()
    probabilities, weights, blank = torch.full_like(counts, rate), None, None
    if kind == "blank":
        blank = vocabulary_size
    elif kind == "unigram":
        weights = counts
    elif kind == "uniform":
        weights = torch.ones_like(counts)
    else:
        successors, predecessors = distinct_neighbours(train, vocabulary_size)
        probabilities = rate * successors / counts.clamp(min=1.0)
        weights = predecessors
    device = generator.device
    cumulative = None if weights is None else (weights.cumsum(0) / weights.sum()).to(device)
    replaces_targets = kind == "bigram_kneser_ney"
    return Noise(probabilities.to(device), cumulative, blank, replaces_targets, generator, random_rate)


def distinct_neighbours(train: Tensor, vocabulary_size: int) -> tuple[Tensor, Tensor]:
    """Count the distinct successors and predecessors of each word: N1+(w, .) and N1+(., w), float64 [vocabulary]."""
    pairs = torch.unique(train[:-1] * vocabulary_size + train[1:])
    successors = torch.bincount(pairs // vocabulary_size, minlength=vocabulary_size)
    predecessors = torch.bincount(pairs % vocabulary_size, minlength=vocabulary_size)
    return successors.double(), predecessors.double()
