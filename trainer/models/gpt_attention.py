"""Causal attention within a context: dense, banded or strided (Child et al. 2019, section 4.2).

Each pattern is one function of positions, which defines both the mask for PyTorch's scaled dot product and the block
mask for FlexAttention. FlexAttention skips masked scores, but has no backward pass on a CPU. There, the scores are
computed and masked, with the same result.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor
from torch.nn import functional

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


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, *, pattern: Pattern | None, dropout_mask: Tensor | None = None
) -> Tensor:
    """Compute softmax(queries keys^T / sqrt(d_head) + mask) values.

    Args:
        queries, keys, values: [batch, heads, length, d_head].
        pattern: None for all earlier tokens.
        dropout_mask: [batch, heads, length, length], factors of the attention probabilities. The probabilities are
            then kept for the backward pass, with memory that grows with the square of the length.

    Returns:
        [batch, heads, length, d_head].
    """
    if dropout_mask is not None:
        return _with_dropout(queries, keys, values, pattern, dropout_mask)
    if pattern is None:
        return functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    if queries.is_cuda and queries.shape[3] >= SMALLEST_GPU_TILE:
        return flexible(queries, keys, values, pattern)
    mask = visible(pattern, queries.shape[2], queries.device)
    return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)


def _with_dropout(
    queries: Tensor, keys: Tensor, values: Tensor, pattern: Pattern | None, dropout_mask: Tensor
) -> Tensor:
    """Compute the same step by step: the fused kernels draw their dropout from PyTorch's global generator."""
    length, width = queries.shape[2:]
    everything = Pattern("band", length) if pattern is None else pattern
    scores = queries @ keys.transpose(2, 3) / math.sqrt(width)
    scores = scores.masked_fill(~visible(everything, length, queries.device), -torch.inf)
    return (torch.softmax(scores, -1) * dropout_mask) @ values


def flexible(queries: Tensor, keys: Tensor, values: Tensor, pattern: Pattern) -> Tensor:
    """Compute sparse attention with FlexAttention, compiled on a GPU; on a CPU only without gradient."""
    mask = _block_mask(pattern, queries.shape[2], queries.device)
    output: Tensor = _flex_attention(queries.is_cuda)(queries, keys, values, block_mask=mask)
    return output


@functools.lru_cache(maxsize=8)
def _block_mask(pattern: Pattern, length: int, device: torch.device) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask  # noqa: PLC0415 - loads PyTorch's compiler

    def mask_mod(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return pattern.sees(query, key)

    return create_block_mask(mask_mod, None, None, length, length, device=str(device))


@functools.cache
def _flex_attention(compiled: bool) -> Callable[..., Any]:
    from torch.nn.attention.flex_attention import flex_attention  # noqa: PLC0415 - loads PyTorch's compiler

    function: Callable[..., Any] = flex_attention
    return torch.compile(function, dynamic=False) if compiled else function
