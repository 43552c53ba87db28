"""Train in less than float32.

With `mixed` only the factors of matrix products are in bf16, and with `tf32` a GPU rounds them itself: weights stay in
float32 (see `models.products`). With `bf16` and `fp16` the model's weights and values are in that type, and the
optimizer's master weights in float32.

As in upstream's `--fp16` (apex's FP16_Optimizer with a dynamic loss scale), the loss of fp16 is scaled up so that
small gradients do not vanish. A step whose gradients overflow is skipped and the scale halved; after `WINDOW` good
steps it is doubled.
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


class Weights:
    """A model's weights and their float32 masters.

    Attributes:
        masters: the weights that the optimizer updates; the model's own parameters if those are in float32.
        loss_scale: factor of the loss; 1 except in fp16.
        good_steps: steps since the scale changed.
    """

    def __init__(self, model: nn.Module, precision: str) -> None:
        named = list(model.named_parameters())
        self.names = [name for name, _ in named]
        self.parameters: list[Tensor] = [parameter for _, parameter in named]
        self.masters = self.parameters
        self.loss_scale = FIRST_SCALE if precision == "fp16" else 1.0
        self.scales = precision == "fp16"
        self.good_steps = 0
        if precision in TYPES:
            self.masters = [parameter.detach().clone() for parameter in self.parameters]
            for parameter in self.parameters:
                parameter.data = parameter.data.to(TYPES[precision])

    @torch.no_grad()
    def gather_gradients(self) -> None:
        """Move the model's gradients to the master weights, unscaled."""
        if self.masters is self.parameters:
            return
        for master, parameter in zip(self.masters, self.parameters, strict=True):
            master.grad = gradient_of(parameter).to(master.dtype).div_(self.loss_scale)
            parameter.grad = None

    def clear_gradients(self) -> None:
        """Discard all gradients."""
        for each in (*self.parameters, *self.masters):
            each.grad = None

    @torch.no_grad()
    def publish(self) -> None:
        """Copy the master weights to the model."""
        if self.masters is not self.parameters:
            torch._foreach_copy_(self.parameters, self.masters)

    def note_step(self, *, finite: bool) -> bool:
        """Adapt the loss scale to whether the gradients were finite.

        Returns:
            Whether a smaller scale may help, if they were not.
        """
        if not self.scales:
            return False
        self.good_steps = self.good_steps + 1 if finite else 0
        if not finite:
            self.loss_scale /= 2.0
        elif self.good_steps >= WINDOW:
            self.loss_scale, self.good_steps = self.loss_scale * 2.0, 0
        return self.loss_scale >= SMALLEST_SCALE

    def state(self) -> dict[str, Any]:
        """Return the master weights by name, as a model's state."""
        return dict(zip(self.names, self.masters, strict=True))

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Load the weights that `state` returned."""
        for name, master in zip(self.names, self.masters, strict=True):
            master.copy_(state[name])
        self.publish()
