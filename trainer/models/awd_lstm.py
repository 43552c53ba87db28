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
from typing import Final

import torch
from torch import Tensor, nn

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.language_model import LanguageModel, Memory
from trainer.models.softmax_loss import softmax_loss
from trainer.regularizers import dropout_mask, embed, locked_dropout

EMBEDDING_RANGE: Final = 0.1


class LSTMLayer(nn.Module):
    """An LSTM layer whose hidden-to-hidden weights are dropped in training; PyTorch's kernels loop over time."""

    def __init__(self, inputs: int, width: int, weight_dropout: float) -> None:
        super().__init__()
        self.rate = weight_dropout
        self.input_weight = nn.Parameter(torch.empty(4 * width, inputs))
        self.hidden_weight = nn.Parameter(torch.empty(4 * width, width))
        self.input_bias = nn.Parameter(torch.empty(4 * width))
        self.hidden_bias = nn.Parameter(torch.empty(4 * width))

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the outputs and the new state.

        Args:
            inputs: [batch, time, inputs].
            state: the previous output and cell, each [batch, width].

        Returns:
            [batch, time, width], and the state.
        """
        weight: Tensor = self.hidden_weight
        if self.training and self.rate > 0.0:
            weight = weight * dropout_mask(weight.shape, self.rate, generator, dtype=weight.dtype)
        before = [each[None] for each in state]
        weights = (self.input_weight, weight, self.input_bias, self.hidden_bias)
        with _weights_in_pieces(inputs.is_cuda):
            outputs, output, cell = torch.lstm(
                inputs,
                before,
                weights,
                has_biases=True,
                num_layers=1,
                dropout=0.0,
                train=self.training,
                bidirectional=False,
                batch_first=True,
            )
        return outputs, (output[0], cell[0])


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
            LSTMLayer(inputs, width, regularization.weight_dropout)
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

    def forward(self, inputs: Tensor, targets: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """Return the mean loss in nats per token, and the state after the segment: output and cell of each layer.

        In training, the gradient is that of the loss plus the penalties.

        Args:
            inputs, targets: int64 [batch, time].
            memory: the state that the call for the previous segment returned, each [batch, width]; None for zeros.
        """
        hidden, carried = self._hidden(inputs, memory)
        rates = self.regularization
        dropped = locked_dropout(hidden, rates.output_dropout, self.generator) if self.training else hidden
        flat, flat_targets = dropped.reshape(-1, dropped.shape[-1]), targets.reshape(-1)
        loss = softmax_loss(flat, self.softmax_weight, self.softmax_bias, flat_targets) / flat_targets.numel()
        if self.training:
            penalty = activation_penalty(
                hidden,
                dropped,
                of_size=rates.activation_regularization,
                of_change=rates.temporal_activation_regularization,
            )
            loss = loss + (penalty - penalty.detach())
        return loss, carried

    def _hidden(self, inputs: Tensor, memory: Memory | None) -> tuple[Tensor, Memory]:
        """Return the last layer's output before its dropout, [batch, time, d_model], and the state."""
        rates, generator = self.regularization, self.generator
        rate = rates.embedding_dropout if self.training else 0.0
        hidden = embed(self.embedding, inputs, rate=rate, generator=generator)
        carried: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            if self.training:
                rate = rates.input_dropout if number == 0 else rates.dropout
                hidden = locked_dropout(hidden, rate, generator)
            if memory is None:
                zeros = hidden.new_zeros(inputs.shape[0], self.widths[number])
                state = (zeros, zeros)
            else:
                state = (memory[2 * number], memory[2 * number + 1])
            hidden, after = layer(hidden, state, generator)
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
