"""GPT-2 (Radford et al. 2019) and, with sparse layers in between, GPT-3 (Brown et al. 2020), with the regularizers of
the small-data recipe.

As in GPT-2: normalization before each block and after the last, weights N(0, 0.02) and positions N(0, 0.01), biases
0, projections onto the residual stream scaled by 1 / sqrt(2 layers), GELU in its tanh form, learned absolute
positions, the embedding as softmax weight without bias.

The memory is the last `memory_length` tokens, which are read again (see `token_memory`).

GPT-3's paper says "alternating dense and locally banded sparse attention patterns", but gives neither the width nor
the layers. Here the first layer and every second layer after it are dense; the width is a quarter of the context.

Unlike both:
1. Dropout is locked over time and acts where the Transformer-XL recipe has it: on the queries, keys and values, after
   the attention, within the feed-forward layer and after it, and (not locked) on the last hidden state.
2. Word types and features of the embeddings can be dropped.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.dropout_masks import LayerMasks, Masks
from trainer.models.gpt_attention import Pattern, Sight, attend
from trainer.models.products import UNSCALED, ProductModule, Scales
from trainer.models.token_memory import TokenMemoryModel
from trainer.models.transformer_xl import Norm
from trainer.regularizers import dropped, embed

INITIAL_STD: Final = 0.02
POSITIONS_STD: Final = 0.01
RESIDUAL_PROJECTIONS: Final = ("attention.output", "feed_forward.outer")


class Linear(ProductModule):
    """A weight and a bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, values: Tensor, scales: Scales = UNSCALED) -> Tensor:
        """Map [..., inputs] to [..., outputs]."""
        return self.linear(values, self.weight, self.bias, scales=scales)


class Attention(ProductModule):
    """Causal attention, preceded by its norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.width = config.heads, config.head_width
        inner = self.heads * self.width
        self.norm = Norm(config.d_model)
        self.queries_keys_values = Linear(config.d_model, 3 * inner)
        self.output = Linear(inner, config.d_model)

    def forward(self, hidden: Tensor, sight: Sight, masks: LayerMasks) -> Tensor:
        """Return what is added to the residual stream: [batch, length, d_model] to the same shape."""
        batch, length, _ = hidden.shape
        projected = self.queries_keys_values(self.norm(hidden), Scales(outputs=masks.projections.scale))
        projected = dropped(projected, masks.projections.mask)
        shape = (batch, length, 3, self.heads, self.width)
        queries, keys, values = projected.view(shape).permute(2, 0, 3, 1, 4).unbind(0)
        context = attend(queries, keys, values, sight=sight, dropout_mask=masks.attention.mask)
        scales = Scales(masks.attention.scale, masks.attended.scale)
        output = self.output(context.transpose(1, 2).reshape(batch, length, -1), scales)
        return dropped(output, masks.attended.mask)


class FeedForward(nn.Module):
    """Two linear layers with GELU between them, preceded by their norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = Norm(config.d_model)
        self.inner = Linear(config.d_model, config.inner_width)
        self.outer = Linear(config.inner_width, config.d_model)

    def forward(self, hidden: Tensor, masks: LayerMasks) -> Tensor:
        """Return what is added to the residual stream: [batch, length, d_model] to the same shape."""
        inner = functional.gelu(self.inner(self.norm(hidden)), approximate="tanh")
        scales = Scales(masks.inner.scale, masks.outer.scale)
        return dropped(self.outer(dropped(inner, masks.inner.mask), scales), masks.outer.mask)


class Layer(nn.Module):
    """Attention, then feed-forward, each added to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = FeedForward(config)

    def forward(self, hidden: Tensor, sight: Sight, masks: LayerMasks) -> Tensor:
        """Map [batch, length, d_model] to the same shape."""
        hidden = hidden + self.attention(hidden, sight, masks)
        output: Tensor = hidden + self.feed_forward(hidden, masks)
        return output


class GPT(TokenMemoryModel):
    """The model. Its weights are unset until `initialize` or `load_state_dict`."""

    def __init__(
        self, config: ModelConfig, regularization: RegularizationConfig, vocabulary_size: int, context_length: int
    ) -> None:
        """Build the model.

        Args:
            context_length: the maximum number of tokens that a call reads, memory and segment together.
        """
        patterns = layer_patterns(config, context_length)
        super().__init__(config, regularization, vocabulary_size, patterns, context_length)
        self.positions = nn.Parameter(torch.empty(context_length, config.d_model))
        self.layers = nn.ModuleList(Layer(config) for _ in self.patterns)
        self.norm = Norm(config.d_model)

    def initialize(self, generator: torch.Generator) -> None:
        """Initialize the weights as GPT-2's paper and code do."""
        scaled = INITIAL_STD / (2 * self.config.layers) ** 0.5
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                nn.init.ones_(parameter)
            elif parameter.dim() == 1:
                nn.init.zeros_(parameter)
            elif name == "positions":
                nn.init.normal_(parameter, 0.0, POSITIONS_STD, generator=generator)
            else:
                onto_residual = name.removesuffix(".weight").endswith(RESIDUAL_PROJECTIONS)
                nn.init.normal_(parameter, 0.0, scaled if onto_residual else INITIAL_STD, generator=generator)

    def _hidden(self, read: Tensor, sights: tuple[Sight, ...], masks: Masks) -> Tensor:
        """Return the last layer's normalized output, [batch, length, d_model], for int64 [batch, length]."""
        length = read.shape[1]
        assert length <= self.positions.shape[0], "the configuration's check keeps calls within the context"
        hidden = embed(self.embedding, read, masks.word_types) + self.positions[:length]
        hidden = dropped(hidden, masks.embeddings)
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden, sights[number], masks.layers[number])
        normalized: Tensor = self.norm(hidden)
        return normalized


def layer_patterns(config: ModelConfig, context_length: int) -> list[Pattern | None]:
    """Return the attention pattern of each layer; None where it is dense."""
    if config.kind != "gpt3":
        return [None] * config.layers
    width = config.attention_width or max(1, context_length // 4)
    sparse = Pattern(config.attention_pattern, width)
    return [sparse if number % 2 == 1 else None for number in range(config.layers)]
