"""Muon (Jordan et al. 2024) for the matrices of hidden layers, AdamW for all other weights.

A step of Muon adds the gradient to a momentum, m <- mu m + (1 - mu) g, orthogonalizes (1 - mu) g + mu m (Nesterov) by
Newton-Schulz iterations, and moves the matrix by that. As in Moonlight (Liu et al. 2025), the update is multiplied by
0.2 sqrt(max(rows, columns)), so that its entries are about as large as AdamW's and one learning rate and one decoupled
weight decay serve both.

Queries, keys and values, the gates of an LSTM, and gate and inner layer of SwiGLU are stored as one matrix each, but
orthogonalized one by one.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import torch
from torch import Tensor

from trainer.config.optimizer import OptimizerConfig
from trainer.optimizers import Adam, Optimizer, gradient_of

COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)
ITERATIONS: Final = 5
EPSILON: Final = 1e-7
UPDATE_SIZE: Final = 0.2  # root mean square of AdamW's updates


class Muon(Optimizer):
    """The optimizer.

    Attributes:
        stacked: how many matrices, one below the other, each hidden layer's weight holds, by its index.
        momenta: of these weights.
        others: AdamW for the other weights.
    """

    def __init__(self, parameters: Iterable[Tensor], config: OptimizerConfig, stacked: Mapping[int, int]) -> None:
        super().__init__(parameters, config)
        self.stacked = dict(stacked)
        self.momenta = {index: torch.zeros_like(self.parameters[index]) for index in self.stacked}
        rest = [each for index, each in enumerate(self.parameters) if index not in self.stacked]
        self.others = Adam(rest, config.model_copy(update={"kind": "adamw", "average": None}))

    @torch.no_grad()
    def _update(self, learning_rate: float, finite: Tensor | None) -> None:
        self.others.step(learning_rate, finite=finite)
        mu = self.config.momentum
        for index, number in self.stacked.items():
            weight, momentum = self.parameters[index], self.momenta[index]
            gradient = gradient_of(weight)
            # A step that overflowed changes neither the momentum nor the weight.
            taken = 1.0 if finite is None else finite.to(weight.dtype)
            if finite is not None:
                gradient = torch.where(finite, gradient, momentum)
            momentum.lerp_(gradient, 1.0 - mu)
            update = orthogonal(gradient.lerp(momentum, mu).view(number, -1, weight.shape[1])).view_as(weight)
            size = UPDATE_SIZE * max(weight.shape[0] // number, weight.shape[1]) ** 0.5
            weight.sub_((self.config.weight_decay * weight + size * update) * taken, alpha=learning_rate)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"momenta": list(self.momenta.values()), "others": self.others.state(), **super().state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        super().load_state(state)
        self.others.load_state(state["others"])
        for mine, stored in zip(self.momenta.values(), state["momenta"], strict=True):
            mine.copy_(stored)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return matrices near U V^T for matrices U S V^T, [number, rows, columns]; singular values are .7 to 1.2.

    Five Newton-Schulz iterations X <- a X + (b X X^T + c (X X^T)^2) X, in bf16 on a GPU as in the authors' code.
    """
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.transpose(1, 2)
    x: Tensor = wide.to(torch.bfloat16) if matrices.is_cuda else wide
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + EPSILON)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        product = x @ x.transpose(1, 2)
        x = a * x + (b * product + c * (product @ product)) @ x
    x = x.to(matrices.dtype)
    return x if matrices.shape[1] <= matrices.shape[2] else x.transpose(1, 2)
