"""Adam with L2 regularization, AdamW, and SGD with NT-ASGD, on PyTorch's kernels for lists of tensors.

`torch.optim` computes the same, and a test checks that. But its constructor loads PyTorch's compiler, which takes
longer than the first hundred steps of many trials.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from trainer.averaging import RunningAverage, build_average
from trainer.config.optimizer import OptimizerConfig


class Optimizer:
    """The interface of optimizers."""

    def __init__(self, parameters: Iterable[Tensor], config: OptimizerConfig) -> None:
        self.config = config
        self.parameters = list(parameters)
        self.average = build_average(self.parameters, config.average)

    def step(self, learning_rate: float, *, finite: Tensor | None = None) -> None:
        """Update the parameters; every parameter must have a gradient.

        Args:
            finite: whether the gradients are finite, a scalar on the device; False skips the update. None: they are.
        """
        self._update(learning_rate, finite)
        if self.average is not None:
            self.average.note_step()

    def _update(self, learning_rate: float, finite: Tensor | None) -> None:
        raise NotImplementedError

    def decayed(self) -> list[int]:
        """Return the indices of the parameters to which weight decay applies."""
        only_matrices = self.config.decayed == "matrices"
        return [index for index, each in enumerate(self.parameters) if each.dim() > 1 or not only_matrices]

    def note_validation(self, loss: float) -> None:
        """Take note of a validation loss, in nats."""

    def note_evaluation(self) -> None:
        """Take note that the weights are about to be evaluated."""
        if self.average is not None:
            self.average.note_evaluation()

    def evaluation_weights(self) -> AbstractContextManager[None]:
        """Within the block, set the parameters to those to evaluate and to keep as the best."""
        return nullcontext() if self.average is None else self.average.in_use()

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {} if self.average is None else {"average": self.average.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        if self.average is not None:
            self.average.load_state(state["average"])


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015); weight decay is added to the gradient, or decoupled (Loshchilov and Hutter 2019).

    As in `torch.optim.AdamW`, a step of decoupled decay multiplies the weights by 1 - learning rate x weight decay,
    with the step's own learning rate: decay follows the schedule. The paper's lambda is the peak rate times ours.

    Attributes:
        groups: indices of parameters, and their weight decay.
    """

    def __init__(self, parameters: Iterable[Tensor], config: OptimizerConfig) -> None:
        super().__init__(parameters, config)
        self.means = [torch.zeros_like(each) for each in self.parameters]
        self.squares = [torch.zeros_like(each) for each in self.parameters]
        self.steps = [torch.zeros((), device=each.device) for each in self.parameters]
        decayed = self.decayed()
        rest = [index for index in range(len(self.parameters)) if index not in decayed]
        pairs = [(decayed, config.weight_decay), (rest, 0.0)]
        self.groups = [(members, weight_decay) for members, weight_decay in pairs if members]

    @torch.no_grad()
    def _update(self, learning_rate: float, finite: Tensor | None) -> None:
        gradients = [gradient_of(each) for each in self.parameters]
        overflow = None if finite is None else (~finite).float()
        if finite is None:
            torch._foreach_add_(self.steps, 1.0)
        else:  # a list, since a single tensor would be read as a number
            torch._foreach_add_(self.steps, [finite.float()] * len(self.steps))
        kernel = torch._fused_adamw_ if self.config.kind == "adamw" else torch._fused_adam_
        for members, weight_decay in self.groups:
            kernel(
                [self.parameters[index] for index in members],
                [gradients[index] for index in members],
                [self.means[index] for index in members],
                [self.squares[index] for index in members],
                [],
                [self.steps[index] for index in members],
                lr=learning_rate,
                beta1=self.config.beta1,
                beta2=self.config.beta2,
                weight_decay=weight_decay,
                eps=self.config.epsilon,
                amsgrad=False,
                maximize=False,
                found_inf=overflow,
            )

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps, **super().state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        super().load_state(state)
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
        if config.kind == "nt_asgd":
            self.average = RunningAverage(self.parameters)

    @torch.no_grad()
    def _update(self, learning_rate: float, finite: Tensor | None) -> None:
        gradients = [gradient_of(each) for each in self.parameters]
        if self.config.weight_decay > 0.0:
            decayed = self.decayed()
            torch._foreach_add_(
                [gradients[index] for index in decayed],
                [self.parameters[index] for index in decayed],
                alpha=self.config.weight_decay,
            )
        if finite is not None:
            gradients = [torch.where(finite, each, 0.0) for each in gradients]
        torch._foreach_add_(self.parameters, gradients, alpha=-learning_rate)

    def note_validation(self, loss: float) -> None:
        """Start averaging if the loss has stopped falling."""
        older = self.losses[: max(0, len(self.losses) - self.config.nonmonotone_interval)]
        if isinstance(self.average, RunningAverage) and self.average.means is None and older and loss > min(older):
            self.average.begin()
        self.losses.append(loss)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"losses": self.losses, **super().state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        if self.average is not None and "averages" in state:  # written by a version before `average`
            state = {**state, "average": state}
        super().load_state(state)
        self.losses = list(state["losses"])


def build_optimizer(parameters: Iterable[Tensor], config: OptimizerConfig) -> Optimizer:
    """Build the optimizer that the configuration names, if its updates do not depend on what a parameter is for.

    Raises:
        ValueError: the configuration names Muon, which needs to know the matrices of the model.
    """
    match config.kind:
        case "adam" | "adamw":
            return Adam(parameters, config)
        case "sgd" | "nt_asgd":
            return SGD(parameters, config)
        case "muon":
            raise ValueError("muon needs to know which parameters are matrices of layers. Use setup.optimizer_for.")


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
