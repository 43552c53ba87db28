"""What training and evaluation ask of a model."""

from typing import Any

import torch
from torch import Tensor, nn


class LanguageModel(nn.Module):
    """A module that gives the loss of a segment and the memory for the next.

    Attributes:
        memory_length: hidden states of earlier tokens that are carried; may be changed between calls.
        generator: where dropout's draws come from, on the weights' device.
        embedding: [words, d_model], the softmax's weight too.
        num_input_words: words at the embedding's end that can be read but not predicted.
    """

    memory_length: int
    generator: torch.Generator
    embedding: nn.Parameter
    num_input_words: int = 0

    def forward(self, inputs: Tensor, targets: Tensor, memory: Any = None) -> tuple[Tensor, Any]:
        """The mean loss in nats a token, a scalar, and the memory.

        Args:
            inputs, targets: int64 [batch, time].
            memory: what the call for the segment before returned; None at first.
        """
        raise NotImplementedError

    @property
    def softmax_weight(self) -> Tensor:
        """The rows of the embedding that the softmax shares, [vocabulary, d_model]."""
        return self.embedding[: -self.num_input_words] if self.num_input_words else self.embedding

    def add_input_word(self) -> None:
        """Give the embedding a last row that the softmax does not share; before `initialize`."""
        words, width = self.embedding.shape
        self.embedding = nn.Parameter(self.embedding.new_empty(words + 1, width))
        self.num_input_words += 1

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the first weights."""
        raise NotImplementedError
