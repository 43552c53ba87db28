"""Softmax and cross-entropy in one function, in chunks of tokens: the logits of the whole batch never exist.

The gradient is computed in the forward pass, while a chunk's probabilities are still in the cache. What is kept for
the backward pass is as large as the weights and the hidden states, not as the logits.
"""

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

CHUNK_LOGITS: Final = {"cpu": 2**21, "cuda": 2**26}  # 8 and 256 MiB in float32: to fit the cache, the memory
CHUNK_LOGITS_OF_PRODUCTS: Final = {"cpu": 2**22, "cuda": 2**26}
SMALLEST_CHUNK: Final = 32  # fewer rows make slow matrix products
SMALLEST_PROBABILITY: Final = torch.finfo(torch.float32).tiny


def softmax_loss(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    *,
    counted: Tensor | None = None,
    products: torch.dtype | None = None,
) -> Tensor:
    """Return the sum over tokens of -log softmax(hidden weight^T + bias)[target], in nats.

    Args:
        hidden: [tokens, d_model]; weight: [vocabulary, d_model]; bias: [vocabulary]; targets: int64 [tokens].
        counted: factor of each token's loss, [tokens]; None counts every token once.
        products: data type of the factors of matrix products; None for that of `hidden`.

    Returns:
        A scalar, summed in float64, in the data type of the hidden states but at least float32. In bf16 or fp16 only
        the logits have that type; the softmax, the loss and the weight's gradient are in float32.
    """
    inputs = Inputs(hidden, weight, bias, targets, counted)
    if torch.is_grad_enabled():
        loss: Tensor = _SoftmaxLoss.apply(*inputs, products)  # type: ignore[no-untyped-call]  # torch's own
        return loss
    return _forward(inputs, None, products)


def chunk_rows(vocabulary_size: int, device: str, *, products: bool = False) -> int:
    """Return the number of tokens in a chunk."""
    logits = CHUNK_LOGITS_OF_PRODUCTS if products else CHUNK_LOGITS
    return max(SMALLEST_CHUNK, logits.get(device, logits["cuda"]) // vocabulary_size)


class Inputs(NamedTuple):
    """The arguments of `softmax_loss`; a chunk of them has some of the tokens."""

    hidden: Tensor
    weight: Tensor
    bias: Tensor
    targets: Tensor
    counted: Tensor | None

    def chunk(self, start: int, rows: int) -> "Inputs":
        """Return the arguments for some tokens."""
        part = slice(start, start + rows)
        counted = None if self.counted is None else self.counted[part, None]
        return Inputs(self.hidden[part], self.weight, self.bias, self.targets[part, None], counted)


class Gradients(NamedTuple):
    """The gradients of hidden states, weight and bias, to be filled and added to."""

    hidden: Tensor
    weight: Tensor
    bias: Tensor

    def chunk(self, start: int, rows: int) -> "Gradients":
        """Return the gradients for some tokens."""
        return Gradients(self.hidden[start : start + rows], self.weight, self.bias)


def _forward(inputs: Inputs, gradients: Gradients | None, products: torch.dtype | None) -> Tensor:
    hidden, (num_words, _) = inputs.hidden, inputs.weight.shape
    total = torch.zeros((), dtype=torch.float64, device=hidden.device)
    rows = min(chunk_rows(num_words, hidden.device.type, products=products is not None), hidden.shape[0])
    buffer = hidden.new_empty(rows, num_words, dtype=products or hidden.dtype)
    weight = inputs.weight if products is None else inputs.weight.to(products)
    for start in range(0, hidden.shape[0], rows):
        chunk = inputs.chunk(start, rows)
        of_chunk = None if gradients is None else gradients.chunk(start, rows)
        logits = buffer[: chunk.hidden.shape[0]]
        if products is None:
            total += _chunk_loss(chunk, of_chunk, logits)
        else:
            factors = chunk._replace(hidden=chunk.hidden.to(products), weight=weight)
            total += _chunk_loss_of_products(factors, of_chunk, logits)
    return total.to(_at_least_float32(hidden[:0]).dtype)


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def _chunk_loss(chunk: Inputs, gradients: Gradients | None, buffer: Tensor) -> Tensor:
    logits = _at_least_float32(torch.addmm(chunk.bias, chunk.hidden, chunk.weight.t(), out=buffer))
    if gradients is None:
        return _summed(-torch.log_softmax(logits, 1).gather(1, chunk.targets), chunk.counted)
    largest = logits.amax(1, keepdim=True)
    picked = logits.gather(1, chunk.targets)
    exponentials = logits.sub_(largest).exp_()  # not normalized: dividing the d_model-wide factors is cheaper
    sums = exponentials.sum(1, keepdim=True)
    losses = sums.log() + largest - picked
    _add_gradients(gradients, chunk, exponentials, sums)
    return _summed(losses, chunk.counted)


def _summed(losses: Tensor, counted: Tensor | None) -> Tensor:
    return (losses if counted is None else losses * counted).sum(dtype=torch.float64)


def _add_gradients(gradients: Gradients, chunk: Inputs, exponentials: Tensor, sums: Tensor) -> None:
    """Add a chunk's gradient: softmax minus one at the target, times the other factor of each product."""
    hidden, target, of_products = chunk.hidden, chunk.targets[:, 0], exponentials.to(chunk.hidden.dtype)
    torch.mm(of_products, chunk.weight, out=gradients.hidden)
    gradients.hidden.div_(sums).sub_(chunk.weight[target])
    ones, shares = torch.ones_like(sums), 1.0 / sums
    scaled = (hidden / sums).to(hidden.dtype)
    if chunk.counted is not None:
        gradients.hidden.mul_(chunk.counted)
        scaled = (scaled * chunk.counted).to(hidden.dtype)
        hidden, ones, shares = hidden * chunk.counted, ones * chunk.counted, shares * chunk.counted
    if gradients.weight.dtype == scaled.dtype:
        gradients.weight.addmm_(of_products.t(), scaled)
    else:
        gradients.weight.add_(of_products.t() @ scaled)
    gradients.bias.addmv_(exponentials.t(), shares[:, 0])
    gradients.weight.index_add_(0, target, hidden.to(gradients.weight.dtype), alpha=-1.0)
    gradients.bias.index_add_(0, target, ones[:, 0], alpha=-1.0)


def _chunk_loss_of_products(chunk: Inputs, gradients: Gradients | None, buffer: Tensor) -> Tensor:
    """Compute a chunk's loss; only the factors and results of products are in their data type."""
    logits = torch.mm(chunk.hidden, chunk.weight.t(), out=buffer).to(chunk.bias.dtype).add_(chunk.bias)
    if gradients is None:
        losses = -torch.log_softmax(logits, 1).gather(1, chunk.targets)
    else:
        probabilities = torch.softmax(logits, 1)
        # A probability that underflows costs 87 nats, and training has diverged anyway.
        losses = -probabilities.gather(1, chunk.targets).clamp_min_(SMALLEST_PROBABILITY).log_()
        of_logits = probabilities.scatter_add_(1, chunk.targets, torch.full_like(losses, -1.0))
        if chunk.counted is not None:
            of_logits.mul_(chunk.counted)
        factor = buffer.copy_(of_logits)  # its products have been read
        gradients.hidden.copy_(factor @ chunk.weight)
        gradients.weight.add_(factor.t() @ chunk.hidden)
        gradients.bias.add_(of_logits.sum(0))
    return _summed(losses, chunk.counted)


class _SoftmaxLoss(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd functions take positional arguments only
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        counted: Tensor | None,
        products: torch.dtype | None,
    ) -> Tensor:
        summed = _at_least_float32(weight[:0]).dtype
        gradients = Gradients(
            torch.empty_like(hidden), torch.zeros_like(weight, dtype=summed), torch.zeros_like(bias, dtype=summed)
        )
        loss = _forward(Inputs(hidden, weight, bias, targets, counted), gradients, products)
        ctx.save_for_backward(*gradients)
        ctx.type = weight.dtype
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *of_loss: Tensor) -> tuple[Tensor | None, ...]:
        of_hidden, of_weight, of_bias = ctx.saved_tensors
        (factor,) = of_loss
        return of_hidden * factor, (of_weight * factor).to(ctx.type), (of_bias * factor).to(ctx.type), None, None, None
