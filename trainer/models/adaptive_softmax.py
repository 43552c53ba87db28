"""The adaptive softmax of Grave et al. (2017) with tied weights, as in upstream's Transformer-XL (div_val = 1).

This keeps two quirks of upstream because trained weights depend on them:
1. The head's cluster columns are read in reverse: cluster i (from 1) is column -i of the head.
2. A cutoff beyond the vocabulary leaves clusters without words, which still have a logit in the head and so a little
   probability.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.models.softmax_loss import softmax_loss


def adaptive_softmax_loss(
    hidden: Tensor,
    targets: Tensor,
    *,
    weight: Tensor,
    bias: Tensor,
    cluster_weight: Tensor,
    cluster_bias: Tensor,
    cutoffs: Sequence[int],
    products: torch.dtype | None = None,
) -> Tensor:
    """Return the sum over tokens of the negative log-probability of the target, in nats.

    A word beyond the first cutoff costs its cluster's column in the head plus its own column within the cluster.

    Args:
        hidden: [tokens, d_model].
        targets: int64 [tokens], words by decreasing frequency.
        weight: [vocabulary, d_model]; bias: [vocabulary].
        cluster_weight: [clusters, d_model]; cluster_bias: [clusters].
        cutoffs: the rank at which each cluster starts, ascending.
        products: see `softmax_loss`.
    """
    num_words, num_clusters = weight.shape[0], len(cutoffs)
    shortlist = min(cutoffs[0], num_words)
    head_size = shortlist + num_clusters
    edges = [*cutoffs, num_words]
    head_targets, losses = targets, []
    for cluster in range(1, num_clusters + 1):
        low, high = edges[cluster - 1], min(edges[cluster], num_words)
        if low >= high:
            continue
        inside = (targets >= low) & (targets < high)
        head_targets = torch.where(inside, head_size - cluster, head_targets)
        losses += _cluster_losses(hidden, targets - low, inside, weight[low:high], bias[low:high], products)
    head_weight = torch.cat([weight[:shortlist], cluster_weight])
    head_bias = torch.cat([bias[:shortlist], cluster_bias])
    losses.append(softmax_loss(hidden, head_weight, head_bias, head_targets, products=products))
    return torch.stack(losses).sum()


def adaptive_log_probabilities(
    hidden: Tensor,
    *,
    weight: Tensor,
    bias: Tensor,
    cluster_weight: Tensor,
    cluster_bias: Tensor,
    cutoffs: Sequence[int],
) -> Tensor:
    """Return the log-probabilities of all words, [tokens, vocabulary]; they sum to less than 1 with empty clusters.

    Args:
        hidden: [tokens, d_model]; the others are those of `adaptive_softmax_loss`.
    """
    num_words = weight.shape[0]
    shortlist = min(cutoffs[0], num_words)
    head_weight = torch.cat([weight[:shortlist], cluster_weight])
    head = _log_softmax(hidden, head_weight, torch.cat([bias[:shortlist], cluster_bias]))
    parts, edges = [head[:, :shortlist]], [*cutoffs, num_words]
    for cluster in range(1, len(cutoffs) + 1):
        low, high = edges[cluster - 1], min(edges[cluster], num_words)
        if low < high:
            parts.append(head[:, -cluster, None] + _log_softmax(hidden, weight[low:high], bias[low:high]))
    return torch.cat(parts, 1)


def _log_softmax(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    logits = torch.nn.functional.linear(hidden, weight, bias)
    return torch.log_softmax(logits, -1, dtype=torch.promote_types(logits.dtype, torch.float32))


def _cluster_losses(  # noqa: PLR0917 - the arguments of `softmax_loss` in their order
    hidden: Tensor, targets: Tensor, inside: Tensor, weight: Tensor, bias: Tensor, products: torch.dtype | None
) -> list[Tensor]:
    """Return the loss within a cluster of the tokens inside it, or nothing if there are none.

    On a CPU the other tokens are left out. On a GPU, to know their number would wait for the device, and shapes that
    depend on it could not be compiled; so there all tokens are computed, and those outside count 0.
    """
    if _needs_static_shapes(hidden):
        counted = inside.to(torch.promote_types(hidden.dtype, torch.float32))
        within = targets.clamp(0, weight.shape[0] - 1)
        return [softmax_loss(hidden, weight, bias, within, counted=counted, products=products)]
    rows = inside.nonzero()[:, 0]
    if not rows.numel():
        return []
    return [softmax_loss(hidden[rows], weight, bias, targets[rows], products=products)]


def _needs_static_shapes(hidden: Tensor) -> bool:
    return hidden.is_cuda or torch.compiler.is_compiling()
