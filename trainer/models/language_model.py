"""What training and evaluation ask of a model."""

from typing import Any

import torch
from torch import Tensor, nn


class LanguageModel(nn.Module):
    """A module that gives the loss of a segment and the memory for the next.

    Attributes:
        memory_length: hidden states of earlier tokens that are carried; may be changed between calls.
        generator: where dropout's draws come from, on the weights' device.
    """

    memory_length: int
    generator: torch.Generator

    def forward(self, inputs: Tensor, targets: Tensor, memory: Any = None) -> tuple[Tensor, Any]:
        """The mean loss in nats a token, a scalar, and the memory.

        Args:
            inputs, targets: int64 [batch, time].
            memory: what the call for the segment before returned; None at first.
        """
        raise NotImplementedError

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the first weights."""
        raise NotImplementedError
