"""Causal attention within a context: dense, banded or strided (Child et al. 2019, section 4.2).

Each pattern is one function of positions, which defines both the mask for PyTorch's scaled dot product and the block
mask for FlexAttention. FlexAttention skips masked scores, but has no backward pass on a CPU. There, the scores are
computed and masked, with the same result. Masks are made before a call computes anything, and kept.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

SMALLEST_GPU_TILE: Final = 16  # FlexAttention's kernels multiply tiles; narrower heads do not fill one

PatternKind = Literal["band", "strided"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """The earlier tokens that a token sees.

    Attributes:
        kind: band, the last `width` tokens including the token itself; strided, also every `width`-th token before it.
    """

    kind: PatternKind
    width: int

    def sees(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return whether the tokens at some positions see those at others; the shapes are broadcast."""
        return VISIBLE[self.kind](queries, keys, self.width)


def in_band(queries: Tensor, keys: Tensor, width: int) -> Tensor:
    """Return whether query - width < key <= query."""
    return (keys <= queries) & (keys > queries - width)


def in_strides(queries: Tensor, keys: Tensor, width: int) -> Tensor:
    """Return whether a key is in the band or a multiple of `width` away: Child et al.'s two sets in one head."""
    return (keys <= queries) & ((keys > queries - width) | ((queries - keys) % width == 0))


VISIBLE: Final[dict[PatternKind, Callable[[Tensor, Tensor, int], Tensor]]] = {"band": in_band, "strided": in_strides}


@functools.lru_cache(maxsize=8)
def visible(pattern: Pattern, length: int, device: torch.device) -> Tensor:
    """Return which keys each query sees, bool [length, length]: one row per query."""
    positions = torch.arange(length, device=device)
    return pattern.sees(positions[:, None], positions)


class Sight(NamedTuple):
    """What the queries of a call see: all earlier tokens if both are None.

    Attributes:
        mask: which keys each query sees, bool [length, length].
        blocks: the same for FlexAttention, for a whole context.
    """

    mask: Tensor | None
    blocks: "BlockMask | None"


def mask_sight(pattern: Pattern | None, length: int, device: torch.device, *, needs_mask: bool = False) -> Sight:
    """Return what queries see in a call that reads `length` tokens, as a mask.

    Args:
        pattern: None for all earlier tokens.
        needs_mask: whether that needs a mask too.
    """
    if pattern is None and not needs_mask:
        return Sight(None, None)
    return Sight(visible(pattern or Pattern("band", length), length, device), None)


@functools.lru_cache(maxsize=8)
def block_sight(pattern: Pattern, context_length: int, device: torch.device) -> Sight:
    """Return what queries see, for FlexAttention."""
    from torch.nn.attention.flex_attention import create_block_mask  # noqa: PLC0415 - loads PyTorch's compiler

    def mask_mod(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return pattern.sees(query, key)

    return Sight(None, create_block_mask(mask_mod, None, None, context_length, context_length, device=str(device)))


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, *, sight: Sight, dropout_mask: Tensor | None = None
) -> Tensor:
    """Compute softmax(queries keys^T / sqrt(d_head) + mask) values.

    Args:
        queries, keys, values: [batch, heads, length, d_head].
        sight: with a mask if there is a dropout mask.
        dropout_mask: [batch, heads, length, length], factors of the attention probabilities. The probabilities are
            then kept for the backward pass, with memory that grows with the square of the length.

    Returns:
        [batch, heads, length, d_head].
    """
    if dropout_mask is not None:
        assert sight.mask is not None, "`mask_sight` makes one where attention is dropped"
        return _with_dropout(queries, keys, values, sight.mask, dropout_mask)
    if sight.blocks is not None:
        return flexible(queries, keys, values, sight.blocks)
    if sight.mask is None:
        return functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=sight.mask)


def _with_dropout(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, dropout_mask: Tensor) -> Tensor:
    """Compute the same step by step: the fused kernels draw their dropout from PyTorch's global generator."""
    scores = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3])
    scores = scores.masked_fill(~mask, -torch.inf)
    return (torch.softmax(scores, -1) * dropout_mask) @ values


def flexible(queries: Tensor, keys: Tensor, values: Tensor, blocks: "BlockMask") -> Tensor:
    """Compute sparse attention with FlexAttention, compiled on a GPU; on a CPU only without gradient.

    Calls are padded to the whole context, so that one kernel serves all lengths. No query sees the padding, which
    comes after it.
    """
    length = queries.shape[2]
    padding = (0, 0, 0, int(blocks.seq_lengths[0]) - length)
    padded = [functional.pad(each, padding) for each in (queries, keys, values)]
    output: Tensor = _flex_attention(queries.is_cuda)(*padded, block_mask=blocks)
    return output[:, :, :length]


def _flex_attention(on_gpu: bool) -> Callable[..., Any]:
    from torch.nn.attention.flex_attention import flex_attention  # noqa: PLC0415 - loads PyTorch's compiler

    function: Callable[..., Any] = flex_attention
    return _compiled(function) if on_gpu and not torch.compiler.is_compiling() else function


@functools.cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(function, dynamic=False)
