"""Test that the formulas for the cost of a run agree with PyTorch's counter."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from trainer.config import VOCABULARY_SIZES, num_steps, resolve, training_flops
from trainer.config.cost import flops_per_step, forward_flops, steps_for
from trainer.config.model import TrainerConfig
from trainer.models.transformer_xl import TransformerXL

VOCABULARY = 50
SHAPES: list[dict[str, Any]] = [
    {},
    {"layers": 3, "d_model": 20, "heads": 2, "d_head": 7, "d_inner": 30},
    {"memory_length": 0},
    {"memory_length": 3, "pre_norm": True},
    {"memory_length": 12},
]


def product_in_place(total: Any, first: Any, second: Any, **_: Any) -> int:
    """Count the operations of total += first second; PyTorch's counter knows only out-of-place products."""
    return 2 * first[0] * first[1] * second[1]


def counted(config: TrainerConfig, *, backward: bool) -> int:
    """Count the operations of a step with full memory with PyTorch's counter."""
    model = TransformerXL(config.model, config.regularization, VOCABULARY)
    model.initialize(torch.Generator().manual_seed(0))
    tokens = torch.zeros(config.data.batch_size, config.data.target_length + 1, dtype=torch.int64)
    memory = None
    for _ in range(3):
        _, memory = model(tokens[:, :-1], tokens[:, 1:], memory)
    mapping = {torch.ops.aten.addmm_: product_in_place}
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter, torch.set_grad_enabled(backward):
        loss, _ = model(tokens[:, :-1], tokens[:, 1:], memory)
        if backward:
            loss.backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_formulas_are_what_the_counter_counts(shape: dict[str, Any]) -> None:
    model = {"layers": 2, "d_model": 16, "heads": 4, "memory_length": 8, **shape}
    config = TrainerConfig.model_validate({"model": model, "data": {"batch_size": 3, "target_length": 5}})
    assert forward_flops(config, VOCABULARY) == counted(config, backward=False)
    assert flops_per_step(config, VOCABULARY) == counted(config, backward=True)


def test_operations_are_proportional_to_the_steps() -> None:
    config = {"data": {"corpus": "ptb"}}
    assert training_flops(config, 300) == pytest.approx(100 * training_flops(config, 3))


def test_a_smaller_vocabulary_costs_less() -> None:
    whole = training_flops({"data": {"corpus": "ptb"}}, 1)
    assert training_flops({"data": {"corpus": "ptb", "vocabulary_size": 1000}}, 1) < whole
    assert training_flops({"data": {"corpus": "ptb", "vocabulary_size": 10**6}}, 1) == whole


@pytest.mark.parametrize(
    ("budget", "steps"),
    [({"steps": 7}, 7), ({"tokens": 1}, 1), ({"tokens": 100}, 10), ({"tokens": 101}, 11), ({"epochs": 0.5}, 50)],
)
def test_a_budget_is_rounded_up_to_whole_steps(budget: dict[str, Any], steps: int) -> None:
    given = {"steps": None, "tokens": None, "epochs": None, **budget}
    assert steps_for(**given, batch_tokens=10, corpus_tokens=1000) == steps


def test_steps_of_the_recipe_are_its_epochs() -> None:
    config = {"data": {"corpus": "wikitext-2", "batch_size": 32, "target_length": 150}}
    assert num_steps(config, {"epochs": 287.267}) == pytest.approx(125_000, rel=1e-3)
    assert VOCABULARY_SIZES["wikitext-2"] == 33_278


def test_a_resolved_configuration_resolves_to_itself() -> None:
    first = resolve({"model": {"layers": 4}, "optimizer": {"weight_decay": 1.2e-6}})
    assert resolve(first) == first
    assert first["model"]["d_head"] == 16
    assert first["model"]["d_inner"] == 256
    assert "seed" not in first
    assert "budget" not in first
