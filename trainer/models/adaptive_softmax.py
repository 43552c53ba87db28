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
) -> Tensor:
    """Return the sum over tokens of the negative log-probability of the target, in nats.

    A word beyond the first cutoff costs its cluster's column in the head plus its own column within the cluster.

    Args:
        hidden: [tokens, d_model].
        targets: int64 [tokens], words by decreasing frequency.
        weight: [vocabulary, d_model]; bias: [vocabulary].
        cluster_weight: [clusters, d_model]; cluster_bias: [clusters].
        cutoffs: the rank at which each cluster starts, ascending.
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
        rows = inside.nonzero()[:, 0]
        if rows.numel():
            losses.append(softmax_loss(hidden[rows], weight[low:high], bias[low:high], targets[rows] - low))
    head_weight = torch.cat([weight[:shortlist], cluster_weight])
    head_bias = torch.cat([bias[:shortlist], cluster_bias])
    losses.append(softmax_loss(hidden, head_weight, head_bias, head_targets))
    return torch.stack(losses).sum()
