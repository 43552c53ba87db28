"""Test the modern GPT against its formulas, written out in plain numbers, and its positions, weights and size."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.config import ConfigError, parse, resolve
from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.modern_gpt import ModernGPT, rotated

WORDS = 13
Vector = list[float]
ALL = RegularizationConfig(
    embedding_dropout=0.2, input_dropout=0.3, dropout=0.25, output_dropout=0.4, attention_dropout=0.1
)


def model_of(rates: RegularizationConfig | None = None, **options: Any) -> ModernGPT:
    config = ModelConfig.model_validate(
        {"kind": "modern_gpt", "layers": 2, "d_model": 12, "heads": 3, "memory_length": 4, **options}
    )
    model = ModernGPT(config, rates or RegularizationConfig(), WORDS, 10).double()
    model.initialize(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():  # nothing at 0 or 1, where an error would not show
        for each in model.parameters():
            each.add_(0.3 * torch.randn(each.shape, dtype=each.dtype, generator=generator))
    return model


def text(length: int) -> Tensor:
    return torch.randint(WORDS, (2, length), generator=torch.Generator().manual_seed(1))


def plus(first: Vector, second: Vector) -> Vector:
    return [one + other for one, other in zip(first, second, strict=True)]


def dot(first: Vector, second: Vector) -> float:
    return sum(one * other for one, other in zip(first, second, strict=True))


def times(matrix: list[Vector], vector: Vector) -> Vector:
    return [dot(row, vector) for row in matrix]


def normalized(vector: Vector, gain: Vector) -> Vector:
    scale = math.sqrt(dot(vector, vector) / len(vector) + 1e-6)
    return [value / scale * each for value, each in zip(vector, gain, strict=True)]


def turned(vector: Vector, position: int) -> Vector:
    """Multiply the complex numbers x_j + i x_(j + d/2) by exp(i position / 10,000^(2 j / d))."""
    half, result = len(vector) // 2, [0.0] * len(vector)
    for index in range(half):
        angle = position / 10_000.0 ** (2 * index / len(vector))
        number = complex(vector[index], vector[index + half]) * complex(math.cos(angle), math.sin(angle))
        result[index], result[index + half] = number.real, number.imag
    return result


def attended(own: dict[str, Any], stream: list[Vector], heads: int) -> list[Vector]:
    """Return what causal attention adds, one position and one head at a time."""
    width = len(own["attention.query_norm.weight"])
    projected = [
        times(own["attention.queries_keys_values"], normalized(vector, own["attention.norm.weight"]))
        for vector in stream
    ]

    def part(position: int, kind: int, head: int) -> Vector:
        return projected[position][(kind * heads + head) * width :][:width]

    added = []
    for position in range(len(stream)):
        seen: Vector = []
        for head in range(heads):
            query = turned(normalized(part(position, 0, head), own["attention.query_norm.weight"]), position)
            scores = [
                dot(query, turned(normalized(part(other, 1, head), own["attention.key_norm.weight"]), other))
                / math.sqrt(width)
                for other in range(position + 1)
            ]
            total = sum(map(math.exp, scores))
            mean = [0.0] * width
            for other, score in enumerate(scores):
                mean = plus(mean, [math.exp(score) / total * value for value in part(other, 2, head)])
            seen += mean
        added.append(times(own["attention.output"], seen))
    return added


def fed_forward(own: dict[str, Any], vector: Vector) -> Vector:
    """Return what SwiGLU adds."""
    both = times(own["feed_forward.gate_inner"], normalized(vector, own["feed_forward.norm.weight"]))
    gate, inner = both[: len(both) // 2], both[len(both) // 2 :]
    gated = [g / (1 + math.exp(-g)) * i for g, i in zip(gate, inner, strict=True)]
    return times(own["feed_forward.outer"], gated)


def reference(model: ModernGPT, words: list[int], targets: list[int]) -> float:
    """Return the mean loss of a text."""
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    stream = [weights["embedding"][word] for word in words]
    for layer in range(model.config.layers):
        own = {name.removeprefix(f"layers.{layer}."): value for name, value in weights.items()}
        stream = [plus(*each) for each in zip(stream, attended(own, stream, model.config.heads), strict=True)]
        stream = [plus(vector, fed_forward(own, vector)) for vector in stream]
    loss = 0.0
    for vector, target in zip(stream, targets, strict=True):
        logits = times(weights["embedding"], normalized(vector, weights["norm.weight"]))
        loss += math.log(sum(map(math.exp, logits))) - logits[target]
    return loss / len(words)


def test_the_loss_is_that_of_the_formulas() -> None:
    model, tokens = model_of(), text(8)
    loss, _ = model(tokens[:, :-1], tokens[:, 1:])
    expected = [reference(model, row[:-1], row[1:]) for row in tokens.tolist()]
    assert loss.item() == pytest.approx(sum(expected) / 2, rel=1e-9)  # frequencies are in float32


def test_its_gradient_is_that_of_the_formulas() -> None:
    model, tokens = model_of(layers=1), text(4)
    model(tokens[:, :-1], tokens[:, 1:])[0].backward()
    for name, parameter in model.named_parameters():
        index = tuple(size // 2 for size in parameter.shape)
        losses = []
        with torch.no_grad():
            for change in (1e-5, -2e-5):
                parameter[index] += change
                losses.append(sum(reference(model, row[:-1], row[1:]) for row in tokens.tolist()) / 2)
            parameter[index] += 1e-5
        assert parameter.grad is not None
        assert parameter.grad[index].item() == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-5, abs=1e-8), name


def test_only_distances_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, keys = torch.randn(2, 1, 1, 6, 8, dtype=torch.float64, generator=generator)
    frequencies = 1.0 / 10_000.0 ** (torch.arange(0.0, 8.0, 2.0, dtype=torch.float64) / 8)
    scores = []
    for first in (0, 37):
        angles = torch.outer(torch.arange(first, first + 6, dtype=torch.float64), frequencies)
        scores.append(rotated(queries, angles) @ rotated(keys, angles).transpose(2, 3))
    torch.testing.assert_close(scores[0], scores[1])
    assert not torch.allclose(scores[0], queries @ keys.transpose(2, 3))


def test_a_token_sees_what_it_would_see_in_one_long_text() -> None:
    model, tokens = model_of().eval(), text(11)
    _, memory = model(tokens[:, :4], tokens[:, 1:5])
    found, after = model(tokens[:, 4:10], tokens[:, 5:11], memory)
    first, _ = model(tokens[:, :4], tokens[:, 1:5])
    whole, _ = model(tokens[:, :10], tokens[:, 1:11])
    assert found.item() == pytest.approx((10 * whole.item() - 4 * first.item()) / 6, rel=1e-9)
    assert torch.equal(after[0], tokens[:, 6:10])


def test_its_initial_weights_are_small_and_its_gains_1() -> None:
    config = ModelConfig(kind="modern_gpt", layers=8, d_model=64, heads=4)
    model = ModernGPT(config, RegularizationConfig(), 500, 10)
    model.initialize(torch.Generator().manual_seed(0))
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            assert (parameter == 1).all()
        else:
            std = 0.02 / 4 if name.endswith(("attention.output", "feed_forward.outer")) else 0.02
            assert parameter.std().item() == pytest.approx(std, rel=0.05), name


def test_it_has_the_matrices_of_gpt_2_in_number_and_no_biases() -> None:
    config = ModelConfig(kind="modern_gpt", layers=12, d_model=768, heads=12)
    assert config.inner_width == 2048
    with torch.device("meta"):
        model = ModernGPT(config, RegularizationConfig(), 50_257, 1024)
    gains = 12 * (2 * 768 + 2 * 64) + 768
    assert sum(each.numel() for each in model.parameters()) == 50_257 * 768 + 12 * 12 * 768**2 + gains


def test_regularizers_are_drawn_from_the_models_generator() -> None:
    losses = []
    for seed in (0, 0, 1):
        model, tokens = model_of(ALL).train(), text(8)
        model.generator.manual_seed(seed)
        losses.append(model(tokens[:, :-1], tokens[:, 1:])[0].item())
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("d_model", [8, 64, 100, 128])
def test_the_default_width_is_that_of_its_description(d_model: int) -> None:
    found = resolve({"model": {"kind": "modern_gpt", "d_model": d_model, "heads": 2}})["model"]["d_inner"]
    assert found == math.ceil(d_model * 8 / 3 / 8) * 8


def test_heads_that_cannot_be_rotated_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model: heads of width 3 cannot be rotated: modern_gpt needs an even width"):
        parse({"model": {"kind": "modern_gpt", "d_model": 12, "heads": 4}})


def test_its_context_may_be_longer_in_evaluation() -> None:
    config = parse({"model": {"kind": "modern_gpt"}, "evaluation": {"target_length": 64, "memory_length": 320}})
    assert config.evaluation_lengths == (64, 320)
