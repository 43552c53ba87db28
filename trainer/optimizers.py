"""Adam with L2 regularization, AdamW, and SGD with NT-ASGD, on PyTorch's kernels for lists of tensors.

`torch.optim` computes the same, and a test checks that. But its constructor loads PyTorch's compiler, which takes
longer than the first hundred steps of many trials.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from trainer.config.model import OptimizerConfig


class Optimizer:
    """The interface of optimizers."""

    def __init__(self, parameters: Iterable[Tensor], config: OptimizerConfig) -> None:
        self.config = config
        self.parameters = list(parameters)

    def step(self, learning_rate: float) -> None:
        """Update the parameters; every parameter must have a gradient."""
        raise NotImplementedError

    def note_validation(self, loss: float) -> None:
        """Take note of a validation loss, in nats."""

    @contextmanager
    def evaluation_weights(self) -> Iterator[None]:
        """Within the block, set the parameters to those to evaluate and to keep as the best."""
        yield

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        raise NotImplementedError

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        raise NotImplementedError


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015); weight decay is added to the gradient, or decoupled (Loshchilov and Hutter 2019)."""

    def __init__(self, parameters: Iterable[Tensor], config: OptimizerConfig) -> None:
        super().__init__(parameters, config)
        self.means = [torch.zeros_like(each) for each in self.parameters]
        self.squares = [torch.zeros_like(each) for each in self.parameters]
        self.steps = [torch.zeros((), device=each.device) for each in self.parameters]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update the parameters; every parameter must have a gradient."""
        gradients = [gradient_of(each) for each in self.parameters]
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

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        for name in ("means", "squares", "steps"):
            for mine, stored in zip(getattr(self, name), state[name], strict=True):
                mine.copy_(stored)


class SGD(Optimizer):
    """SGD, and NT-ASGD (Merity et al. 2018, section 3): SGD that averages its weights once validation stops improving.

    With `nt_asgd`, averaging starts once a validation loss exceeds the best of those that are at least
    `nonmonotone_interval` evaluations older. From then on, the mean of all later iterates is evaluated, while training
    continues from the last iterate.

    This differs from `torch.optim.ASGD` in the authors' code in that the first iterate counts in the mean too.
    """

    def __init__(self, parameters: Iterable[Tensor], config: OptimizerConfig) -> None:
        super().__init__(parameters, config)
        self.losses: list[float] = []
        self.averages: list[Tensor] | None = None
        self.num_averaged = 0

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update the parameters; every parameter must have a gradient."""
        gradients = [gradient_of(each) for each in self.parameters]
        if self.config.weight_decay > 0.0:
            torch._foreach_add_(gradients, self.parameters, alpha=self.config.weight_decay)
        torch._foreach_add_(self.parameters, gradients, alpha=-learning_rate)
        if self.averages is not None:
            self.num_averaged += 1
            torch._foreach_lerp_(self.averages, self.parameters, 1.0 / self.num_averaged)

    @torch.no_grad()
    def note_validation(self, loss: float) -> None:
        """Start averaging if the loss has stopped falling."""
        older = self.losses[: max(0, len(self.losses) - self.config.nonmonotone_interval)]
        if self.config.kind == "nt_asgd" and self.averages is None and older and loss > min(older):
            self.averages = [each.detach().clone() for each in self.parameters]
        self.losses.append(loss)

    @contextmanager
    def evaluation_weights(self) -> Iterator[None]:
        """Within the block, set the parameters to their averages, once there are any."""
        if self.averages is None or self.num_averaged == 0:
            yield
            return
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        assert self.averages is not None
        for mine, mean in zip(self.parameters, self.averages, strict=True):
            kept = mine.clone()
            mine.copy_(mean)
            mean.copy_(kept)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"losses": self.losses, "averages": self.averages, "num_averaged": self.num_averaged}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.losses, self.num_averaged = list(state["losses"]), state["num_averaged"]
        if state["averages"] is not None:
            pairs = zip(state["averages"], self.parameters, strict=True)
            self.averages = [stored.to(mine.device).clone() for stored, mine in pairs]


def build_optimizer(parameters: Iterable[Tensor], config: OptimizerConfig) -> Optimizer:
    """Build the optimizer that the configuration names."""
    return Adam(parameters, config) if config.kind in ("adam", "adamw") else SGD(parameters, config)


@torch.no_grad()
def clip_gradients(parameters: list[Tensor], largest_norm: float | None) -> Tensor:
    """Scale all gradients so that their joint norm is at most `largest_norm`.

    Returns:
        The norm before scaling, a scalar; not finite if any gradient is not.
    """
    gradients = [gradient_of(each) for each in parameters]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    if largest_norm is not None:
        torch._foreach_mul_(gradients, (largest_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


def gradient_of(parameter: Tensor) -> Tensor:
    """Return a parameter's gradient, which must exist."""
    assert parameter.grad is not None, "every parameter takes part in the loss"
    return parameter.grad
