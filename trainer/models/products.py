"""Matrix products in a lower precision than the values around them."""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Scales(NamedTuple):
    """Factors of the inputs and of the outputs of a linear map."""

    inputs: float = 1.0
    outputs: float = 1.0


UNSCALED: Final = Scales()


class ProductModule(nn.Module):
    """A module with matrix products.

    Attributes:
        products: data type of the factors; None for that of the values and weights.
    """

    products: torch.dtype | None = None

    def to_products(self, values: Tensor) -> Tensor:
        """Return values in the data type of products."""
        return values if self.products is None else values.to(self.products)

    def linear(
        self, values: Tensor, weight: Tensor, bias: Tensor | None = None, *, scales: Scales = UNSCALED
    ) -> Tensor:
        """Compute values weight^T + bias; the kernels add the bias before they round the product.

        Args:
            values: [..., inputs]; weight: [outputs, inputs]; bias: [outputs].
            scales: multiply the inputs and the outputs, exactly: the weight is multiplied before it is rounded.

        Returns:
            [..., outputs], in the data type of products.
        """
        of_weight = scales.inputs * scales.outputs
        weight = self.to_products(weight if of_weight == 1.0 else weight * of_weight)
        if bias is not None:
            bias = self.to_products(bias if scales.outputs == 1.0 else bias * scales.outputs)
        return functional.linear(self.to_products(values), weight, bias)


def set_products(model: nn.Module, products: torch.dtype | None) -> None:
    """Set the data type of the factors of all matrix products in a model."""
    for module in model.modules():
        if isinstance(module, ProductModule):
            module.products = products
