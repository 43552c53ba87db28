"""Softmax and cross-entropy in one function, in chunks of tokens: the logits of the whole batch never exist.

The gradient is computed in the forward pass and takes the place of a chunk's logits. Matrix products are computed chunk
by chunk, all else in blocks that stay in a core's cache. What is kept for the backward pass is as large as the weights
and the hidden states, not as the logits.
"""

import math
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

CHUNK_LOGITS: Final = {"cpu": 2**22, "cuda": 2**26}  # 16 and 256 MiB in float32: for the products, the memory
NARROW_CHUNKS: Final = 4  # times as many logits, in half the bytes each: short products in bf16 are slower on a CPU
BLOCK_LOGITS: Final = {"cpu": 2**18, "cuda": 2**26}  # 1 MiB in float32, which stays in a core's cache
SMALLEST_CHUNK: Final = 32  # fewer rows make slow matrix products


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


def chunk_rows(tokens: int, vocabulary_size: int, device: str, *, narrow: bool = False) -> int:
    """Return the number of tokens whose matrix products are computed at once, about as many in each chunk.

    Args:
        narrow: whether products have a narrower data type than the values around them.
    """
    most = CHUNK_LOGITS.get(device, CHUNK_LOGITS["cuda"]) * (NARROW_CHUNKS if narrow and device == "cpu" else 1)
    chunks = math.ceil(tokens / max(SMALLEST_CHUNK, most // vocabulary_size))
    return math.ceil(tokens / chunks)


def block_rows(vocabulary_size: int, device: str) -> int:
    """Return the number of tokens whose softmax is computed at once."""
    return max(1, BLOCK_LOGITS.get(device, BLOCK_LOGITS["cuda"]) // vocabulary_size)


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
    """The gradients of hidden states and weight, unset at first, and of the bias, 0 at first."""

    hidden: Tensor
    weight: Tensor
    bias: Tensor

    def chunk(self, start: int, rows: int) -> "Gradients":
        """Return the gradients for some tokens."""
        return Gradients(self.hidden[start : start + rows], self.weight, self.bias)


def _forward(inputs: Inputs, gradients: Gradients | None, products: torch.dtype | None) -> Tensor:
    hidden, (num_words, _) = inputs.hidden, inputs.weight.shape
    total = torch.zeros((), dtype=torch.float64, device=hidden.device)
    rows = chunk_rows(hidden.shape[0], num_words, hidden.device.type, narrow=products is not None)
    buffer = hidden.new_empty(rows, num_words, dtype=products or hidden.dtype)
    weight = inputs.weight if products is None else inputs.weight.to(products)
    for start in range(0, hidden.shape[0], rows):
        chunk = inputs.chunk(start, rows)
        logits = buffer[: chunk.hidden.shape[0]]
        if products is None:
            torch.addmm(chunk.bias, chunk.hidden, weight.t(), out=logits)
            factors, bias = chunk, None
        else:  # only the factors and results of products are in their data type: the bias is added later
            factors, bias = chunk._replace(hidden=chunk.hidden.to(products), weight=weight), chunk.bias
            torch.mm(factors.hidden, weight.t(), out=logits)
        total += _add_block_by_block(logits, bias, chunk, None if gradients is None else gradients.bias)
        if gradients is not None:
            _add_gradients(gradients.chunk(start, rows), logits, factors, is_first=start == 0)
    return total.to(_at_least_float32(hidden[:0]).dtype)


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def _add_block_by_block(logits: Tensor, bias: Tensor | None, chunk: Inputs, of_bias: Tensor | None) -> Tensor:
    """Return the summed loss; if there is a gradient of the bias, add to it and replace the logits by theirs."""
    total = torch.zeros((), dtype=torch.float64, device=logits.device)
    rows = block_rows(logits.shape[1], logits.device.type)
    for start in range(0, logits.shape[0], rows):
        block = slice(start, start + rows)
        targets, counted = chunk.targets[block], None if chunk.counted is None else chunk.counted[block]
        narrow = logits[block]
        losses, probabilities = _losses(narrow, bias, targets)
        total += _summed(losses, counted)
        if of_bias is None:
            continue
        gradient = probabilities.scatter_add_(1, targets, torch.full_like(losses, -1.0))
        if counted is not None:
            gradient.mul_(counted)
        of_bias.add_(gradient.sum(0))
        if gradient is not narrow:
            narrow.copy_(gradient)
    return total


def _losses(narrow: Tensor, bias: Tensor | None, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the losses, [tokens, 1], and the probabilities, which take the place of float32 logits on a CPU."""
    wide = _at_least_float32(narrow)
    wide = wide if bias is None else wide.add_(bias)
    largest, picked = wide.amax(1, keepdim=True), wide.gather(1, targets)
    probabilities = torch.softmax(wide, 1, out=wide) if wide.device.type == "cpu" else torch.softmax(wide, 1)
    # From the largest probability, which never underflows as that of the target may.
    return largest - picked - probabilities.amax(1, keepdim=True).log_(), probabilities


def _summed(losses: Tensor, counted: Tensor | None) -> Tensor:
    return (losses if counted is None else losses * counted).sum(dtype=torch.float64)


def _add_gradients(gradients: Gradients, of_logits: Tensor, factors: Inputs, *, is_first: bool) -> None:
    """Set a chunk's gradient of hidden states, and set or add that of the weight: logits' times the other factor."""
    if gradients.weight.dtype == of_logits.dtype:
        torch.mm(of_logits, factors.weight, out=gradients.hidden)
        torch.addmm(
            gradients.weight, of_logits.t(), factors.hidden, beta=0.0 if is_first else 1.0, out=gradients.weight
        )
        return
    gradients.hidden.copy_(of_logits @ factors.weight)
    of_weight = of_logits.t() @ factors.hidden
    if is_first:
        gradients.weight.copy_(of_weight)
    else:
        gradients.weight.add_(of_weight)


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
            torch.empty_like(hidden), torch.empty_like(weight, dtype=summed), torch.zeros_like(bias, dtype=summed)
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
