"""Test that every model, with all its regularizers, compiles as one graph that computes the same."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.config import TrainerConfig, parse
from trainer.models.language_model import LanguageModel
from trainer.setup import build_model

# PyTorch's compiler itself does what this warning is about.
pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")

VOCABULARY, BATCH, TIME = 30, 3, 6
DROPOUTS = {"embedding_dropout": 0.3, "input_dropout": 0.3, "output_dropout": 0.3, "dropout": 0.3}
ATTENTION = DROPOUTS | {"attention_dropout": 0.3}
KINDS: dict[str, dict[str, Any]] = {
    "transformer_xl": {"regularization": ATTENTION},
    "with norms first": {
        "model": {"pre_norm": True, "same_length": True, "clamp_length": 4},
        "regularization": ATTENTION,
    },
    "with an adaptive softmax": {"model": {"adaptive_cutoffs": [10, 20]}, "regularization": ATTENTION},
    "without memory": {"model": {"memory_length": 0}, "regularization": ATTENTION},
    "awd_lstm": {
        "model": {"kind": "awd_lstm", "memory_length": None},
        "regularization": DROPOUTS
        | {"weight_dropout": 0.3, "activation_regularization": 2.0, "temporal_activation_regularization": 1.0},
    },
    "gpt2": {"model": {"kind": "gpt2"}, "regularization": ATTENTION},
    "gpt2 without attention dropout": {"model": {"kind": "gpt2"}, "regularization": DROPOUTS},
    "gpt3": {"model": {"kind": "gpt3", "attention_pattern": "strided"}, "regularization": ATTENTION},
    "gpt3 without attention dropout": {"model": {"kind": "gpt3"}, "regularization": DROPOUTS},
    "blanks": {"data": {"noise": "blank", "noise_rate": 0.1}, "regularization": ATTENTION},
}


def config_of(kind: str, precision: str = "fp32") -> TrainerConfig:
    given = KINDS[kind]
    return parse(
        {
            "data": {"batch_size": BATCH, "target_length": TIME, **given.get("data", {})},
            "model": {"layers": 2, "d_model": 16, "heads": 2, "memory_length": TIME, **given.get("model", {})}
            | ({"heads": None} if kind == "awd_lstm" else {}),
            "regularization": given["regularization"],
            "precision": precision,
        }
    )


def walk(model: LanguageModel, segments: int = 4) -> tuple[list[float], list[Tensor]]:
    """Return the losses of some segments, and the gradients that they add up to."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(VOCABULARY, (BATCH, segments * TIME + 1), generator=generator)
    memory, losses = None, []
    for start in range(0, segments * TIME, TIME):
        inputs, targets = tokens[:, start : start + TIME], tokens[:, start + 1 : start + TIME + 1]
        loss, memory = model(inputs, targets, memory)
        if model.training:
            loss.backward()
        losses.append(loss.item())
    return losses, [each.grad for each in model.parameters() if each.grad is not None]


@pytest.mark.parametrize(
    ("kind", "precision"),
    [*((kind, "fp32") for kind in KINDS), *((kind, "mixed") for kind in ("transformer_xl", "awd_lstm", "gpt2"))],
)
def test_one_graph_computes_the_same_loss_and_gradients(
    kind: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.compiler.reset()
    model = build_model(config_of(kind, precision), VOCABULARY, torch.device("cpu"))
    model.train()
    plain = copy.deepcopy(model)
    plain.generator.set_state(model.generator.get_state())
    graphs: list[int] = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> torch.fx.GraphModule:
        graphs.append(len(graph.graph.nodes))
        return graph

    model.use_graph({TIME}, backend=backend)
    losses, gradients = walk(model)
    expected, of_plain = walk(plain)
    assert losses == pytest.approx(expected, rel=1e-6 if precision == "fp32" else 1e-3)
    for one, other in zip(gradients, of_plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6 if precision == "fp32" else 1e-3)
    assert torch.equal(model.generator.get_state(), plain.generator.get_state())
    # One graph for all segments with a full memory; an LSTM and a model without memory have one for the first too.
    assert len(graphs) == (2 if kind == "awd_lstm" else 1)


@pytest.mark.parametrize("kind", ["transformer_xl", "awd_lstm", "gpt3 without attention dropout"])
def test_evaluation_is_a_graph_too(kind: str) -> None:
    torch.compiler.reset()
    model = build_model(config_of(kind), VOCABULARY, torch.device("cpu")).eval()
    plain = copy.deepcopy(model)
    model.use_graph({TIME}, backend="eager")
    with torch.no_grad():
        assert walk(model)[0] == pytest.approx(walk(plain)[0], rel=1e-6)


def test_segments_of_another_length_and_memory_that_fills_run_without_the_graph() -> None:
    model = build_model(config_of("transformer_xl"), VOCABULARY, torch.device("cpu"))
    model.use_graph({TIME}, backend="eager")
    tokens = torch.zeros(BATCH, TIME, dtype=torch.int64)
    full = tuple(torch.zeros(BATCH, TIME, 16) for _ in range(2))
    assert model.graph_for(tokens, full) is not None
    assert model.graph_for(tokens, None) is None
    assert model.graph_for(tokens[:, 1:], full) is None
    assert model.graph_for(tokens, tuple(each[:, 1:] for each in full)) is None
    state = build_model(config_of("awd_lstm"), VOCABULARY, torch.device("cpu"))
    state.use_graph({TIME}, backend="eager")
    assert state.graph_for(tokens, full) is not None


def test_encodings_and_masks_are_made_once_per_shape() -> None:
    model = build_model(config_of("transformer_xl"), VOCABULARY, torch.device("cpu"))
    first, again, other = model._view_of(6, 6), model._view_of(6, 6), model._view_of(5, 6)
    assert first is again
    assert other.encodings.shape == (11, 16)
    model.double()
    assert model._view_of(6, 6).encodings.dtype == torch.float64
    for past in range(200):
        model._view_of(4, past)
    assert len(model._kept) <= 64
