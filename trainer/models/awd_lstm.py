"""AWD-LSTM (Merity et al. 2018): LSTM layers with every dropout of the paper, its penalties, and tied weights.

As in the authors' code:
1. Masks are drawn in every forward pass and hold for the whole segment: for word types, the embeddings' features, the
   features between layers, those of the last layer, and the hidden-to-hidden weights (DropConnect).
2. The last layer is as wide as the embedding, whose weight the softmax shares. LSTM weights start as
   U(±1 / sqrt(width)), the embedding as U(±0.1), the softmax's bias at 0.
3. The activation penalty uses the last layer's outputs after dropout, the temporal penalty those before it.

Unlike it:
1. The loss is the mean nats per token in training too; the penalties only add to its gradient.
2. Streams come first: [batch, time].
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.language_model import LanguageModel, Memory
from trainer.models.products import ProductModule
from trainer.models.softmax_loss import softmax_loss
from trainer.regularizers import Draws, dropped, embed

EMBEDDING_RANGE: Final = 0.1


class Masks(NamedTuple):
    """The dropout masks of a call; None where nothing is dropped.

    Attributes:
        word_types: [vocabulary, 1].
        inputs: of each layer's inputs, [batch, 1, width].
        weights: of each layer's hidden-to-hidden weights, [4 * width, width].
        output: of the last layer's output, [batch, 1, d_model].
    """

    word_types: Tensor | None
    inputs: tuple[Tensor | None, ...]
    weights: tuple[Tensor | None, ...]
    output: Tensor | None


class LSTMLayer(ProductModule):
    """An LSTM layer whose hidden-to-hidden weights can be dropped; PyTorch's kernels loop over time."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.input_weight = nn.Parameter(torch.empty(4 * width, inputs))
        self.hidden_weight = nn.Parameter(torch.empty(4 * width, width))
        self.input_bias = nn.Parameter(torch.empty(4 * width))
        self.hidden_bias = nn.Parameter(torch.empty(4 * width))

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, Tensor], mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the outputs and the new state.

        Args:
            inputs: [batch, time, inputs].
            state: the previous output and cell, each [batch, width].
            mask: of the hidden-to-hidden weights, [4 * width, width].

        Returns:
            [batch, time, width], and the state.
        """
        before = [self.to_products(each)[None] for each in state]
        given = (self.input_weight, dropped(self.hidden_weight, mask), self.input_bias, self.hidden_bias)
        weights = [self.to_products(each) for each in given]
        with _weights_in_pieces(inputs.is_cuda):
            outputs, output, cell = torch.lstm(
                self.to_products(inputs),
                before,
                weights,
                has_biases=True,
                num_layers=1,
                dropout=0.0,
                train=self.training,
                bidirectional=False,
                batch_first=True,
            )
        return outputs.to(inputs.dtype), (output[0].to(inputs.dtype), cell[0].to(inputs.dtype))


@contextmanager
def _weights_in_pieces(on_gpu: bool) -> Iterator[None]:
    """Silence cuDNN's warning that it copies the weights into one block: masked weights are copied anyway."""
    if not on_gpu:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
        yield


class AwdLSTM(LanguageModel):
    """The model. Its weights are unset until `initialize` or `load_state_dict`.

    Attributes:
        memory_length: has no effect: the state covers all earlier tokens.
    """

    def __init__(self, config: ModelConfig, regularization: RegularizationConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.config, self.regularization = config, regularization
        self.memory_length = 0
        self.generator = torch.Generator()
        self.embedding = nn.Parameter(torch.empty(vocabulary_size, config.d_model))
        self.widths = [*[config.inner_width] * (config.layers - 1), config.d_model]
        self.layers = nn.ModuleList(
            LSTMLayer(inputs, width)
            for inputs, width in zip([config.d_model, *self.widths[:-1]], self.widths, strict=True)
        )
        self.softmax_bias = nn.Parameter(torch.empty(vocabulary_size))

    def initialize(self, generator: torch.Generator) -> None:
        """Initialize the weights as the authors' code does."""
        nn.init.uniform_(self.embedding, -EMBEDDING_RANGE, EMBEDDING_RANGE, generator=generator)
        nn.init.zeros_(self.softmax_bias)
        for layer, width in zip(self.layers, self.widths, strict=True):
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -(width**-0.5), width**-0.5, generator=generator)

    def forward(self, inputs: Tensor, targets: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the mean loss in nats per token, and the state after the segment: output and cell of each layer.

        In training, the gradient is that of the loss plus the penalties.

        Args:
            inputs, targets: int64 [batch, time].
            memory: the state that the call for the previous segment returned, each [batch, width]; None for zeros.
        """
        return self.computed(inputs, targets, memory, self._draw(inputs.shape[0]))

    def _output_bias(self) -> Tensor | None:
        return self.softmax_bias

    def states(self, inputs: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory | None]:
        """Return the last hidden states, [batch, time, d_model], and the memory; only in evaluation."""
        return self._hidden(inputs, memory, self._draw(inputs.shape[0]))

    def _draw(self, batch: int) -> Masks:
        """Draw the masks of a call in the order in which they are used."""
        rates = self.regularization
        draws = Draws(self.generator, self.embedding.dtype, self.products, active=self.training)
        word_types = draws.word_types(self.embedding.shape[0], rates.embedding_dropout)
        inputs, weights = [], []
        for number, (width, before) in enumerate(zip(self.widths, [self.config.d_model, *self.widths], strict=False)):
            inputs.append(draws.locked(batch, before, rates.dropout if number else rates.input_dropout))
            weights.append(draws.mask((4 * width, width), rates.weight_dropout))
        output = draws.locked(batch, self.config.d_model, rates.output_dropout)
        return Masks(word_types, tuple(inputs), tuple(weights), output)

    def _compute(self, inputs: Tensor, targets: Tensor, memory: Memory | None, masks: Masks) -> tuple[Tensor, Memory]:
        """Return the loss and the state; without randomness, so that it can be compiled."""
        hidden, carried = self._hidden(inputs, memory, masks)
        last = dropped(hidden, masks.output)
        flat, flat_targets = last.reshape(-1, last.shape[-1]), targets.reshape(-1)
        weight, bias = self.softmax_weight, self.softmax_bias
        loss = softmax_loss(flat, weight, bias, flat_targets, products=self.products) / flat_targets.numel()
        if self.training:
            rates = self.regularization
            penalty = activation_penalty(
                hidden,
                last,
                of_size=rates.activation_regularization,
                of_change=rates.temporal_activation_regularization,
            )
            loss = loss + (penalty - penalty.detach())
        return loss, carried

    def memory_tokens(self, memory: Memory) -> int:
        """Return 0: the state covers all earlier tokens, whatever the memory length."""
        return 0

    def _hidden(self, inputs: Tensor, memory: Memory | None, masks: Masks) -> tuple[Tensor, Memory]:
        """Return the last layer's output before its dropout, [batch, time, d_model], and the state."""
        hidden = embed(self.embedding, inputs, masks.word_types)
        carried: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            hidden = dropped(hidden, masks.inputs[number])
            if memory is None:
                zeros = hidden.new_zeros(inputs.shape[0], self.widths[number])
                state = (zeros, zeros)
            else:
                state = (memory[2 * number], memory[2 * number + 1])
            hidden, after = layer(hidden, state, masks.weights[number])
            carried += [each.detach() for each in after]
        return hidden, tuple(carried)


def activation_penalty(hidden: Tensor, dropped: Tensor, *, of_size: float, of_change: float) -> Tensor:
    """Compute activation and temporal activation regularization (Merity et al. 2018, section 4.6).

    Args:
        hidden, dropped: the last layer's outputs before and after dropout, [batch, time, d_model].
        of_size: factor of the mean square of `dropped`.
        of_change: factor of the mean squared change of `hidden` from one time step to the next.

    Returns:
        A scalar.
    """
    penalty = dropped.new_zeros(())
    if of_size > 0.0:
        penalty = penalty + of_size * dropped.square().mean()
    if of_change > 0.0 and hidden.shape[1] > 1:
        penalty = penalty + of_change * (hidden[:, 1:] - hidden[:, :-1]).square().mean()
    return penalty
