"""Test that masks match their definitions, and that all attention kernels agree."""

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.models.gpt_attention import Pattern, attend, block_sight, mask_sight, visible

PATTERNS = [Pattern("band", 5), Pattern("strided", 5), Pattern("band", 1), Pattern("strided", 1), Pattern("band", 99)]


def sees(pattern: Pattern, query: int, key: int) -> bool:
    """Apply the definition to one pair."""
    if key > query:
        return False
    near = query - key < pattern.width
    return near or (pattern.kind == "strided" and (query - key) % pattern.width == 0)


@given(kind=st.sampled_from(["band", "strided"]), width=st.integers(1, 12), length=st.integers(1, 20))
def test_masks_are_their_definitions_pair_by_pair(kind: str, width: int, length: int) -> None:
    pattern = Pattern(kind, width)  # type: ignore[arg-type]
    expected = [[sees(pattern, query, key) for key in range(length)] for query in range(length)]
    assert visible(pattern, length, torch.device("cpu")).tolist() == expected


def test_a_known_strided_mask() -> None:
    rows = visible(Pattern("strided", 3), 8, torch.device("cpu")).int().tolist()
    assert rows[7] == [0, 1, 0, 0, 1, 1, 1, 1]
    assert rows[2] == [1, 1, 1, 0, 0, 0, 0, 0]


def example(length: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = torch.randn(3, 2, 3, length, 4, dtype=torch.float64, generator=generator)
    return queries.requires_grad_(), keys.requires_grad_(), values.requires_grad_()


def by_pairs(queries: Tensor, keys: Tensor, values: Tensor, pattern: Pattern | None) -> Tensor:
    """Compute the softmax over the keys that a query sees, query by query."""
    contexts = []
    for query in range(queries.shape[2]):
        seen = [key for key in range(query + 1) if pattern is None or sees(pattern, query, key)]
        scores = torch.einsum("bhd,bhkd->bhk", queries[:, :, query], keys[:, :, seen]) / queries.shape[3] ** 0.5
        contexts.append(torch.einsum("bhk,bhkd->bhd", scores.softmax(-1), values[:, :, seen]))
    return torch.stack(contexts, 2)


@pytest.mark.parametrize("pattern", [None, *PATTERNS])
@pytest.mark.parametrize("way", ["kernel", "with dropout"])
def test_attention_and_its_gradient_are_those_of_the_definition(pattern: Pattern | None, way: str) -> None:
    factors = torch.ones(2, 3, 12, 12, dtype=torch.float64) if way == "with dropout" else None
    ours, theirs = example(), example()
    sight = mask_sight(pattern, 12, torch.device("cpu"), needs_mask=factors is not None)
    found, expected = attend(*ours, sight=sight, dropout_mask=factors), by_pairs(*theirs, pattern)
    torch.testing.assert_close(found, expected)
    for each in (found, expected):
        (each * torch.arange(each.numel(), dtype=torch.float64).view_as(each)).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_dropped_probabilities_are_factors_of_the_values() -> None:
    queries, keys, values = example()
    factors = torch.zeros(2, 3, 12, 12, dtype=torch.float64)
    factors[:, :, :, 0] = 2.0
    sight = mask_sight(None, 12, torch.device("cpu"), needs_mask=True)
    found = attend(queries, keys, values, sight=sight, dropout_mask=factors)
    torch.testing.assert_close(found[:, :, 0], 2.0 * values[:, :, 0])  # it sees the first key alone: probability 1


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(pattern=st.sampled_from(PATTERNS), length=st.sampled_from([128, 100, 1]))
def test_flex_attention_gives_the_same_numbers_at_every_length(pattern: Pattern, length: int) -> None:
    queries, keys, values = (each.detach().float() for each in example(length))
    device = torch.device("cpu")
    blocks = block_sight(pattern, 128, device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not compiled here
        found = attend(queries, keys, values, sight=blocks)
    expected = attend(queries, keys, values, sight=mask_sight(pattern, length, device))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_flex_attention_breaks_no_graph() -> None:
    queries, keys, values = (each.detach().float() for each in example(100))
    blocks = block_sight(PATTERNS[0], 128, torch.device("cpu"))
    graph = torch.compile(lambda *each: attend(*each, sight=blocks), fullgraph=True, backend="eager")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        found, expected = graph(queries, keys, values), attend(queries, keys, values, sight=blocks)
    torch.testing.assert_close(found, expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_gpu_gives_the_numbers_and_gradients_of_the_cpu(pattern: Pattern) -> None:
    generator = torch.Generator().manual_seed(0)
    on_cpu = [torch.randn(2, 3, 256, 32, generator=generator).requires_grad_() for _ in range(3)]
    on_gpu = [each.detach().cuda().requires_grad_() for each in on_cpu]
    sights = mask_sight(pattern, 256, torch.device("cpu")), block_sight(pattern, 256, torch.device("cuda"))
    outputs = [attend(*each, sight=sight) for each, sight in zip((on_cpu, on_gpu), sights, strict=True)]
    for output in outputs:
        output.sum().backward()
    torch.testing.assert_close(outputs[1].cpu(), outputs[0], rtol=1e-2, atol=1e-2)
    for one, other in zip(on_cpu, on_gpu, strict=True):
        torch.testing.assert_close(other.grad.cpu(), one.grad, rtol=1e-2, atol=1e-2)
