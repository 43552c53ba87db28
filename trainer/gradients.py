"""Compute the gradients of one step, for the whole batch at once or in parts."""

import torch
from torch import Tensor

from trainer.models.language_model import LanguageModel, Memory
from trainer.regularizers import StreamGenerator


def add_gradients(
    model: LanguageModel,
    inputs: Tensor,
    targets: Tensor,
    memory: Memory | None,
    *,
    micro_batch_size: int,
    loss_scale: Tensor | None = None,
) -> tuple[Tensor, Memory | None]:
    """Add the gradients of the mean loss to those of the parameters.

    Every stream has its own memory and masks, and masks that streams share are redrawn identically for each part. So
    the losses and gradients of the parts sum to those of the whole batch, up to rounding, and the generator ends in
    the same state.

    Args:
        inputs, targets: int64 [batch, time].
        memory: the memory that the previous call returned; the first axis of its tensors is that of the streams.
        micro_batch_size: number of streams to read at once.
        loss_scale: factor of the gradients, a scalar; None for 1.

    Returns:
        The mean loss in nats per token, and the new memory.
    """
    batch = inputs.shape[0]
    if micro_batch_size >= batch:
        loss, carried = model(inputs, targets, memory)
        _backward(loss, 1.0, loss_scale)
        return loss.detach(), carried
    assert isinstance(model.generator, StreamGenerator)
    start = model.generator.get_state()
    parts: list[Memory] = []
    total = torch.zeros((), device=inputs.device)
    for first in range(0, batch, micro_batch_size):
        number = min(micro_batch_size, batch - first)
        rows = slice(first, first + number)
        before = None if memory is None else tuple(each[rows] for each in memory)
        model.generator.set_state(start)
        with model.generator.reading(first, number, batch):
            loss, carried = model(inputs[rows], targets[rows], before)
        share = number / batch
        _backward(loss, share, loss_scale)
        if model.graph_reuses_outputs and first == 0:
            _own_gradients(model)
        total = total + loss.detach() * share
        if carried is not None:
            parts.append(carried)
    return total, tuple(torch.cat(each) for each in zip(*parts, strict=True)) if parts else None


def _backward(loss: Tensor, share: float, scale: Tensor | None) -> None:
    loss = loss if share == 1.0 else loss * share
    torch.autograd.backward(loss if scale is None else loss * scale)


def _own_gradients(model: LanguageModel) -> None:
    """Copy the gradients of the first part, which are the graph's own tensors; those of others are added to them."""
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad = parameter.grad.clone()
