"""Transformer-XL (Dai et al. 2019) with the regularizers of the small-data recipe.

As in upstream's PyTorch code (tested against its values):
1. One embedding matrix, scaled by sqrt(d_model) at the input and unscaled in the softmax, with a bias per word.
2. u and v are shared by all layers. Attention sees the memory's hidden states as they were, dropout included.
3. Without `pre_norm`, layers are normalized after their residual sum; with it, there is no norm after the last layer.
4. `same_length` and `clamp_length` act as `--same_length` and `--clamp_len` do; the adaptive softmax keeps its quirks
   (see adaptive_softmax.py).

Unlike it:
1. Streams come first: [batch, time], not [time, batch].
2. The queries of the memory, which are never used, are not computed.
3. The memory holds what the next segment needs: `layers` tensors, not `layers + 1`.
4. The embedding of a dropped word type is 0; the recipe's code fills it with 1e-12.
5. Upstream always rounds masked attention scores to float32; here `score_rounding` chooses it, which only matters in
   float64.
6. Partial projections (`div_val`, `d_embed`) and the attention types 1 to 3 are not supported.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.adaptive_softmax import adaptive_log_probabilities, adaptive_softmax_loss
from trainer.models.dropout_masks import AttentionShape, LayerMasks, Masks, draw_masks
from trainer.models.language_model import LanguageModel, Memory
from trainer.models.masks import attention_mask, sinusoids
from trainer.models.products import ProductModule, Scales
from trainer.models.relative_attention import relative_attention
from trainer.models.softmax_loss import softmax_loss
from trainer.regularizers import Draws, Factors, dropped, embed

INITIAL_STD: Final = 0.02
LARGEST_WAVELENGTH: Final = 10_000.0
MOST_KEPT: Final = 64  # pairs of encodings and mask, for as many shapes of calls


class View(NamedTuple):
    """What the queries of a call see.

    Attributes:
        encodings: encoded distances, [keys, d_model].
        mask: 0 where a query may attend and -inf where not, [time, keys].
    """

    encodings: Tensor
    mask: Tensor


class Shared(NamedTuple):
    """The inputs that all layers of a call share.

    Attributes:
        view: what the queries see.
        content_bias, position_bias: u and v, [heads, d_head].
        rounding: data type of the scores, see `relative_attention`.
    """

    view: View
    content_bias: Tensor
    position_bias: Tensor
    rounding: torch.dtype | None


class Norm(nn.Module):
    """Layer normalization."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width))

    def forward(self, values: Tensor) -> Tensor:
        """Map [..., width] to the same shape."""
        return functional.layer_norm(values, self.weight.shape, self.weight, self.bias)


class Attention(ProductModule):
    """Relative attention over the memory and the segment, with its residual sum and norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.width = config.heads, config.head_width
        self.pre_norm = config.pre_norm
        inner = self.heads * self.width
        self.queries_keys_values = nn.Parameter(torch.empty(3 * inner, config.d_model))
        self.positions = nn.Parameter(torch.empty(inner, config.d_model))
        self.output = nn.Parameter(torch.empty(config.d_model, inner))
        self.norm = Norm(config.d_model)

    def forward(self, hidden: Tensor, memory: Tensor | None, shared: Shared, masks: LayerMasks) -> Tensor:
        """Map [batch, time, d_model] to the same shape; memory: [batch, carried, d_model]."""
        own, carried = self._project(hidden, memory, masks.projections)
        positions = self.linear(shared.view.encodings, self.positions).view(-1, self.heads, self.width)
        context = relative_attention(
            self.to_products(own),
            None if carried is None else self.to_products(carried),
            positions=positions,
            content_bias=self.to_products(shared.content_bias),
            position_bias=self.to_products(shared.position_bias),
            mask=shared.view.mask,
            dropout_mask=masks.attention.mask,
            rounding=shared.rounding,
        )
        scales = Scales(masks.attention.scale, masks.attended.scale)
        output = dropped(self.linear(context, self.output, scales=scales), masks.attended.mask)
        return hidden + output if self.pre_norm else self.norm(hidden + output)

    def _project(self, hidden: Tensor, memory: Tensor | None, masks: Factors) -> tuple[Tensor, Tensor | None]:
        """Project the segment to queries, keys and values, and the memory, if any, to keys and values."""
        batch, time, _ = hidden.shape
        inner = self.heads * self.width
        source = self.norm(hidden) if self.pre_norm else hidden
        own = self.linear(source, self.queries_keys_values, scales=Scales(outputs=masks.scale))
        own = dropped(own, masks.mask).view(batch, time, 3, self.heads, self.width)
        if memory is None:
            return own, None
        source = self.norm(memory) if self.pre_norm else memory
        carried = self.linear(source, self.queries_keys_values[inner:], scales=Scales(outputs=masks.scale))
        carried = carried if masks.mask is None else carried * masks.mask[:, :, inner:]
        return own, carried.view(batch, -1, 2, self.heads, self.width)


class FeedForward(ProductModule):
    """Two linear layers with ReLU between them, with their residual sum and norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pre_norm = config.pre_norm
        self.inner = nn.Parameter(torch.empty(config.inner_width, config.d_model))
        self.inner_bias = nn.Parameter(torch.empty(config.inner_width))
        self.outer = nn.Parameter(torch.empty(config.d_model, config.inner_width))
        self.outer_bias = nn.Parameter(torch.empty(config.d_model))
        self.norm = Norm(config.d_model)

    def forward(self, hidden: Tensor, masks: LayerMasks) -> Tensor:
        """Map [batch, time, d_model] to the same shape."""
        source = self.norm(hidden) if self.pre_norm else hidden
        inner = dropped(functional.relu_(self.linear(source, self.inner, self.inner_bias)), masks.inner.mask)
        scales = Scales(masks.inner.scale, masks.outer.scale)
        output = dropped(self.linear(inner, self.outer, self.outer_bias, scales=scales), masks.outer.mask)
        return hidden + output if self.pre_norm else self.norm(hidden + output)


class Layer(nn.Module):
    """Attention, then feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = FeedForward(config)

    def forward(self, hidden: Tensor, memory: Tensor | None, shared: Shared, masks: LayerMasks) -> Tensor:
        """Map [batch, time, d_model] to the same shape; memory: [batch, carried, d_model]."""
        attended: Tensor = self.attention(hidden, memory, shared, masks)
        output: Tensor = self.feed_forward(attended, masks)
        return output


class TransformerXL(LanguageModel):
    """The model. Its weights are unset until `initialize` or `load_state_dict`.

    Attributes:
        score_rounding: round attention scores to this data type; None for no rounding.
    """

    frequencies: Tensor

    def __init__(self, config: ModelConfig, regularization: RegularizationConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.config, self.regularization = config, regularization
        self.memory_length = config.memory_length
        self.generator = torch.Generator()
        self.score_rounding: torch.dtype | None = None
        self.embedding = nn.Parameter(torch.empty(vocabulary_size, config.d_model))
        self.content_bias = nn.Parameter(torch.empty(config.heads, config.head_width))
        self.position_bias = nn.Parameter(torch.empty(config.heads, config.head_width))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.softmax_bias = nn.Parameter(torch.empty(vocabulary_size))
        if config.adaptive_cutoffs:
            self.cluster_weight = nn.Parameter(torch.empty(len(config.adaptive_cutoffs), config.d_model))
            self.cluster_bias = nn.Parameter(torch.empty(len(config.adaptive_cutoffs)))
        self._kept: dict[tuple[object, ...], View] = {}
        exponents = torch.arange(0.0, config.d_model, 2.0) / config.d_model
        self.register_buffer("frequencies", 1.0 / LARGEST_WAVELENGTH**exponents, persistent=False)

    def initialize(self, generator: torch.Generator) -> None:
        """Initialize the weights as upstream does: N(0, 0.02), norms N(1, 0.02), biases 0; u and v count as weights."""
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                nn.init.normal_(parameter, 1.0, INITIAL_STD, generator=generator)
            elif parameter.dim() > 1:
                nn.init.normal_(parameter, 0.0, INITIAL_STD, generator=generator)
            else:
                nn.init.zeros_(parameter)

    def forward(self, inputs: Tensor, targets: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the mean loss in nats per token, and the memory for the next segment.

        Args:
            inputs, targets: int64 [batch, time].
            memory: the memory that the call for the previous segment returned; None at first.
        """
        view = self._view_of(inputs.shape[1], 0 if memory is None else memory[0].shape[1])
        return self.computed(inputs, targets, memory, view, self._draw(inputs.shape, view.encodings.shape[0]))

    def _output_bias(self) -> Tensor | None:
        return self.softmax_bias

    def states(self, inputs: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the last hidden states, [batch, time, d_model], and the memory; only in evaluation."""
        view = self._view_of(inputs.shape[1], 0 if memory is None else memory[0].shape[1])
        return self._hidden(inputs, memory, view, self._draw(inputs.shape, view.encodings.shape[0]))

    def log_probabilities(self, states: Tensor) -> Tensor:
        """Return the log-probabilities of all words after each state, [tokens, vocabulary]."""
        if not self.config.adaptive_cutoffs:
            return super().log_probabilities(states)
        return adaptive_log_probabilities(
            states,
            weight=self.softmax_weight,
            bias=self.softmax_bias,
            cluster_weight=self.cluster_weight,
            cluster_bias=self.cluster_bias,
            cutoffs=self.config.adaptive_cutoffs,
        )

    def _view_of(self, time: int, past: int) -> View:
        """Return what a call with `past` carried tokens sees; kept, since most calls have the same shape."""
        weight = self.embedding
        key = (time, past, self.memory_length, weight.dtype, weight.device, self.frequencies.dtype, self.products)
        if key not in self._kept:
            if len(self._kept) >= MOST_KEPT:  # segments of random length
                self._kept.clear()
            encodings = sinusoids(past + time, self.frequencies, clamp_length=self.config.clamp_length)
            mask = attention_mask(time, past, self.memory_length, same_length=self.config.same_length, like=weight)
            self._kept[key] = View(encodings.to(weight.dtype), self.to_products(mask.detach()))
        return self._kept[key]

    def _draw(self, shape: tuple[int, ...], keys: int) -> Masks:
        draws = Draws(self.generator, self.embedding.dtype, self.products, active=self.training)
        batch, time = shape
        return draw_masks(
            draws,
            self.config,
            self.regularization,
            vocabulary_size=self.embedding.shape[0],
            shape=(batch, time),
            attention=AttentionShape((self.config.heads, batch, time, keys), streams=1),
            encodings=True,
        )

    def _compute(
        self,
        inputs: Tensor,
        targets: Tensor,
        memory: Memory | None,
        view: View,
        masks: Masks,
    ) -> tuple[Tensor, Memory | None]:
        """Return the loss and the memory; without randomness and caches, so that it can be compiled."""
        hidden, carried = self._hidden(inputs, memory, view, masks)
        hidden = dropped(dropped(hidden, masks.entries), masks.output)
        flat = hidden.reshape(-1, hidden.shape[-1])
        weight, bias, flat_targets = self.softmax_weight, self.softmax_bias, targets.reshape(-1)
        if self.config.adaptive_cutoffs:
            loss = adaptive_softmax_loss(
                flat,
                flat_targets,
                weight=weight,
                bias=bias,
                cluster_weight=self.cluster_weight,
                cluster_bias=self.cluster_bias,
                cutoffs=self.config.adaptive_cutoffs,
                products=self.products,
            )
        else:
            loss = softmax_loss(flat, weight, bias, flat_targets, products=self.products)
        return loss / flat_targets.numel(), carried

    def _hidden(self, inputs: Tensor, memory: Memory | None, view: View, masks: Masks) -> tuple[Tensor, Memory | None]:
        """Return the last layer's output, [batch, time, d_model], and the memory for the next segment."""
        hidden = embed(self.embedding, inputs, masks.word_types) * self.config.d_model**0.5
        hidden = dropped(hidden, masks.embeddings)
        shared = Shared(
            view=View(dropped(view.encodings, masks.encodings), view.mask),
            content_bias=self.content_bias,
            position_bias=self.position_bias,
            rounding=self.score_rounding if inputs.shape[1] > 1 else None,  # a single query is not masked
        )
        carried = []
        for number, layer in enumerate(self.layers):
            before = None if memory is None else memory[number]
            carried.append(carry(before, hidden, self.memory_length))
            hidden = layer(hidden, before, shared, masks.layers[number])
        return hidden, tuple(carried) if self.memory_length > 0 else None


def carry(memory: Tensor | None, hidden: Tensor, length: int) -> Tensor:
    """Return the last `length` hidden states of memory and segment, without gradient.

    Returns:
        [batch, at most length, d_model].
    """
    hidden = hidden.detach()
    if memory is not None and hidden.shape[1] < length:
        hidden = torch.cat([memory, hidden], 1)
    return hidden[:, max(0, hidden.shape[1] - length) :].contiguous()  # a view would keep the rest
