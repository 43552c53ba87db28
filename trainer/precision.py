"""Train in less than float32.

With `mixed` only the factors of matrix products are in bf16, and with `tf32` a GPU rounds them itself: weights stay in
float32 (see `models.products`). With `bf16` and `fp16` the model's weights and values are in that type, and the
optimizer's master weights in float32.

As in upstream's `--fp16` (apex's FP16_Optimizer with a dynamic loss scale), the loss of fp16 is scaled up so that
small gradients do not vanish. A step whose gradients overflow is skipped and the scale halved; after `WINDOW` good
steps it is doubled. All of that happens on the device, which nobody waits for.
"""

from typing import Any, Final

import torch
from torch import Tensor, nn

from trainer.optimizers import gradient_of

TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}  # of weights
PRODUCTS: Final = {"mixed": torch.bfloat16}
FIRST_SCALE: Final = 2.0**16
SMALLEST_SCALE: Final = 2.0**-8  # below it no scale helps: the run has diverged
WINDOW: Final = 1000


class LossScale:
    """The dynamic loss scale of fp16.

    Attributes:
        scale: factor of the loss, float32, on the device.
        good_steps: steps since the scale changed, float32, on the device.
        skipped: skipped steps, float32, on the device.
    """

    def __init__(self, device: torch.device) -> None:
        self.scale = torch.full((), FIRST_SCALE, device=device)
        self.good_steps = torch.zeros((), device=device)
        self.skipped = torch.zeros((), device=device)

    def note_step(self, finite: Tensor) -> None:
        """Adapt the scale to whether the gradients of a step were finite."""
        good = torch.where(finite, self.good_steps + 1.0, 0.0)
        grows = good >= WINDOW
        self.scale = torch.where(finite, torch.where(grows, self.scale * 2.0, self.scale), self.scale / 2.0)
        self.good_steps = torch.where(grows, 0.0, good)
        self.skipped = self.skipped + (~finite)

    def state(self) -> Tensor:
        """Return scale, good steps and skipped steps, float64 [3], on the device."""
        return torch.stack([self.scale, self.good_steps, self.skipped]).double()

    def load_state(self, scale: float, good_steps: int, skipped: int) -> None:
        """Continue from the numbers that `state` returned."""
        for tensor, value in ((self.scale, scale), (self.good_steps, good_steps), (self.skipped, skipped)):
            tensor.fill_(value)


class Weights:
    """A model's weights and their float32 masters.

    Attributes:
        masters: the weights that the optimizer updates; the model's own parameters if those are in float32.
        loss_scale: that of fp16; None in other precisions.
    """

    def __init__(self, model: nn.Module, precision: str) -> None:
        named = list(model.named_parameters())
        self.names = [name for name, _ in named]
        self.parameters: list[Tensor] = [parameter for _, parameter in named]
        self.masters = self.parameters
        self.loss_scale = LossScale(self.parameters[0].device) if precision == "fp16" else None
        if precision in TYPES:
            self.masters = [parameter.detach().clone() for parameter in self.parameters]
            for parameter in self.parameters:
                parameter.data = parameter.data.to(TYPES[precision])

    @torch.no_grad()
    def gather_gradients(self) -> None:
        """Move the model's gradients to the master weights, unscaled."""
        if self.masters is self.parameters:
            return
        gradients = [torch.empty_like(master) for master in self.masters]
        torch._foreach_copy_(gradients, [gradient_of(parameter) for parameter in self.parameters])
        if self.loss_scale is not None:
            torch._foreach_div_(gradients, self.loss_scale.scale)
        for master, parameter, gradient in zip(self.masters, self.parameters, gradients, strict=True):
            master.grad, parameter.grad = gradient, None

    def clear_gradients(self) -> None:
        """Discard all gradients."""
        for each in (*self.parameters, *self.masters):
            each.grad = None

    @torch.no_grad()
    def publish(self) -> None:
        """Copy the master weights to the model."""
        if self.masters is not self.parameters:
            torch._foreach_copy_(self.parameters, self.masters)

    def state(self) -> dict[str, Any]:
        """Return the master weights by name, as a model's state."""
        return dict(zip(self.names, self.masters, strict=True))

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Load the weights that `state` returned."""
        torch._foreach_copy_(self.masters, [state[name].to(self.masters[0].device) for name in self.names])
        self.publish()
