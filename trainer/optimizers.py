"""Adam with L2 and AdamW through PyTorch's fused kernels.

`torch.optim` would do the same, but its constructor loads PyTorch's compiler, which takes longer than many a trial
here needs for its first hundred steps; a test holds the two equal.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from trainer.config.model import OptimizerConfig


class Adam:
    """Adam (Kingma and Ba 2015); weight decay is added to the gradient, or decoupled (Loshchilov and Hutter 2019)."""

    def __init__(self, parameters: Iterable[Tensor], config: OptimizerConfig) -> None:
        self.config = config
        self.parameters = list(parameters)
        self.means = [torch.zeros_like(each) for each in self.parameters]
        self.squares = [torch.zeros_like(each) for each in self.parameters]
        self.steps = [torch.zeros((), device=each.device) for each in self.parameters]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Change the parameters by their gradients, all of which must be there."""
        gradients = [_gradient(each) for each in self.parameters]
        torch._foreach_add_(self.steps, 1.0)
        kernel = torch._fused_adamw_ if self.config.kind == "adamw" else torch._fused_adam_
        kernel(
            self.parameters,
            gradients,
            self.means,
            self.squares,
            [],
            self.steps,
            lr=learning_rate,
            beta1=self.config.beta1,
            beta2=self.config.beta2,
            weight_decay=self.config.weight_decay,
            eps=self.config.epsilon,
            amsgrad=False,
            maximize=False,
        )

    def clear_gradients(self) -> None:
        """Forget the gradients."""
        for each in self.parameters:
            each.grad = None

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        for name in ("means", "squares", "steps"):
            for mine, stored in zip(getattr(self, name), state[name], strict=True):
                mine.copy_(stored)


@torch.no_grad()
def clip_gradients(parameters: list[Tensor], largest_norm: float | None) -> Tensor:
    """Scale all gradients so that their joint norm is at most `largest_norm`.

    Returns:
        The norm before, a scalar; not finite where a gradient is not.
    """
    gradients = [_gradient(each) for each in parameters]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    if largest_norm is not None:
        torch._foreach_mul_(gradients, (largest_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None, "every parameter takes part in the loss"
    return parameter.grad
