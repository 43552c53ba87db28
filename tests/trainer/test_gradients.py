"""Test that a batch read in parts has the gradients, the memory and the draws of the whole batch."""

from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.config import TrainerConfig, parse
from trainer.gradients import Noised, add_gradients
from trainer.models.language_model import LanguageModel
from trainer.regularizers import StreamGenerator, dropout_mask
from trainer.setup import build_model

VOCABULARY = 30
RATES = {"embedding_dropout": 0.3, "input_dropout": 0.3, "output_dropout": 0.3, "dropout": 0.3}
OPTIONS: dict[str, dict[str, Any]] = {
    "transformer_xl": {
        "model": {"layers": 2, "d_model": 16, "heads": 2, "memory_length": 6},
        "regularization": RATES | {"attention_dropout": 0.3, "stochastic_depth": 0.5},
    },
    "transformer_xl with an adaptive softmax": {
        "model": {"layers": 1, "d_model": 16, "heads": 2, "memory_length": 6, "adaptive_cutoffs": [10, 20]},
        "regularization": RATES,
    },
    "transformer_xl without memory": {
        "model": {"layers": 2, "d_model": 16, "heads": 2, "memory_length": 0},
        "regularization": RATES,
    },
    "awd_lstm": {
        "model": {"kind": "awd_lstm", "layers": 2, "d_model": 16},
        "regularization": RATES
        | {"weight_dropout": 0.3, "activation_regularization": 2.0, "temporal_activation_regularization": 1.0},
    },
    "modern_gpt": {
        "model": {"kind": "modern_gpt", "layers": 2, "d_model": 16, "heads": 2, "memory_length": 6},
        "regularization": RATES | {"attention_dropout": 0.3},
    },
    "gpt2": {
        "model": {"kind": "gpt2", "layers": 2, "d_model": 16, "heads": 2, "memory_length": 6},
        "regularization": RATES | {"attention_dropout": 0.3},
    },
}


def config_of(name: str) -> TrainerConfig:
    return parse({**OPTIONS[name], "data": {"batch_size": 5, "target_length": 6}})


def make_model(name: str) -> LanguageModel:
    model = build_model(config_of(name), VOCABULARY, torch.device("cpu")).double()
    model.train()
    return model


def walk(model: LanguageModel, micro_batch_size: int) -> tuple[list[float], list[Tensor], Tensor]:
    """Return the losses of three segments, their summed gradients, and the generator's final state."""
    tokens = torch.randint(VOCABULARY, (5, 19), generator=torch.Generator().manual_seed(1))
    memory, losses = None, []
    for start in (0, 6, 12):
        inputs, targets = tokens[:, start : start + 6], tokens[:, start + 1 : start + 7]
        loss, memory = add_gradients(model, inputs, targets, memory, micro_batch_size=micro_batch_size)
        losses.append(loss.item())
    return losses, [parameter.grad for parameter in model.parameters()], model.generator.get_state()


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("micro_batch_size", [1, 2, 3, 4])
def test_parts_add_up_to_the_whole_batch(name: str, micro_batch_size: int) -> None:
    losses, gradients, state = walk(make_model(name), 5)
    in_parts, added, state_in_parts = walk(make_model(name), micro_batch_size)
    assert in_parts == pytest.approx(losses, rel=1e-6)
    for one, other in zip(gradients, added, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)
    assert torch.equal(state, state_in_parts)


@pytest.mark.parametrize(("name", "micro_batch_size"), [("transformer_xl", 5), ("transformer_xl", 2), ("gpt2", 3)])
def test_a_noised_reading_adds_its_weight_times_its_gradient(name: str, micro_batch_size: int) -> None:
    model, reference = make_model(name), make_model(name)
    tokens = torch.randint(VOCABULARY, (5, 13), generator=torch.Generator().manual_seed(1))
    memory: Any = None
    before: Any = None
    for start in (0, 6):
        inputs, targets = tokens[:, start : start + 6], tokens[:, start + 1 : start + 7]
        noised = Noised((inputs + 1) % VOCABULARY, targets.flip(0), 0.4)
        found, memory = add_gradients(model, inputs, targets, memory, micro_batch_size=micro_batch_size, noised=noised)
        loss, after = reference(inputs, targets, before)
        with_noise, _ = reference(noised.inputs, noised.targets, before)
        (loss + 0.4 * with_noise).backward()
        before = after
        assert found.item() == pytest.approx(loss.item(), rel=1e-6)
        for one, other in zip(memory, before, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)
    for one, other in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-6, atol=1e-9)
    assert torch.equal(model.generator.get_state(), reference.generator.get_state())


def test_a_part_of_a_mask_is_that_of_the_whole() -> None:
    whole = dropout_mask((3, 5, 4), 0.5, StreamGenerator().manual_seed(0), streams=1)
    generator = StreamGenerator().manual_seed(0)
    with generator.reading(1, 2, 5):
        part = dropout_mask((3, 2, 4), 0.5, generator, streams=1)
    assert torch.equal(part, whole[:, 1:3])
    assert part.untyped_storage().nbytes() == part.numel() * 4
    assert dropout_mask((3, 2, 4), 0.5, generator, streams=1).shape == (3, 2, 4)


def test_a_loss_scale_scales_the_gradients_and_not_the_loss() -> None:
    plain, scaled = make_model("transformer_xl"), make_model("transformer_xl")
    tokens = torch.randint(VOCABULARY, (5, 7), generator=torch.Generator().manual_seed(1))
    losses = [
        add_gradients(model, tokens[:, :-1], tokens[:, 1:], None, micro_batch_size=size, loss_scale=scale)[0].item()
        for model, size, scale in ((plain, 5, None), (scaled, 2, torch.tensor(8.0)))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for one, other in zip(plain.parameters(), scaled.parameters(), strict=True):
        torch.testing.assert_close(8.0 * one.grad, other.grad, rtol=1e-6, atol=1e-9)
