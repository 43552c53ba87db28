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

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.gpt_attention import Pattern, attend
from trainer.models.language_model import LanguageModel, Memory
from trainer.models.softmax_loss import softmax_loss
from trainer.models.transformer_xl import Norm
from trainer.regularizers import dropout, dropout_mask, embed, locked_dropout

INITIAL_STD: Final = 0.02
POSITIONS_STD: Final = 0.01
RESIDUAL_PROJECTIONS: Final = ("attention.output", "feed_forward.outer")


class Linear(nn.Module):
    """A weight and a bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, values: Tensor) -> Tensor:
        """Map [..., inputs] to [..., outputs]."""
        return functional.linear(values, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class Rates:
    """Dropout rates of a call: all 0 in evaluation."""

    dropout: float
    attention: float


class Attention(nn.Module):
    """Causal attention, preceded by its norm."""

    def __init__(self, config: ModelConfig, pattern: Pattern | None) -> None:
        super().__init__()
        self.heads, self.width, self.pattern = config.heads, config.head_width, pattern
        inner = self.heads * self.width
        self.norm = Norm(config.d_model)
        self.queries_keys_values = Linear(config.d_model, 3 * inner)
        self.output = Linear(inner, config.d_model)

    def forward(self, hidden: Tensor, rates: Rates, generator: torch.Generator) -> Tensor:
        """Return what is added to the residual stream: [batch, length, d_model] to the same shape."""
        batch, length, _ = hidden.shape
        projected = locked_dropout(self.queries_keys_values(self.norm(hidden)), rates.dropout, generator)
        shape = (batch, length, 3, self.heads, self.width)
        queries, keys, values = projected.view(shape).permute(2, 0, 3, 1, 4).unbind(0)
        dropped = None
        if rates.attention > 0.0:
            of_probabilities = (batch, self.heads, length, length)
            dropped = dropout_mask(of_probabilities, rates.attention, generator, dtype=queries.dtype, streams=0)
        context = attend(queries, keys, values, pattern=self.pattern, dropout_mask=dropped)
        output: Tensor = self.output(context.transpose(1, 2).reshape(batch, length, -1))
        return locked_dropout(output, rates.dropout, generator)


class FeedForward(nn.Module):
    """Two linear layers with GELU between them, preceded by their norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = Norm(config.d_model)
        self.inner = Linear(config.d_model, config.inner_width)
        self.outer = Linear(config.inner_width, config.d_model)

    def forward(self, hidden: Tensor, rates: Rates, generator: torch.Generator) -> Tensor:
        """Return what is added to the residual stream: [batch, length, d_model] to the same shape."""
        inner = functional.gelu(self.inner(self.norm(hidden)), approximate="tanh")
        output: Tensor = self.outer(locked_dropout(inner, rates.dropout, generator))
        return locked_dropout(output, rates.dropout, generator)


class Layer(nn.Module):
    """Attention, then feed-forward, each added to the residual stream."""

    def __init__(self, config: ModelConfig, pattern: Pattern | None) -> None:
        super().__init__()
        self.attention = Attention(config, pattern)
        self.feed_forward = FeedForward(config)

    def forward(self, hidden: Tensor, rates: Rates, generator: torch.Generator) -> Tensor:
        """Map [batch, length, d_model] to the same shape."""
        hidden = hidden + self.attention(hidden, rates, generator)
        output: Tensor = hidden + self.feed_forward(hidden, rates, generator)
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
        patterns = layer_patterns(config, context_length)
        self.layers = nn.ModuleList(Layer(config, pattern) for pattern in patterns)
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
        read = inputs if memory is None else torch.cat([memory[0], inputs], 1)
        hidden = self._hidden(read)[:, -inputs.shape[1] :]
        if self.training:  # twice, as in the recipe: plain, then locked
            hidden = dropout(hidden, self.regularization.dropout, self.generator)
            hidden = locked_dropout(hidden, self.regularization.output_dropout, self.generator)
        flat, flat_targets = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
        weight = self.softmax_weight
        loss = softmax_loss(flat, weight, weight.new_zeros(weight.shape[0]), flat_targets) / flat_targets.numel()
        return loss, (read[:, -self.memory_length :],) if self.memory_length > 0 else None

    def _hidden(self, read: Tensor) -> Tensor:
        """Return the last layer's normalized output, [batch, length, d_model], for int64 [batch, length]."""
        length, generator, training = read.shape[1], self.generator, self.training
        assert length <= self.positions.shape[0], "the configuration's check keeps calls within the context"
        given = self.regularization
        rates = Rates(given.dropout, given.attention_dropout) if training else Rates(0.0, 0.0)
        hidden = embed(self.embedding, read, rate=given.embedding_dropout if training else 0.0, generator=generator)
        hidden = hidden + self.positions[:length]
        hidden = locked_dropout(hidden, given.input_dropout if training else 0.0, generator)
        for layer in self.layers:
            hidden = layer(hidden, rates, generator)
        normalized: Tensor = self.norm(hidden)
        return normalized


def layer_patterns(config: ModelConfig, context_length: int) -> list[Pattern | None]:
    """Return the attention pattern of each layer; None where it is dense."""
    if config.kind != "gpt3":
        return [None] * config.layers
    width = config.attention_width or max(1, context_length // 4)
    sparse = Pattern(config.attention_pattern, width)
    return [sparse if number % 2 == 1 else None for number in range(config.layers)]
