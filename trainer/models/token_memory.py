"""Transformers whose memory is the last tokens, which are read again before the segment.

They are read with gradient, so that every predicted token sees what it would see in one long text; only the segment's
tokens count in the loss. Positions start at the first token read.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.dropout_masks import AttentionShape, Masks, draw_masks
from trainer.models.gpt_attention import SMALLEST_GPU_TILE, Pattern, Sight, block_sight, mask_sight
from trainer.models.language_model import LanguageModel, Memory
from trainer.models.softmax_loss import softmax_loss
from trainer.regularizers import Draws, dropped


class TokenMemoryModel(LanguageModel):
    """What these models share.

    Attributes:
        patterns: the attention pattern of each layer; None where it is dense.
        context_length: the maximum number of tokens that a call reads in training, memory and segment together.
    """

    def __init__(
        self,
        config: ModelConfig,
        regularization: RegularizationConfig,
        vocabulary_size: int,
        patterns: Sequence[Pattern | None],
        context_length: int,
    ) -> None:
        super().__init__()
        self.config, self.regularization = config, regularization
        self.memory_length = config.memory_length
        self.generator = torch.Generator()
        self.patterns, self.context_length = patterns, context_length
        self.embedding = nn.Parameter(torch.empty(vocabulary_size, config.d_model))

    def forward(self, inputs: Tensor, targets: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the mean loss in nats per token, and the tokens that the next segment reads again.

        Args:
            inputs, targets: int64 [batch, time].
            memory: the tokens that the call for the previous segment returned, int64 [batch, carried]; None at first.
        """
        length = inputs.shape[1] + (0 if memory is None else memory[0].shape[1])
        return self.computed(inputs, targets, memory, self._sights(length), self._draw(inputs.shape, length))

    def states(self, inputs: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the last hidden states, [batch, time, d_model], and the memory; only in evaluation."""
        read = inputs if memory is None else torch.cat([memory[0], inputs], 1)
        length = read.shape[1]
        hidden = self._hidden(read, self._sights(length), self._draw(inputs.shape, length))
        return hidden[:, -inputs.shape[1] :], self._last(read)

    def _last(self, read: Tensor) -> Memory | None:
        return (read[:, -self.memory_length :].contiguous(),) if self.memory_length > 0 else None

    def _sights(self, length: int) -> tuple[Sight, ...]:
        """Return what each layer's queries see in a call that reads `length` tokens."""
        context, device = self.context_length, self.embedding.device
        dropping = self.training and self.regularization.attention_dropout > 0.0
        sparse_kernel = device.type == "cuda" and self.config.head_width >= SMALLEST_GPU_TILE and not dropping
        return tuple(
            block_sight(pattern, context, device)
            if pattern is not None and sparse_kernel
            else mask_sight(pattern, length, device, needs_mask=dropping)
            for pattern in self.patterns
        )

    def _draw(self, shape: tuple[int, ...], length: int) -> Masks:
        draws = Draws(self.generator, self.embedding.dtype, self.products, active=self.training)
        batch, time = shape
        return draw_masks(
            draws,
            self.config,
            self.regularization,
            vocabulary_size=self.embedding.shape[0],
            shape=(batch, time),
            attention=AttentionShape((batch, self.config.heads, length, length), streams=0),
            encodings=False,
        )

    def _compute(
        self, inputs: Tensor, targets: Tensor, memory: Memory | None, sights: tuple[Sight, ...], masks: Masks
    ) -> tuple[Tensor, Memory | None]:
        """Return the loss and the memory; without randomness, so that it can be compiled."""
        read = inputs if memory is None else torch.cat([memory[0], inputs], 1)
        hidden = self._hidden(read, sights, masks)[:, -inputs.shape[1] :]
        hidden = dropped(dropped(hidden, masks.entries), masks.output)
        flat, flat_targets = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
        weight = self.softmax_weight
        bias = weight.new_zeros(weight.shape[0])
        loss = softmax_loss(flat, weight, bias, flat_targets, products=self.products) / flat_targets.numel()
        return loss, self._last(read)

    def _hidden(self, read: Tensor, sights: tuple[Sight, ...], masks: Masks) -> Tensor:
        """Return the last layer's normalized output, [batch, length, d_model], for int64 [batch, length]."""
        raise NotImplementedError
