"""Attention with relative positions (Dai et al. 2019, section 3.3), with one autograd function for its whole core.

    score[i, j] = (q_i + u)·k_j + (q_i + v)·r_{i - j},   context = softmax(score / sqrt(d_head) + mask) values

Heads come first, then streams, so that the position scores of all streams are one matrix product per head. The
relative shift is a view: see `shifted`.
"""

import math
from typing import Any

import torch
from torch import Tensor


def relative_attention(
    own: Tensor,
    carried: Tensor | None,
    *,
    positions: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    mask: Tensor,
    dropout_mask: Tensor | None = None,
    rounding: torch.dtype | None = None,
) -> Tensor:
    """Compute the contexts of the queries.

    Args:
        own: the segment's queries, keys and values, [batch, time, 3, heads, d_head].
        carried: the memory's keys and values, [batch, carried, 2, heads, d_head]; None without memory.
        positions: [carried + time, heads, d_head], the projected encodings of the distances carried + time - 1, …, 0.
        content_bias, position_bias: u and v, [heads, d_head].
        mask: [time, carried + time], 0 where a query may attend and -inf where not.
        dropout_mask: [heads, batch, time, carried + time], factors of the attention probabilities.
        rounding: round the scores and their gradient to this data type; None for no rounding.

    Returns:
        [batch, time, heads * d_head].
    """
    context: Tensor = _RelativeAttention.apply(  # type: ignore[no-untyped-call]  # torch's own
        own, carried, positions, content_bias, position_bias, mask, dropout_mask, rounding
    )
    return context


def shifted(scores: Tensor) -> Tensor:
    """View scores by distance as scores by key, without a copy.

    Row i's key j is at distance i + keys - time - j, whose column in `scores` is j + time - 1 - i. Its flat index is
    i (keys - 1) + j + time - 1, so the view only starts later and has a shorter stride. Entries to the right of the
    row's own token come from the next row and must be masked.

    Args:
        scores: [matrices, time, keys], contiguous and at the start of its storage.
    """
    matrices, time, keys = scores.shape
    return scores.as_strided((matrices, time, keys), (time * keys, keys - 1, 1), time - 1)


def unshifted(gradient: Tensor) -> Tensor:
    """Transpose `shifted`: turn a gradient by key, which is 0 where masked, into a gradient by distance."""
    matrices, time, keys = gradient.shape
    flat = gradient.new_empty(matrices, time * keys)
    flat[:, : time - 1] = 0.0
    # A row's last key is the next row's first in the strided view; it is masked in every row except the last.
    flat[:, time - 1 : -1].view(matrices, time, keys - 1).copy_(gradient[:, :, :-1])
    flat[:, -1] = gradient[:, -1, -1]
    return flat.view(matrices, time, keys)


def _heads_first(tensor: Tensor) -> Tensor:
    """Rearrange [batch, length, heads, d_head] to contiguous [heads * batch, length, d_head]."""
    batch, length, heads, width = tensor.shape
    return tensor.permute(2, 0, 1, 3).reshape(heads * batch, length, width)


def _keys_or_values(own: Tensor, carried: Tensor | None, which: int) -> Tensor:
    """Join the keys (0) or values (1) of memory and segment: contiguous [heads * batch, carried + time, d_head]."""
    batch, time, _, heads, width = own.shape
    past = 0 if carried is None else carried.shape[1]
    joined = own.new_empty(heads, batch, past + time, width)
    if carried is not None:
        joined[:, :, :past] = carried[:, :, which].permute(2, 0, 1, 3)
    joined[:, :, past:] = own[:, :, which + 1].permute(2, 0, 1, 3)
    return joined.view(heads * batch, past + time, width)


class _RelativeAttention(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd functions take positional arguments only
        ctx: Any,
        own: Tensor,
        carried: Tensor | None,
        positions: Tensor,
        content_bias: Tensor,
        position_bias: Tensor,
        mask: Tensor,
        dropout_mask: Tensor | None,
        rounding: torch.dtype | None,
    ) -> Tensor:
        batch, time, _, heads, width = own.shape
        keys, values = _keys_or_values(own, carried, 0), _keys_or_values(own, carried, 1)
        num_keys, scale = keys.shape[1], 1.0 / math.sqrt(width)
        queries = own[:, :, 0] * scale
        by_content = _heads_first(queries + content_bias * scale)
        by_position = _heads_first(queries + position_bias * scale).view(heads, batch * time, width)
        distances = positions.transpose(0, 1)  # [heads, keys, d_head]
        scores = torch.bmm(by_position, distances.transpose(1, 2)).view(heads * batch, time, num_keys)
        scores = torch.baddbmm(shifted(scores), by_content, keys.transpose(1, 2))
        attention = torch.softmax(_rounded(scores, rounding).add_(mask), -1)
        dropped = attention if dropout_mask is None else attention * dropout_mask.view_as(attention)
        context = torch.bmm(dropped, values)
        ctx.save_for_backward(by_content, by_position, keys, values, distances, attention, dropout_mask, context)
        ctx.shape, ctx.carried, ctx.scale, ctx.rounding = own.shape, carried is not None, scale, rounding
        return context.view(heads, batch, time, width).permute(1, 2, 0, 3).reshape(batch, time, heads * width)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *of_contexts: Tensor) -> tuple[Tensor | None, ...]:
        by_content, by_position, keys, values, distances, attention, dropout_mask, context = ctx.saved_tensors
        batch, time, _, heads, width = ctx.shape
        of_context = _heads_first(of_contexts[0].view(batch, time, heads, width))
        of_scores = _rounded(_scores_gradient(of_context, context, attention, values, dropout_mask), ctx.rounding)
        dropped = attention if dropout_mask is None else attention * dropout_mask.view_as(attention)
        of_values = torch.bmm(dropped.transpose(1, 2), of_context)
        of_keys = torch.bmm(of_scores.transpose(1, 2), by_content)
        of_content = torch.bmm(of_scores, keys).view(heads, batch * time, width)
        by_distance = unshifted(of_scores).view(heads, batch * time, -1)
        of_position = torch.bmm(by_distance, distances)
        of_distances = torch.bmm(by_distance.transpose(1, 2), by_position)
        of_own, of_carried = _projections_gradient(
            ctx.shape, (of_content + of_position) * ctx.scale, of_keys, of_values
        )
        return (
            of_own,
            of_carried if ctx.carried else None,
            of_distances.transpose(0, 1),
            of_content.sum(1).mul_(ctx.scale),
            of_position.sum(1).mul_(ctx.scale),
            None,
            None,
            None,
        )


def _projections_gradient(
    shape: tuple[int, ...], of_queries: Tensor, of_keys: Tensor, of_values: Tensor
) -> tuple[Tensor, Tensor]:
    """Arrange gradients with heads first as the gradients of the segment's and the memory's projections."""
    batch, time, _, heads, width = shape
    past = of_keys.shape[1] - time
    own = of_keys.new_empty(batch, time, 3, heads, width)
    carried = of_keys.new_empty(batch, past, 2, heads, width)
    own[:, :, 0] = of_queries.view(heads, batch, time, width).permute(1, 2, 0, 3)
    for which, gradient in enumerate((of_keys, of_values)):
        streams_first = gradient.view(heads, batch, past + time, width).permute(1, 2, 0, 3)
        carried[:, :, which] = streams_first[:, :past]
        own[:, :, which + 1] = streams_first[:, past:]
    return own, carried


def _scores_gradient(
    of_context: Tensor, context: Tensor, attention: Tensor, values: Tensor, dropout_mask: Tensor | None
) -> Tensor:
    """Compute the gradient before the softmax: attention * (gradient - sum_j attention_j gradient_j).

    The sum equals the dot product of a context and its gradient, which is much cheaper to compute (Dao et al. 2022,
    appendix B).
    """
    sums = (of_context * context).sum(-1, keepdim=True)
    if dropout_mask is None:
        return torch.baddbmm(sums, of_context, values.transpose(1, 2), beta=-1.0).mul_(attention)
    of_attention = torch.bmm(of_context, values.transpose(1, 2)).mul_(dropout_mask.view_as(attention))
    return of_attention.sub_(sums).mul_(attention)


def _rounded(tensor: Tensor, rounding: torch.dtype | None) -> Tensor:
    return tensor if rounding is None else tensor.to(rounding).to(tensor.dtype)
