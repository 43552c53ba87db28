"""Matrix products in a lower precision than the values around them."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ProductModule(nn.Module):
    """A module with matrix products.

    Attributes:
        products: data type of the factors; None for that of the values and weights.
    """

    products: torch.dtype | None = None

    def to_products(self, values: Tensor) -> Tensor:
        """Return values in the data type of products."""
        return values if self.products is None else values.to(self.products)

    def linear(self, values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Compute values weight^T + bias.

        Args:
            values: [..., inputs]; weight: [outputs, inputs]; bias: [outputs].

        Returns:
            [..., outputs], in the data type of products without a bias; a bias is added in its own data type.
        """
        if self.products is None:
            return functional.linear(values, weight, bias)
        product = functional.linear(self.to_products(values), self.to_products(weight))
        return product if bias is None else product.to(bias.dtype).add_(bias)


def set_products(model: nn.Module, products: torch.dtype | None) -> None:
    """Set the data type of the factors of all matrix products in a model."""
    for module in model.modules():
        if isinstance(module, ProductModule):
            module.products = products
