"""Time training steps of plain PyTorch versions of our other models. Prints one line of JSON.

They are what one would write without this project: PyTorch's own layers, its cross-entropy over the logits of the
whole batch, and its Adam, with as many dropouts at the same rates.
"""

import argparse
import json
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.counting import count
from benchmarks.shape import Shape, decoded
from benchmarks.timing import time_steps
from trainer.allocation import keep_freed_memory

State = list[tuple[Tensor, Tensor]]


class PlainLstm(nn.Module):
    """LSTM layers with DropConnect on their hidden-to-hidden weights and dropout between them; tied weights."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.rate = shape.dropout
        widths = [shape.d_model, *[shape.d_inner] * (shape.layers - 1), shape.d_model]
        self.embedding = nn.Embedding(shape.vocabulary, shape.d_model)
        self.layers = nn.ModuleList(nn.LSTM(inputs, width, batch_first=True) for inputs, width in pairwise(widths))
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))

    def forward(self, inputs: Tensor, targets: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Return the mean loss and the new state."""
        hidden = functional.dropout(self.embedding(inputs), self.rate)
        carried: State = []
        for number, layer in enumerate(self.layers):
            weight = functional.dropout(layer.get_parameter("weight_hh_l0"), self.rate)
            before = () if state is None else (state[number],)
            hidden, after = torch.func.functional_call(layer, {"weight_hh_l0": weight}, (hidden, *before))
            carried.append((after[0].detach(), after[1].detach()))
            hidden = functional.dropout(hidden, self.rate)
        logits = functional.linear(hidden, self.embedding.weight, self.bias)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten()), carried


class PlainGpt(nn.Module):
    """Transformer layers with a causal mask; tied weights."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.rate = shape.dropout
        self.embedding = nn.Embedding(shape.vocabulary, shape.d_model)
        self.positions = nn.Parameter(torch.zeros(shape.target_length, shape.d_model))
        layers = (
            nn.TransformerEncoderLayer(
                shape.d_model,
                shape.heads,
                shape.d_inner,
                shape.dropout,
                activation=functional.gelu,
                batch_first=True,
                norm_first=True,
            )
            for _ in range(shape.layers)
        )
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(shape.d_model)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(shape.target_length))

    def forward(self, inputs: Tensor, targets: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Return the mean loss and an empty state."""
        hidden = functional.dropout(self.embedding(inputs) + self.positions, self.rate)
        for layer in self.layers:
            hidden = layer(hidden, src_mask=self.get_buffer("mask"), is_causal=True)
        logits = functional.linear(self.norm(hidden), self.embedding.weight)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten()), []


def make_step(shape: Shape, *, autocast: bool) -> Callable[[], None]:
    """Return a training step: forward, backward, clip, Adam."""
    torch.manual_seed(0)
    model = PlainLstm(shape) if shape.kind == "awd_lstm" else PlainGpt(shape)
    model.train()
    stream = torch.randint(shape.vocabulary, (shape.batch, shape.target_length + 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2.5e-4)
    state: State | None = None

    def step() -> None:
        nonlocal state
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss, state = model(stream[:, :-1], stream[:, 1:], state)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()

    return step


def main() -> None:
    """Time the steps; print tokens per second, the peak memory and the number of operators in a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=decoded, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--autocast", action="store_true")
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    step = make_step(arguments.shape, autocast=arguments.autocast)
    figures = time_steps(step, arguments.shape.tokens_per_step, arguments.seconds)
    print(json.dumps(figures | {"operators": count(step).operators}))


if __name__ == "__main__":
    main()
