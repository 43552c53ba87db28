"""Test that the formulas for the operations of AWD-LSTM and GPT agree with PyTorch's counter."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from trainer.config import num_steps, training_flops
from trainer.config.cost import flops_per_step, forward_flops
from trainer.config.model import TrainerConfig
from trainer.config.reading import parse
from trainer.setup import build_model

VOCABULARY = 50
SHAPES: list[dict[str, Any]] = [
    {"kind": "awd_lstm"},
    {"kind": "awd_lstm", "layers": 1},
    {"kind": "awd_lstm", "layers": 3, "d_model": 20, "d_inner": 30},
    {"kind": "gpt2", "memory_length": 0},
    {"kind": "gpt2", "memory_length": 7, "heads": 2, "d_head": 7, "d_inner": 30},
    {"kind": "gpt3", "layers": 4, "memory_length": 4},
    {"kind": "modern_gpt", "layers": 3, "memory_length": 7},
]


def product_in_place(total: Any, first: Any, second: Any, **_: Any) -> int:
    """Count the operations of total += first second; PyTorch's counter knows only out-of-place products."""
    return 2 * first[0] * first[1] * second[1]


def counted(config: TrainerConfig, *, backward: bool) -> int:
    """Count the operations of a step with full memory with PyTorch's counter, with fused kernels taken apart."""
    model = build_model(config, VOCABULARY, torch.device("cpu"))
    tokens = torch.zeros(config.data.batch_size, config.data.target_length + 1, dtype=torch.int64)
    memory = None
    for _ in range(3):
        _, memory = model(tokens[:, :-1], tokens[:, 1:], memory)
    mapping = {torch.ops.aten.addmm_: product_in_place}
    with (
        FlopCounterMode(display=False, custom_mapping=mapping) as counter,
        nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH),
        torch.set_grad_enabled(backward),
    ):
        loss, _ = model(tokens[:, :-1], tokens[:, 1:], memory)
        if backward:
            loss.backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_formulas_are_what_the_counter_counts(shape: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse({"model": {"d_model": 16, **shape}, "data": {"batch_size": 3, "target_length": 5}, "device": "cpu"})
    if shape["kind"] == "awd_lstm":
        monkeypatch.setattr(torch, "lstm", lstm_by_products)
    assert forward_flops(config, VOCABULARY) == counted(config, backward=False)
    assert flops_per_step(config, VOCABULARY) == counted(config, backward=True)


def lstm_by_products(
    inputs: torch.Tensor, state: list[torch.Tensor], weights: tuple[torch.Tensor, ...], **_: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute `torch.lstm` from products that the counter knows."""
    from_inputs = nn.functional.linear(inputs, weights[0], weights[2])
    output, cell = state[0][0], state[1][0]
    outputs = []
    for time in range(inputs.shape[1]):
        gates = from_inputs[:, time] + nn.functional.linear(output, weights[1], weights[3])
        entry, forget, candidate, exit_ = gates.chunk(4, 1)
        cell = forget.sigmoid() * cell + entry.sigmoid() * candidate.tanh()
        output = exit_.sigmoid() * cell.tanh()
        outputs.append(output)
    return torch.stack(outputs, 1), output[None], cell[None]


@pytest.mark.parametrize("kind", ["awd_lstm", "gpt2", "gpt3"])
def test_costs_are_known_before_a_run(kind: str) -> None:
    config = {"data": {"corpus": "ptb"}, "model": {"kind": kind}}
    assert training_flops(config, 300) == pytest.approx(100 * training_flops(config, 3))
    assert num_steps(config, {"tokens": 16 * 32 * 10}) == 10


def test_random_lengths_take_more_steps_for_the_same_tokens() -> None:
    base = {"corpus": "ptb", "batch_size": 20, "target_length": 70}
    fixed: dict[str, Any] = {"data": base, "model": {"kind": "awd_lstm"}}
    random: dict[str, Any] = {**fixed, "data": {**base, "random_target_length": True}}
    assert num_steps(random, {"epochs": 1}) / num_steps(fixed, {"epochs": 1}) == pytest.approx(70 / 67.75, rel=0.01)
    assert training_flops(random, 10) / training_flops(fixed, 10) == pytest.approx(67.75 / 70)


def test_parts_of_words_make_a_text_longer_and_the_vocabulary_smaller() -> None:
    words: dict[str, Any] = {"data": {"corpus": "wikitext-2"}}
    parts: dict[str, Any] = {"data": {"corpus": "wikitext-2", "tokenization": "bpe"}}
    assert num_steps(parts, {"epochs": 1}) > num_steps(words, {"epochs": 1})
    assert training_flops(parts, 1) < training_flops(words, 1)
