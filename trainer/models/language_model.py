"""The interface of models."""

import torch
from torch import Tensor, nn

Memory = tuple[Tensor, ...]


class LanguageModel(nn.Module):
    """A module that returns the loss of a segment and the memory for the next segment.

    Attributes:
        memory_length: number of earlier tokens whose states are carried; may change between calls.
        generator: the source of dropout's randomness, on the device of the weights.
        embedding: [words, d_model], which is also the softmax's weight.
        num_input_words: number of words at the end of the embedding that can be read but not predicted.
    """

    memory_length: int
    generator: torch.Generator
    embedding: nn.Parameter
    num_input_words: int = 0

    def forward(self, inputs: Tensor, targets: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the mean loss in nats per token, a scalar, and the memory.

        Args:
            inputs, targets: int64 [batch, time].
            memory: the memory that the call for the previous segment returned; None at first.
        """
        raise NotImplementedError

    @property
    def softmax_weight(self) -> Tensor:
        """The rows of the embedding that the softmax shares, [vocabulary, d_model]."""
        return self.embedding[: -self.num_input_words] if self.num_input_words else self.embedding

    def add_input_word(self) -> None:
        """Append a row to the embedding that the softmax does not share; call this before `initialize`."""
        words, width = self.embedding.shape
        self.embedding = nn.Parameter(self.embedding.new_empty(words + 1, width))
        self.num_input_words += 1

    def initialize(self, generator: torch.Generator) -> None:
        """Initialize the weights."""
        raise NotImplementedError
