"""Test the fused loss and its gradient against PyTorch's cross-entropy."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from trainer.models import softmax_loss as module
from trainer.models.softmax_loss import block_rows, chunk_rows, softmax_loss


def example(tokens: int, width: int, words: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(tokens + words)
    hidden = torch.randn(tokens, width, dtype=dtype, generator=generator).requires_grad_()
    weight = torch.randn(words, width, dtype=dtype, generator=generator).requires_grad_()
    bias = torch.randn(words, dtype=dtype, generator=generator).requires_grad_()
    return hidden, weight, bias, torch.randint(words, (tokens,), generator=generator)


def reference(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(functional.linear(hidden, weight, bias), targets, reduction="sum")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_LOGITS", {"cpu": 1, "cuda": 1})
    monkeypatch.setattr(module, "BLOCK_LOGITS", {"cpu": 1, "cuda": 1})
    monkeypatch.setattr(module, "SMALLEST_CHUNK", 3)


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=30, deadline=None)
@given(tokens=st.integers(1, 20), width=st.integers(1, 6), words=st.integers(1, 30))
def test_loss_and_gradients_are_those_of_cross_entropy(tokens: int, width: int, words: int) -> None:
    ours, theirs = example(tokens, width, words), example(tokens, width, words)
    loss, expected = softmax_loss(*ours), reference(*theirs)
    torch.testing.assert_close(loss, expected)
    (3.0 * loss).backward()
    (3.0 * expected).backward()
    for mine, other in zip(ours[:3], theirs[:3], strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.usefixtures("small_chunks")
def test_the_gradient_is_the_derivative() -> None:
    hidden, weight, bias, targets = example(7, 4, 9)
    assert torch.autograd.gradcheck(lambda *each: softmax_loss(*each, targets), (hidden, weight, bias))


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=30, deadline=None)
@given(tokens=st.integers(1, 20), words=st.integers(1, 30), seed=st.integers(0, 9))
def test_a_token_counts_by_its_factor(tokens: int, words: int, seed: int) -> None:
    ours, theirs = example(tokens, 3, words), example(tokens, 3, words)
    counted = torch.randint(3, (tokens,), generator=torch.Generator().manual_seed(seed)).double()
    loss = softmax_loss(*ours, counted=counted)
    hidden, weight, bias, targets = theirs
    losses = functional.cross_entropy(functional.linear(hidden, weight, bias), targets, reduction="none")
    expected = (losses * counted).sum()
    torch.testing.assert_close(loss, expected)
    with torch.no_grad():
        assert softmax_loss(*ours, counted=counted).item() == pytest.approx(loss.item(), rel=1e-12)
    (3.0 * loss).backward()
    (3.0 * expected).backward()
    for mine, other in zip(ours[:3], theirs[:3], strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def rounded(tensor: Tensor) -> Tensor:
    return tensor.bfloat16().to(tensor.dtype)


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=30, deadline=None)
@given(tokens=st.integers(1, 20), words=st.integers(2, 30), count=st.booleans())
def test_products_alone_are_rounded(tokens: int, words: int, count: bool) -> None:
    """The reference rounds the factors and results of products, and computes everything else in float64."""
    ours, (hidden, weight, bias, targets) = (example(tokens, 5, words, torch.float32) for _ in range(2))
    counted = torch.arange(tokens) % 3 if count else torch.ones(tokens)
    loss = softmax_loss(*ours, counted=counted.float() if count else None, products=torch.bfloat16)
    (2.0 * loss).backward()
    factors, weights = rounded(hidden.detach().double()), rounded(weight.detach().double())
    logits = rounded(factors @ weights.t()) + bias.detach().double()
    losses = functional.cross_entropy(logits, targets, reduction="none")
    of_logits = (torch.softmax(logits, 1) - functional.one_hot(targets, words)) * counted[:, None]
    expected = [rounded(of_logits) @ weights, rounded(of_logits).t() @ factors, of_logits.sum(0)]
    torch.testing.assert_close(loss.double(), (losses * counted).sum(), rtol=1e-5, atol=1e-5)
    for mine, gradient in zip(ours[:3], expected, strict=True):
        assert mine.grad.dtype == torch.float32
        torch.testing.assert_close(mine.grad.double(), 2.0 * gradient, rtol=0.02, atol=0.05)
    with torch.no_grad():
        only_forward = softmax_loss(*ours, counted=counted.float() if count else None, products=torch.bfloat16)
    torch.testing.assert_close(only_forward, loss.detach(), rtol=1e-5, atol=1e-5)


def test_a_target_whose_probability_underflows_has_the_right_loss_and_gradient() -> None:
    hidden = torch.tensor([[300.0]], requires_grad=True)
    weight, bias = torch.tensor([[1.0], [-1.0]], requires_grad=True), torch.zeros(2, requires_grad=True)
    loss = softmax_loss(hidden, weight, bias, torch.tensor([1]), products=torch.bfloat16)
    loss.backward()
    assert loss.item() == pytest.approx(600.0)
    assert bias.grad.tolist() == [1.0, -1.0]
    with torch.no_grad():
        assert softmax_loss(hidden, weight, bias, torch.tensor([1]), products=torch.bfloat16).item() == 600.0


def test_large_logits_neither_overflow_nor_vanish() -> None:
    hidden = torch.tensor([[300.0], [-300.0]], requires_grad=True)
    weight, bias = torch.tensor([[1.0], [-1.0]]), torch.zeros(2)
    assert softmax_loss(hidden, weight, bias, torch.tensor([0, 1])).item() == 0.0
    assert softmax_loss(hidden, weight, bias, torch.tensor([1, 0])).item() == pytest.approx(1200.0)


def test_equal_logits_cost_the_logarithm_of_the_vocabulary_a_token() -> None:
    loss = softmax_loss(torch.zeros(5, 3), torch.zeros(1000, 3), torch.zeros(1000), torch.arange(5))
    assert loss.item() == pytest.approx(5 * math.log(1000), rel=1e-6)


def test_without_gradients_the_loss_is_the_same() -> None:
    hidden, weight, bias, targets = example(40, 4, 9)
    with torch.no_grad():
        assert softmax_loss(hidden, weight, bias, targets).item() == softmax_loss(hidden, weight, bias, targets).item()
        assert softmax_loss(hidden, weight, bias, targets).item() == pytest.approx(
            reference(hidden, weight, bias, targets).item()
        )


@pytest.mark.parametrize(("tokens", "chunks"), [(419, 1), (420, 2), (2048, 5)])
def test_chunks_are_about_equally_long(tokens: int, chunks: int) -> None:
    rows = chunk_rows(tokens, 10_000, "cpu")
    assert math.ceil(tokens / rows) == chunks
    assert tokens - (chunks - 1) * rows > rows - chunks


def test_chunks_are_bounded_by_their_logits_and_below_by_a_few_rows() -> None:
    assert chunk_rows(2048, 10_000, "cpu") * 10_000 <= module.CHUNK_LOGITS["cpu"]
    assert chunk_rows(2048, 10_000, "cpu", narrow=True) * 10_000 <= module.NARROW_CHUNKS * module.CHUNK_LOGITS["cpu"]
    assert chunk_rows(2048, 10**9, "cpu") == module.SMALLEST_CHUNK
    assert chunk_rows(7, 10, "cpu") == 7
    assert block_rows(10_000, "cpu") * 10_000 <= module.BLOCK_LOGITS["cpu"]
    assert block_rows(10**9, "cpu") == 1
