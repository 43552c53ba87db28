"""Add noise to the training text (Xie et al. 2017, "Data Noising as Smoothing in Neural Network Language Models").

Let x be the inputs, y the targets, gamma the rate, c(w) the count of a word, and N1+(w, .) and N1+(., w) the numbers
of its distinct successors and predecessors in the training text:

- blank: x_t becomes a special word with probability gamma;
- unigram: x_t becomes a draw from c(w) / N with probability gamma;
- bigram Kneser-Ney: with probability gamma N1+(x_t, .) / c(x_t), x_t and y_t become independent draws from
  q(w) ~ N1+(., w).
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
    """

    probabilities: Tensor
    cumulative: Tensor | None
    blank: int | None
    replaces_targets: bool
    generator: torch.Generator

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return noised inputs and targets, each int64 [batch, time]."""
        replaced = self._uniform(inputs) < self.probabilities[inputs]
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


def make_noise(
    kind: Literal["blank", "unigram", "bigram_kneser_ney"],
    rate: float,
    train: Tensor,
    vocabulary_size: int,
    generator: torch.Generator,
) -> Noise:
    """Build the noise for a training text.

    Args:
        train: int64 [tokens].
        generator: the source of randomness; its device becomes that of the noise.
    """
    counts = torch.bincount(train, minlength=vocabulary_size).double()
    probabilities, weights, blank = torch.full_like(counts, rate), None, None
    if kind == "blank":
        blank = vocabulary_size
    elif kind == "unigram":
        weights = counts
    else:
        successors, predecessors = distinct_neighbours(train, vocabulary_size)
        probabilities = rate * successors / counts.clamp(min=1.0)
        weights = predecessors
    device = generator.device
    cumulative = None if weights is None else (weights.cumsum(0) / weights.sum()).to(device)
    return Noise(probabilities.to(device), cumulative, blank, kind == "bigram_kneser_ney", generator)


def distinct_neighbours(train: Tensor, vocabulary_size: int) -> tuple[Tensor, Tensor]:
    """Count the distinct successors and predecessors of each word: N1+(w, .) and N1+(., w), float64 [vocabulary]."""
    pairs = torch.unique(train[:-1] * vocabulary_size + train[1:])
    successors = torch.bincount(pairs // vocabulary_size, minlength=vocabulary_size)
    predecessors = torch.bincount(pairs % vocabulary_size, minlength=vocabulary_size)
    return successors.double(), predecessors.double()
