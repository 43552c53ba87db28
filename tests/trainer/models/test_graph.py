"""Test that every model, with all its regularizers, compiles as one graph that computes the same."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd

from trainer.batches import segments
from trainer.config import TrainerConfig, parse
from trainer.gradients import Noised, add_gradients
from trainer.models.language_model import LanguageModel
from trainer.regularizers import StreamGenerator
from trainer.setup import build_model

# PyTorch's compiler itself does what this warning is about.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*should not be instantiated:DeprecationWarning", "ignore:.*is deprecated:DeprecationWarning"
)

VOCABULARY, BATCH, TIME = 30, 3, 6
MIXED = ("transformer_xl", "awd_lstm", "gpt2", "modern_gpt")
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
    "modern_gpt": {"model": {"kind": "modern_gpt"}, "regularization": ATTENTION},
    "modern_gpt without attention dropout": {"model": {"kind": "modern_gpt"}, "regularization": DROPOUTS},
    "stochastic depth": {"regularization": ATTENTION | {"stochastic_depth": 0.5}},
    "stochastic depth alone in gpt2": {"model": {"kind": "gpt2"}, "regularization": {"stochastic_depth": 0.5}},
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
    [
        *((kind, "fp32") for kind in KINDS),
        *((kind, "mixed") for kind in MIXED),
    ],
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


def overwriting() -> Callable[..., Any]:
    """Return a backend whose compiled calls write over what their last call returned, as CUDA graphs do."""

    def compiled(graph: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., Any]:
        returned: list[Tensor] = []

        def call(given: list[Any]) -> Any:
            for each in returned:
                each.fill_(float("nan") if each.is_floating_point() else -1)
            kept = {each.untyped_storage().data_ptr() for each in given if isinstance(each, Tensor)}
            outputs = graph(*given)
            given.clear()
            returned[:] = [  # no further references to them, or autograd would copy what it takes as gradients
                each.detach()
                for each in outputs
                if isinstance(each, Tensor) and each.untyped_storage().data_ptr() not in kept
            ]
            return outputs

        call._boxed_call = True  # type: ignore[attr-defined]  # it frees what it is given
        return call

    backend: Callable[..., Any] = aot_autograd(fw_compiler=compiled, bw_compiler=compiled, inference_compiler=compiled)
    return backend


@pytest.mark.parametrize("noise_weight", [None, 0.5])
@pytest.mark.parametrize(("kind", "micro_batch_size"), [("transformer_xl", 4), ("gpt2", 2)])
def test_nothing_is_kept_that_the_next_replay_of_a_cuda_graph_overwrites(
    kind: str, micro_batch_size: int, noise_weight: float | None
) -> None:
    torch.compiler.reset()
    model = build_model(config_of(kind), VOCABULARY, torch.device("cpu")).train()
    plain = copy.deepcopy(model)
    plain.generator = StreamGenerator().manual_seed(0)
    model.generator = StreamGenerator().manual_seed(0)
    model.use_graph({TIME}, backend=overwriting(), reuses_outputs=True)
    tokens = torch.randint(VOCABULARY, (4, 3 * TIME + 1), generator=torch.Generator().manual_seed(1))
    found: list[list[float]] = []
    for each in (model, plain):
        memory, losses = None, []
        for inputs, targets in segments(tokens, TIME):
            each.zero_grad()
            noised = None if noise_weight is None else Noised(inputs.flip(1), targets, noise_weight)
            loss, memory = add_gradients(
                each, inputs, targets, memory, micro_batch_size=micro_batch_size, noised=noised
            )
            losses.append(loss.item())
        found.append(losses)
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_that_backend_does_overwrite() -> None:
    torch.compiler.reset()
    double = torch.compile(lambda values: values * 2, backend=overwriting())
    first = double(torch.ones(3))
    assert first.tolist() == [2.0, 2.0, 2.0]
    double(torch.ones(3))
    assert first.isnan().all()


class Doubling(LanguageModel):
    """A model that compiles quickly."""

    memory_length = 0

    def _compute(self, inputs: Tensor, targets: Tensor, memory: None) -> tuple[Tensor, None]:
        return inputs.sum() * 2, None


def test_a_run_that_halves_its_batch_again_and_again_stays_compiled() -> None:
    torch.compiler.reset()
    model = Doubling()
    model.use_graph({2}, backend="eager")
    for batch in range(1, 13):
        tokens = torch.ones(batch, 2, dtype=torch.int64)
        assert model.computed(tokens, tokens, None)[0] == 4 * batch


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
