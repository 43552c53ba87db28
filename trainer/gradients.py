"""The gradients of one step, of the whole batch at once or of some streams at a time."""

from typing import Any

import torch
from torch import Tensor

from trainer.models.language_model import LanguageModel
from trainer.regularizers import StreamGenerator


def add_gradients(
    model: LanguageModel,
    inputs: Tensor,
    targets: Tensor,
    memory: Any,
    *,
    micro_batch_size: int,
    loss_scale: float = 1.0,
) -> tuple[Tensor, Any]:
    """Add the gradients of the mean loss, times `loss_scale`, to the parameters'.

    Streams have their own memory and masks, and what they share is drawn again alike for each part, so the parts'
    losses and gradients sum to the whole batch's, to rounding (and the draws end where the whole batch's would).

    Args:
        inputs, targets: int64 [batch, time].
        memory: of the call before; tensors whose first axis is the streams', or None.
        micro_batch_size: streams read at a time.

    Returns:
        The mean loss in nats a token, and the memory after.
    """
    batch = inputs.shape[0]
    if micro_batch_size >= batch:
        loss, carried = model(inputs, targets, memory)
        _backward(loss, loss_scale)
        return loss.detach(), carried
    assert isinstance(model.generator, StreamGenerator)
    start, parts = model.generator.get_state(), []
    total = torch.zeros((), device=inputs.device)
    for first in range(0, batch, micro_batch_size):
        number = min(micro_batch_size, batch - first)
        rows = slice(first, first + number)
        before = None if memory is None else tuple(each[rows] for each in memory)
        model.generator.set_state(start)
        with model.generator.reading(first, number, batch):
            loss, carried = model(inputs[rows], targets[rows], before)
        share = number / batch
        _backward(loss, share * loss_scale)
        total = total + loss.detach() * share
        parts.append(carried)
    after = None if parts[0] is None else tuple(torch.cat(each) for each in zip(*parts, strict=True))
    return total, after


def _backward(loss: Tensor, factor: float) -> None:
    torch.autograd.backward(loss if factor == 1.0 else loss * factor)
