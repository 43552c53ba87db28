"""Test that the study of the published recipe has the recipe's numbers (see its file)."""

from pathlib import Path

import pytest
import torch
import yaml

from trainer.config import TrainerConfig, parse
from trainer.models.transformer_xl import TransformerXL
from trainer.schedules import learning_rate

STUDY = Path(__file__).resolve().parents[2] / "studies" / "dettmers-wt2-recipe.yaml"
WIKITEXT_2_VOCABULARY = 33_278


def recipe() -> TrainerConfig:
    return parse(yaml.safe_load(STUDY.read_text(encoding="utf-8"))["trial"]["config"])


def test_the_model_has_the_parameters_of_the_recipes_command_line() -> None:
    config = recipe()
    with torch.device("meta"):
        model = TransformerXL(config.model, config.regularization, WIKITEXT_2_VOCABULARY)
    layer = 400 * (3 * 400 + 400 + 400) + (400 * 900 + 900) + (900 * 400 + 400) + 2 * 2 * 400
    shared = 2 * 10 * 40
    softmax = WIKITEXT_2_VOCABULARY * 401 + 3 * 401
    assert sum(each.numel() for each in model.parameters()) == 16 * layer + shared + softmax
    assert 16 * layer + shared + softmax == pytest.approx(37.7e6, rel=0.002)


def test_the_schedule_has_3000_steps_of_warm_up_and_150_tokens_a_stream() -> None:
    config = recipe()
    rates = [
        learning_rate(
            step,
            125_000,
            peak=config.optimizer.learning_rate,
            warmup_fraction=config.optimizer.warmup_fraction,
            schedule=config.optimizer.schedule,
        )
        for step in (2998, 2999, 3000)
    ]
    assert rates[1] == pytest.approx(3.5e-4)
    assert max(rates) == rates[1]
    assert (config.data.batch_size, config.data.target_length, config.model.memory_length) == (32, 150, 150)
    assert config.evaluation_lengths == (150, 150)
