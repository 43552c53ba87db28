"""Attention with relative positions (Dai et al. 2019, section 3.3), one autograd function for its whole core.

    score[i, j] = (q_i + u)·k_j + (q_i + v)·r_{i - j},   context = softmax(score / sqrt(d_head) + mask) values

Heads come first, then streams, so that the position scores of all streams are one matrix product a head. The
relative shift is a view: see `shifted`.
"""

import math
from typing import Any

import torch
from torch import Tensor


def relative_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    positions: Tensor,
    content_bias: Tensor,
    position_bias: Tensor,
    mask: Tensor,
    dropout_mask: Tensor | None = None,
    rounding: torch.dtype | None = None,
) -> Tensor:
    """Contexts of the queries.

    Args:
        queries: [batch, time, heads, d_head], any strides.
        keys, values: [batch, keys, heads, d_head], any strides; the last `time` keys are the queries' own tokens.
        positions: [keys, heads, d_head], the projected encodings of the distances keys - 1, …, 1, 0.
        content_bias, position_bias: [heads, d_head], u and v.
        mask: [time, keys], 0 where a query may look and -inf where not.
        dropout_mask: [heads, batch, time, keys], factors of the attention probabilities.
        rounding: the scores and their gradient are rounded to this type; None leaves them as they are.

    Returns:
        [batch, time, heads * d_head].
    """
    context: Tensor = _RelativeAttention.apply(  # type: ignore[no-untyped-call]  # torch's own
        queries, keys, values, positions, content_bias, position_bias, mask, dropout_mask, rounding
    )
    return context


def shifted(scores: Tensor) -> Tensor:
    """Scores by distance seen as scores by key, without a copy.

    Row i's key j is at distance i + keys - time - j, whose column in `scores` is j + time - 1 - i; in flat terms that
    is i (keys - 1) + j + time - 1, so the matrix only starts later and has a shorter stride. What lies right of the
    row's own token comes from the next row and must be masked.

    Args:
        scores: [matrices, time, keys], contiguous.
    """
    matrices, time, keys = scores.shape
    return scores.as_strided((matrices, time, keys), (time * keys, keys - 1, 1), scores.storage_offset() + time - 1)


def unshifted(gradient: Tensor) -> Tensor:
    """The transpose of `shifted`: the gradient by distance of a gradient by key that is 0 where masked."""
    matrices, time, keys = gradient.shape
    flat = gradient.new_empty(matrices, time * keys)
    flat[:, : time - 1] = 0.0
    # A row's last key is the next row's first in the strided view; it is masked in every row but the last.
    flat[:, time - 1 : -1].view(matrices, time, keys - 1).copy_(gradient[:, :, :-1])
    flat[:, -1] = gradient[:, -1, -1]
    return flat.view(matrices, time, keys)


def _heads_first(tensor: Tensor) -> Tensor:
    """[batch, length, heads, d_head] to contiguous [heads * batch, length, d_head]."""
    batch, length, heads, width = tensor.shape
    return tensor.permute(2, 0, 1, 3).reshape(heads * batch, length, width)


def _heads_last(tensor: Tensor, heads: int) -> Tensor:
    """[heads * batch, length, d_head] to [batch, length, heads, d_head], a view."""
    return tensor.view(heads, -1, tensor.shape[1], tensor.shape[2]).permute(1, 2, 0, 3)


class _RelativeAttention(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd functions know positions only
        ctx: Any,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        positions: Tensor,
        content_bias: Tensor,
        position_bias: Tensor,
        mask: Tensor,
        dropout_mask: Tensor | None,
        rounding: torch.dtype | None,
    ) -> Tensor:
        batch, time, heads, width = queries.shape
        num_keys, scale = keys.shape[1], 1.0 / math.sqrt(width)
        scaled = queries * scale
        by_content = _heads_first(scaled + content_bias * scale)
        by_position = _heads_first(scaled + position_bias * scale).view(heads, batch * time, width)
        head_keys, head_values = _heads_first(keys), _heads_first(values)
        distances = positions.transpose(0, 1)  # [heads, keys, d_head]
        scores = torch.bmm(by_position, distances.transpose(1, 2)).view(heads * batch, time, num_keys)
        scores = torch.baddbmm(shifted(scores), by_content, head_keys.transpose(1, 2))
        attention = torch.softmax(_rounded(scores, rounding).add_(mask), -1)
        dropped = attention if dropout_mask is None else attention * dropout_mask.view_as(attention)
        context = torch.bmm(dropped, head_values)
        ctx.save_for_backward(
            by_content, by_position, head_keys, head_values, distances, attention, dropout_mask, context
        )
        ctx.heads, ctx.scale, ctx.rounding = heads, scale, rounding
        return _heads_last(context, heads).reshape(batch, time, heads * width)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *of_contexts: Tensor) -> tuple[Tensor | None, ...]:
        by_content, by_position, keys, values, distances, attention, dropout_mask, context = ctx.saved_tensors
        heads, scale, (batch, time) = ctx.heads, ctx.scale, of_contexts[0].shape[:2]
        of_context = _heads_first(of_contexts[0].view(batch, time, heads, -1))
        of_scores = _rounded(_scores_gradient(of_context, context, attention, values, dropout_mask), ctx.rounding)
        dropped = attention if dropout_mask is None else attention * dropout_mask.view_as(attention)
        of_values = torch.bmm(dropped.transpose(1, 2), of_context)
        of_keys = torch.bmm(of_scores.transpose(1, 2), by_content)
        of_content = torch.bmm(of_scores, keys).view(heads, batch * time, -1)
        by_distance = unshifted(of_scores).view(heads, batch * time, -1)
        of_position = torch.bmm(by_distance, distances)
        of_distances = torch.bmm(by_distance.transpose(1, 2), by_position)
        of_queries = (of_content + of_position).mul_(scale).view(heads * batch, time, -1)
        return (
            _heads_last(of_queries, heads),
            _heads_last(of_keys, heads),
            _heads_last(of_values, heads),
            of_distances.transpose(0, 1),
            of_content.sum(1).mul_(scale),
            of_position.sum(1).mul_(scale),
            None,
            None,
            None,
        )


def _scores_gradient(
    of_context: Tensor, context: Tensor, attention: Tensor, values: Tensor, dropout_mask: Tensor | None
) -> Tensor:
    """The gradient before the softmax: attention * (gradient - sum_j attention_j gradient_j).

    The sum equals the dot product of a context and its gradient, which is much smaller to compute (Dao et al. 2022,
    appendix B).
    """
    sums = (of_context * context).sum(-1, keepdim=True)
    if dropout_mask is None:
        return torch.baddbmm(sums, of_context, values.transpose(1, 2), beta=-1.0).mul_(attention)
    of_attention = torch.bmm(of_context, values.transpose(1, 2)).mul_(dropout_mask.view_as(attention))
    return of_attention.sub_(sums).mul_(attention)


def _rounded(tensor: Tensor, rounding: torch.dtype | None) -> Tensor:
    return tensor if rounding is None else tensor.to(rounding).to(tensor.dtype)
