"""Softmax and cross-entropy in one function, in chunks of tokens: the logits of the whole batch never exist.

The gradient is computed in the forward pass, while a chunk's probabilities are still in the cache. What is kept for
the backward pass is as large as the weights and the hidden states, not as the logits.
"""

from typing import Any, Final

import torch
from torch import Tensor

CHUNK_LOGITS: Final = {"cpu": 2**21, "cuda": 2**26}  # 8 and 256 MiB in float32: to fit the cache, the memory
SMALLEST_CHUNK: Final = 32  # fewer rows make slow matrix products


def softmax_loss(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return the sum over tokens of -log softmax(hidden weight^T + bias)[target], in nats.

    Args:
        hidden: [tokens, d_model]; weight: [vocabulary, d_model]; bias: [vocabulary]; targets: int64 [tokens].

    Returns:
        A scalar, summed in float64, in the data type of the hidden states but at least float32. In bf16 or fp16 only
        the logits have that type; the softmax, the loss and the weight's gradient are in float32.
    """
    if torch.is_grad_enabled():
        loss: Tensor = _SoftmaxLoss.apply(hidden, weight, bias, targets)  # type: ignore[no-untyped-call]  # torch's own
        return loss
    return _forward(hidden, weight, bias, targets, None)


def chunk_rows(vocabulary_size: int, device: str) -> int:
    """Return the number of tokens in a chunk."""
    return max(SMALLEST_CHUNK, CHUNK_LOGITS.get(device, CHUNK_LOGITS["cuda"]) // vocabulary_size)


def _forward(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    gradients: tuple[Tensor, Tensor, Tensor] | None,
) -> Tensor:
    total = torch.zeros((), dtype=torch.float64, device=hidden.device)
    rows = min(chunk_rows(weight.shape[0], hidden.device.type), hidden.shape[0])
    buffer = hidden.new_empty(rows, weight.shape[0])
    for start in range(0, hidden.shape[0], rows):
        chunk, target = hidden[start : start + rows], targets[start : start + rows, None]
        logits = _at_least_float32(torch.addmm(bias, chunk, weight.t(), out=buffer[: chunk.shape[0]]))
        largest = logits.amax(1, keepdim=True)
        picked = logits.gather(1, target)
        exponentials = logits.sub_(largest).exp_()  # not normalized: dividing the d_model-wide factors is cheaper
        sums = exponentials.sum(1, keepdim=True)
        total += (sums.log() + largest - picked).sum(dtype=torch.float64)
        if gradients is not None:
            _add_gradients(
                gradients,
                rows=slice(start, start + rows),
                chunk=chunk,
                weight=weight,
                exponentials=exponentials,
                sums=sums,
                target=target[:, 0],
            )
    return total.to(_at_least_float32(hidden[:0]).dtype)


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def _add_gradients(
    gradients: tuple[Tensor, Tensor, Tensor],
    *,
    rows: slice,
    chunk: Tensor,
    weight: Tensor,
    exponentials: Tensor,
    sums: Tensor,
    target: Tensor,
) -> None:
    """Add a chunk's gradient: softmax minus one at the target, times the other factor of each product."""
    of_hidden, of_weight, of_bias = gradients
    of_chunk, of_products = of_hidden[rows], exponentials.to(chunk.dtype)
    torch.mm(of_products, weight, out=of_chunk)
    of_chunk.div_(sums).sub_(weight[target])
    scaled = (chunk / sums).to(chunk.dtype)
    if of_weight.dtype == chunk.dtype:
        of_weight.addmm_(of_products.t(), scaled)
    else:
        of_weight += of_products.t() @ scaled
    of_bias.addmv_(exponentials.t(), 1.0 / sums[:, 0])
    of_weight.index_add_(0, target, chunk.to(of_weight.dtype), alpha=-1.0)
    of_bias.index_add_(0, target, torch.ones_like(sums[:, 0]), alpha=-1.0)


class _SoftmaxLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        summed = _at_least_float32(weight[:0]).dtype
        gradients = (
            torch.empty_like(hidden),
            torch.zeros_like(weight, dtype=summed),
            torch.zeros_like(bias, dtype=summed),
        )
        loss = _forward(hidden, weight, bias, targets, gradients)
        ctx.save_for_backward(*gradients)
        ctx.type = weight.dtype
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *of_loss: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        of_hidden, of_weight, of_bias = ctx.saved_tensors
        (factor,) = of_loss
        return of_hidden * factor, (of_weight * factor).to(ctx.type), (of_bias * factor).to(ctx.type), None
