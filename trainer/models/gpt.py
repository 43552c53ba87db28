"""GPT-2 (Radford et al. 2019) and, with sparse layers in between, GPT-3 (Brown et al. 2020), with the regularizers of
the small-data recipe.

As in GPT-2: normalization before each block and after the last, weights N(0, 0.02) and positions N(0, 0.01), biases
0, projections onto the residual stream scaled by 1 / sqrt(2 layers), GELU in its tanh form, learned absolute
positions, the embedding as softmax weight without bias.

The memory is the last `memory_length` tokens. They are read again before the segment, with gradient, so that every
predicted token sees what it would see in one long text; only the segment's tokens count in the loss. Positions start
at the first token read.

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
from trainer.models.dropout_masks import AttentionShape, LayerMasks, Masks, draw_masks
from trainer.models.gpt_attention import SMALLEST_GPU_TILE, Pattern, Sight, attend, block_sight, mask_sight
from trainer.models.language_model import LanguageModel, Memory
from trainer.models.products import UNSCALED, ProductModule, Scales
from trainer.models.softmax_loss import softmax_loss
from trainer.models.transformer_xl import Norm
from trainer.regularizers import Draws, dropped, embed

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


class GPT(LanguageModel):
    """The model. Its weights are unset until `initialize` or `load_state_dict`."""

    def __init__(
        self, config: ModelConfig, regularization: RegularizationConfig, vocabulary_size: int, context_length: int
    ) -> None:
        """Build the model.

        Args:
            context_length: the maximum number of tokens that a call reads, memory and segment together.
        """
        super().__init__()
        self.config, self.regularization = config, regularization
        self.memory_length = config.memory_length
        self.generator = torch.Generator()
        self.embedding = nn.Parameter(torch.empty(vocabulary_size, config.d_model))
        self.positions = nn.Parameter(torch.empty(context_length, config.d_model))
        self.patterns = layer_patterns(config, context_length)
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
        context, device = self.positions.shape[0], self.positions.device
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
