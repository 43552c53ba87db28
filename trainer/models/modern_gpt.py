"""A GPT of today, with the regularizers of the small-data recipe.

As in Qwen3 (Yang et al. 2025) without grouped queries: RMSNorm before each block and after the last (Zhang and Sennrich
2019), SwiGLU (Shazeer 2020), rotary positions (Su et al. 2021; the two halves of a head are rotated with each other, as
in the code of Llama and Qwen), RMSNorm of each head's queries and keys, no biases, the embedding as softmax weight.

Weights are N(0, 0.02), projections onto the residual stream smaller by 1 / sqrt(2 layers), gains 1.

Dropout acts as in `gpt`: it is locked over time and acts on queries, keys and values before they are normalized, after
the attention, within the feed-forward layer and after it, and (not locked) on the last hidden state.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.dropout_masks import LayerMasks, Masks
from trainer.models.gpt_attention import Sight, attend
from trainer.models.products import ProductModule, Scales
from trainer.models.token_memory import TokenMemoryModel
from trainer.regularizers import dropped, embed

INITIAL_STD: Final = 0.02
EPSILON: Final = 1e-6
LARGEST_WAVELENGTH: Final = 10_000.0
RESIDUAL_PROJECTIONS: Final = ("attention.output", "feed_forward.outer")


class Norm(nn.Module):
    """Root-mean-square normalization: values / sqrt(mean square + epsilon), times a gain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))

    def forward(self, values: Tensor) -> Tensor:
        """Map [..., width] to the same shape."""
        return functional.rms_norm(values, self.weight.shape, self.weight, EPSILON)


class Attention(ProductModule):
    """Causal attention with rotary positions, preceded by its norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.width = config.heads, config.head_width
        inner = self.heads * self.width
        self.norm = Norm(config.d_model)
        self.queries_keys_values = nn.Parameter(torch.empty(3 * inner, config.d_model))
        self.query_norm, self.key_norm = Norm(self.width), Norm(self.width)
        self.output = nn.Parameter(torch.empty(config.d_model, inner))

    def forward(self, hidden: Tensor, angles: Tensor, sight: Sight, masks: LayerMasks) -> Tensor:
        """Return what is added to the residual stream: [batch, length, d_model] to the same shape."""
        batch, length, _ = hidden.shape
        scales = Scales(outputs=masks.projections.scale)
        projected = self.linear(self.norm(hidden), self.queries_keys_values, scales=scales)
        projected = dropped(projected, masks.projections.mask)
        shape = (batch, length, 3, self.heads, self.width)
        queries, keys, values = projected.view(shape).permute(2, 0, 3, 1, 4).unbind(0)
        context = attend(
            self.to_products(rotated(self.query_norm(queries.to(hidden.dtype)), angles)),
            self.to_products(rotated(self.key_norm(keys.to(hidden.dtype)), angles)),
            values,
            sight=sight,
            dropout_mask=masks.attention.mask,
        )
        scales = Scales(masks.attention.scale, masks.attended.scale)
        output = self.linear(context.transpose(1, 2).reshape(batch, length, -1), self.output, scales=scales)
        return dropped(output, masks.attended.mask)


class FeedForward(ProductModule):
    """SwiGLU: outer (SiLU(gate x) * inner x), preceded by its norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = Norm(config.d_model)
        self.gate_inner = nn.Parameter(torch.empty(2 * config.inner_width, config.d_model))
        self.outer = nn.Parameter(torch.empty(config.d_model, config.inner_width))

    def forward(self, hidden: Tensor, masks: LayerMasks) -> Tensor:
        """Return what is added to the residual stream: [batch, length, d_model] to the same shape."""
        gate, inner = self.linear(self.norm(hidden), self.gate_inner).chunk(2, -1)
        gated = dropped(functional.silu(gate) * inner, masks.inner.mask)
        scales = Scales(masks.inner.scale, masks.outer.scale)
        return dropped(self.linear(gated, self.outer, scales=scales), masks.outer.mask)


class Layer(nn.Module):
    """Attention, then feed-forward, each added to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = FeedForward(config)

    def forward(self, hidden: Tensor, angles: Tensor, sight: Sight, masks: LayerMasks) -> Tensor:
        """Map [batch, length, d_model] to the same shape."""
        hidden = hidden + self.attention(hidden, angles, sight, masks)
        output: Tensor = hidden + self.feed_forward(hidden, masks)
        return output


class ModernGPT(TokenMemoryModel):
    """The model. Its weights are unset until `initialize` or `load_state_dict`."""

    frequencies: Tensor

    def __init__(
        self, config: ModelConfig, regularization: RegularizationConfig, vocabulary_size: int, context_length: int
    ) -> None:
        """Build the model.

        Args:
            context_length: the maximum number of tokens that a call reads in training, memory and segment together.
        """
        super().__init__(config, regularization, vocabulary_size, [None] * config.layers, context_length)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = Norm(config.d_model)
        exponents = torch.arange(0.0, config.head_width, 2.0) / config.head_width
        self.register_buffer("frequencies", 1.0 / LARGEST_WAVELENGTH**exponents, persistent=False)

    def initialize(self, generator: torch.Generator) -> None:
        """Initialize the weights: N(0, 0.02), less onto the residual stream, and gains 1."""
        scaled = INITIAL_STD / (2 * self.config.layers) ** 0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() == 1:
                nn.init.ones_(parameter)
            else:
                std = scaled if name.endswith(RESIDUAL_PROJECTIONS) else INITIAL_STD
                nn.init.normal_(parameter, 0.0, std, generator=generator)

    def _hidden(self, read: Tensor, sights: tuple[Sight, ...], masks: Masks) -> Tensor:
        """Return the last layer's normalized output, [batch, length, d_model], for int64 [batch, length]."""
        positions = torch.arange(read.shape[1], dtype=self.frequencies.dtype, device=read.device)
        angles = torch.outer(positions, self.frequencies)
        hidden = dropped(embed(self.embedding, read, masks.word_types), masks.embeddings)
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden, angles, sights[number], masks.layers[number])
        normalized: Tensor = self.norm(hidden)
        return normalized


def rotated(values: Tensor, angles: Tensor) -> Tensor:
    """Rotate feature i of a head with feature i + d_head / 2, by an angle for the position and i.

    Args:
        values: [batch, heads, length, d_head].
        angles: [length, d_head / 2].
    """
    cosines, sines = angles.cos().to(values.dtype), angles.sin().to(values.dtype)
    first, second = values.chunk(2, -1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], -1)
