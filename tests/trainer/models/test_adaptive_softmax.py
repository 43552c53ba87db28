"""Test the adaptive softmax against probabilities written out word by word."""

import math

import pytest
import torch
from torch import Tensor

from trainer.models import adaptive_softmax
from trainer.models.adaptive_softmax import adaptive_softmax_loss

VOCABULARY, WIDTH = 12, 5


def parameters(clusters: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(clusters)
    shapes = {
        "weight": (VOCABULARY, WIDTH),
        "bias": (VOCABULARY,),
        "cluster_weight": (clusters, WIDTH),
        "cluster_bias": (clusters,),
    }
    return {name: torch.randn(shape, dtype=torch.float64, generator=generator) for name, shape in shapes.items()}


def loss_of(hidden: Tensor, words: list[int], given: dict[str, Tensor], cutoffs: list[int]) -> float:
    return adaptive_softmax_loss(hidden, torch.tensor(words), cutoffs=cutoffs, **given).item()


def written_out(hidden: Tensor, word: int, given: dict[str, Tensor], cutoffs: list[int]) -> float:
    """Compute -log p(word) of one token: the head's column of the cluster times the word's share of the cluster."""
    logits = given["weight"] @ hidden + given["bias"]
    head = torch.cat([logits[: cutoffs[0]], given["cluster_weight"] @ hidden + given["cluster_bias"]])
    if word < cutoffs[0]:
        return -torch.log_softmax(head, 0)[word].item()
    edges = [*cutoffs, VOCABULARY]
    cluster = next(number for number in range(1, len(edges)) if edges[number - 1] <= word < edges[number])
    share = torch.log_softmax(logits[edges[cluster - 1] : edges[cluster]], 0)[word - edges[cluster - 1]]
    return -(torch.log_softmax(head, 0)[-cluster] + share).item()


@pytest.mark.parametrize("cutoffs", [[4], [4, 8], [2, 3, 9]])
def test_every_word_costs_its_cluster_and_its_place_in_it(cutoffs: list[int]) -> None:
    given = parameters(len(cutoffs))
    hidden = torch.randn(VOCABULARY, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    expected = sum(written_out(hidden[word], word, given, cutoffs) for word in range(VOCABULARY))
    assert loss_of(hidden, list(range(VOCABULARY)), given, cutoffs) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("cutoffs", [[4], [4, 8], [2, 3, 9], [4, 12], [4, 40, 50], [20]])
def test_static_shapes_give_the_same_loss_and_gradients(cutoffs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    targets = torch.tensor([0, 11, 3, 3, 1, 7, 8, 2])
    found = []
    for static in (False, True):
        monkeypatch.setattr(adaptive_softmax, "_needs_static_shapes", lambda _, static=static: static)
        monkeypatch.setattr(Tensor, "nonzero", None if static else Tensor.nonzero)
        given = {name: value.requires_grad_() for name, value in parameters(len(cutoffs)).items()}
        hidden = torch.randn(8, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        loss = adaptive_softmax_loss(hidden, targets, cutoffs=cutoffs, **given)
        loss.backward()
        found.append([loss.detach(), hidden.grad, *(each.grad for each in given.values())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def total_probability(cutoffs: list[int]) -> float:
    given = parameters(len(cutoffs))
    hidden = torch.full((1, WIDTH), 0.3, dtype=torch.float64)
    return sum(math.exp(-loss_of(hidden, [word], given, cutoffs)) for word in range(VOCABULARY))


@pytest.mark.parametrize("cutoffs", [[4], [4, 8]])
def test_probabilities_sum_to_one(cutoffs: list[int]) -> None:
    assert total_probability(cutoffs) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("cutoffs", [[4, 12], [4, 40, 50], [20]])
def test_clusters_without_words_take_a_little_probability(cutoffs: list[int]) -> None:
    total = total_probability(cutoffs)
    assert total < 1.0
    given = parameters(len(cutoffs))
    hidden = torch.full((WIDTH,), 0.3, dtype=torch.float64)
    head = torch.cat([(given["weight"] @ hidden + given["bias"])[: min(cutoffs[0], VOCABULARY)],
                      given["cluster_weight"] @ hidden + given["cluster_bias"]])  # fmt: skip
    dead = [number for number in range(1, len(cutoffs) + 1) if cutoffs[number - 1] >= VOCABULARY]
    leak = sum(torch.softmax(head, 0)[-number].item() for number in dead)
    assert total == pytest.approx(1.0 - leak, rel=1e-12)


def test_a_gradient_reaches_every_parameter() -> None:
    given = {name: value.requires_grad_() for name, value in parameters(2).items()}
    hidden = torch.randn(6, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    targets = torch.tensor([0, 3, 5, 7, 8, 11])

    def loss(hidden: Tensor, weight: Tensor, bias: Tensor, cluster_weight: Tensor, cluster_bias: Tensor) -> Tensor:
        return adaptive_softmax_loss(
            hidden, targets, weight=weight, bias=bias, cluster_weight=cluster_weight, cluster_bias=cluster_bias,
            cutoffs=[4, 8],
        )  # fmt: skip

    assert torch.autograd.gradcheck(loss, (hidden, *given.values()))
