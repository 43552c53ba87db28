"""Compute the gradients of one step, for the whole batch at once or in parts."""

from typing import NamedTuple

import torch
from torch import Tensor

from trainer.models.language_model import LanguageModel, Memory
from trainer.regularizers import StreamGenerator


class Noised(NamedTuple):
    """The noised reading of a segment that counts beside the plain one.

    Attributes:
        inputs, targets: int64 [batch, time].
        weight: of its loss in the objective; that of the plain loss is 1.
    """

    inputs: Tensor
    targets: Tensor
    weight: float


def add_gradients(
    model: LanguageModel,
    inputs: Tensor,
    targets: Tensor,
    memory: Memory | None,
    *,
    micro_batch_size: int,
    loss_scale: Tensor | None = None,
    noised: Noised | None = None,
) -> tuple[Tensor, Memory | None]:
    """Add the gradients of the mean loss to those of the parameters, and those of the noised reading's if there is one.

    Every stream has its own memory and masks, and masks that streams share are redrawn identically for each part. So
    the losses and gradients of the parts sum to those of the whole batch, up to rounding, and the generator ends in
    the same state.

    Args:
        inputs, targets: int64 [batch, time].
        memory: the memory that the previous call returned; the first axis of its tensors is that of the streams.
        micro_batch_size: number of streams to read at once.
        loss_scale: factor of the gradients, a scalar; None for 1.
        noised: read after the segment itself and with the same memory.

    Returns:
        The mean loss in nats per token, and the new memory, both of the segment itself.
    """
    batch = inputs.shape[0]
    if micro_batch_size >= batch:
        loss, carried = model(inputs, targets, memory)
        _backward(loss, 1.0, loss_scale)
        plain = _kept(model, loss)
        _add_noised(model, noised, slice(None), memory, 1.0, loss_scale, is_first=True)
        return plain, carried
    assert isinstance(model.generator, StreamGenerator)
    start = model.generator.get_state()
    parts: list[Memory] = []
    total = torch.zeros((), device=inputs.device)
    for first in range(0, batch, micro_batch_size):
        number = min(micro_batch_size, batch - first)
        rows = slice(first, first + number)
        before = None if memory is None else tuple(each[rows] for each in memory)
        model.generator.set_state(start)
        share = number / batch
        with model.generator.reading(first, number, batch):
            loss, carried = model(inputs[rows], targets[rows], before)
            _backward(loss, share, loss_scale)
            plain = _kept(model, loss)
            _add_noised(model, noised, rows, before, share, loss_scale, is_first=first == 0)
        if model.graph_reuses_outputs and first == 0 and noised is None:
            _own_gradients(model)
        total = total + plain * share
        if carried is not None:
            parts.append(carried)
    return total, tuple(torch.cat(each) for each in zip(*parts, strict=True)) if parts else None


def _add_noised(  # noqa: PLR0917 - the state of its caller
    model: LanguageModel,
    noised: Noised | None,
    rows: slice,
    memory: Memory | None,
    share: float,
    loss_scale: Tensor | None,
    *,
    is_first: bool,
) -> None:
    """Add the gradients of the noised reading of some streams.

    Args:
        is_first: whether the gradients so far are those of one call.
    """
    if noised is None:
        return
    if model.graph_reuses_outputs and is_first:
        _own_gradients(model)
    loss, _ = model(noised.inputs[rows], noised.targets[rows], memory)
    _backward(loss, share * noised.weight, loss_scale)


def _backward(loss: Tensor, share: float, scale: Tensor | None) -> None:
    loss = loss if share == 1.0 else loss * share
    torch.autograd.backward(loss if scale is None else loss * scale)


def _kept(model: LanguageModel, loss: Tensor) -> Tensor:
    """Return a loss without history that the next call does not overwrite."""
    return loss.detach().clone() if model.graph_reuses_outputs else loss.detach()


def _own_gradients(model: LanguageModel) -> None:
    """Copy the gradients of the first part, which are the graph's own tensors; those of others are added to them."""
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad = parameter.grad.clone()
