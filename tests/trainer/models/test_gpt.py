"""Test GPT-2 and GPT-3 style models: shapes, initial weights, context, and what their layers see."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.dropout_masks import LayerMasks
from trainer.models.gpt import GPT, layer_patterns
from trainer.models.gpt_attention import Pattern

WORDS = 13
ALL = RegularizationConfig(
    embedding_dropout=0.2, input_dropout=0.3, dropout=0.25, output_dropout=0.4, attention_dropout=0.1
)


def config_of(kind: str = "gpt2", **options: Any) -> ModelConfig:
    return ModelConfig.model_validate(
        {"kind": kind, "layers": 3, "d_model": 8, "heads": 2, "memory_length": 4, **options}
    )


def model_of(config: ModelConfig, regularization: RegularizationConfig | None = None, context: int = 10) -> GPT:
    model = GPT(config, regularization or RegularizationConfig(), WORDS, context).double()
    model.initialize(torch.Generator().manual_seed(0))
    return model


def text(length: int) -> Tensor:
    return torch.randint(WORDS, (2, length), generator=torch.Generator().manual_seed(1))


def test_the_largest_shape_has_its_published_size() -> None:
    """It has 1.5 billion: 48 layers of 1,600, context 1,024, vocabulary 50,257 (Radford et al. 2019, table 2)."""
    config = ModelConfig(kind="gpt2", layers=48, d_model=1600, heads=25, memory_length=0)
    with torch.device("meta"):
        model = GPT(config, RegularizationConfig(), 50_257, 1024)
    assert sum(each.numel() for each in model.parameters()) == 1_557_611_200


class Reference(nn.Module):
    """Build GPT-2 from PyTorch's own layers, without its tied softmax."""

    def __init__(self, model: GPT) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        for layer in model.layers:
            width, inner = model.config.d_model, model.config.inner_width
            block = nn.TransformerEncoderLayer(
                width,
                model.config.heads,
                inner,
                dropout=0.0,
                activation=lambda values: functional.gelu(values, approximate="tanh"),
                batch_first=True,
                norm_first=True,
                dtype=torch.float64,
            )
            theirs = layer.state_dict()
            block.load_state_dict(
                {
                    "self_attn.in_proj_weight": theirs["attention.queries_keys_values.weight"],
                    "self_attn.in_proj_bias": theirs["attention.queries_keys_values.bias"],
                    "self_attn.out_proj.weight": theirs["attention.output.weight"],
                    "self_attn.out_proj.bias": theirs["attention.output.bias"],
                    "linear1.weight": theirs["feed_forward.inner.weight"],
                    "linear1.bias": theirs["feed_forward.inner.bias"],
                    "linear2.weight": theirs["feed_forward.outer.weight"],
                    "linear2.bias": theirs["feed_forward.outer.bias"],
                    "norm1.weight": theirs["attention.norm.weight"],
                    "norm1.bias": theirs["attention.norm.bias"],
                    "norm2.weight": theirs["feed_forward.norm.weight"],
                    "norm2.bias": theirs["feed_forward.norm.bias"],
                }
            )
            self.blocks.append(block)

    def forward(self, model: GPT, inputs: Tensor, targets: Tensor) -> Tensor:
        hidden = model.embedding[inputs] + model.positions[: inputs.shape[1]]
        length = inputs.shape[1]
        causal = torch.full((length, length), -torch.inf, dtype=torch.float64).triu(1)
        for block in self.blocks:
            hidden = block(hidden, src_mask=causal)
        hidden = functional.layer_norm(hidden, (model.config.d_model,), model.norm.weight, model.norm.bias)
        logits = hidden @ model.embedding.T
        return functional.cross_entropy(logits.reshape(-1, WORDS), targets.reshape(-1))


def scramble(model: GPT) -> None:
    """Draw weights that leave nothing at 0 or 1, where an error would not show."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for each in model.parameters():
            each.add_(0.3 * torch.randn(each.shape, dtype=each.dtype, generator=generator))


def test_the_loss_is_that_of_pytorchs_own_layers() -> None:
    model = model_of(config_of())
    scramble(model)
    tokens = text(9)
    loss, _ = model(tokens[:, :-1], tokens[:, 1:])
    torch.testing.assert_close(loss, Reference(model)(model, tokens[:, :-1], tokens[:, 1:]))


@pytest.mark.parametrize("kind", ["gpt2", "gpt3"])
def test_a_token_sees_what_it_would_see_in_one_long_text(kind: str) -> None:
    model = model_of(config_of(kind)).eval()
    scramble(model)
    tokens = text(11)
    _, memory = model(tokens[:, :4], tokens[:, 1:5])
    found, after = model(tokens[:, 4:10], tokens[:, 5:11], memory)
    first, _ = model(tokens[:, :4], tokens[:, 1:5])
    whole, _ = model(tokens[:, :10], tokens[:, 1:11])
    assert found.item() == pytest.approx((10 * whole.item() - 4 * first.item()) / 6, rel=1e-9)
    assert torch.equal(memory[0], tokens[:, :4])
    assert torch.equal(after[0], tokens[:, 6:10])


def test_memory_is_no_longer_than_it_may_be_and_absent_where_it_is_zero() -> None:
    model = model_of(config_of())
    tokens = text(8)
    _, memory = model(tokens[:, :3], tokens[:, 1:4])
    assert memory[0].shape == (2, 3)
    _, memory = model(tokens[:, 3:7], tokens[:, 4:8], memory)
    assert memory[0].shape == (2, 4)
    model.memory_length = 0
    assert model(tokens[:, :3], tokens[:, 1:4])[1] is None


def test_every_second_layer_of_gpt3_is_sparse_a_quarter_of_the_context_wide() -> None:
    band = Pattern("band", 16)
    assert layer_patterns(config_of("gpt3", layers=4), 64) == [None, band, None, band]
    given = config_of("gpt3", layers=2, attention_pattern="strided", attention_width=5)
    assert layer_patterns(given, 64) == [None, Pattern("strided", 5)]
    assert layer_patterns(config_of("gpt2"), 64) == [None, None, None]


def test_a_sparse_layer_hides_what_is_beyond_its_band() -> None:
    config = config_of("gpt3", layers=2, attention_width=2)
    model = model_of(config).eval()
    scramble(model)
    dense, sparse = model.layers
    hidden = torch.randn(1, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    changed = hidden.clone()
    changed[:, 0, 0] += 1.0
    nothing = LayerMasks()
    for layer, sight, reach in zip((dense, sparse), model._sights(6), (6, 2), strict=True):
        one, other = (layer.attention(each, sight, nothing) for each in (hidden, changed))
        differs = (one - other).abs().sum(2)[0] > 1e-12
        assert differs.tolist() == [place < reach for place in range(6)]


def test_weights_start_as_gpt2s_do() -> None:
    config = ModelConfig(kind="gpt2", layers=8, d_model=64, heads=4)
    model = GPT(config, RegularizationConfig(), 500, 128)
    model.initialize(torch.Generator().manual_seed(0))
    for name, each in model.named_parameters():
        if name.endswith("norm.weight"):
            assert torch.equal(each, torch.ones_like(each))
        elif each.dim() == 1:
            assert not each.any()
        else:
            residual = name.endswith(("attention.output.weight", "feed_forward.outer.weight"))
            expected = 0.01 if name == "positions" else 0.02 / math.sqrt(16) if residual else 0.02
            assert each.std().item() == pytest.approx(expected, rel=0.05), name


@pytest.mark.parametrize("kind", ["gpt2", "gpt3"])
def test_evaluation_drops_nothing_and_training_does(kind: str) -> None:
    model, plain = model_of(config_of(kind), ALL), model_of(config_of(kind))
    tokens = text(9)
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    assert model(inputs, targets)[0].item() != plain(inputs, targets)[0].item()
    assert model.eval()(inputs, targets)[0].item() == plain.eval()(inputs, targets)[0].item()


def test_the_same_generator_drops_the_same() -> None:
    tokens = text(9)
    losses = []
    for seed in (0, 0, 1):
        model = model_of(config_of("gpt3"), ALL)
        model.generator.manual_seed(seed)
        torch.manual_seed(len(losses))  # of no influence
        losses.append(model(tokens[:, :-1], tokens[:, 1:])[0].item())
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("rates", [RegularizationConfig(), ALL])
@pytest.mark.parametrize("kind", ["gpt2", "gpt3"])
def test_every_parameter_learns(kind: str, rates: RegularizationConfig) -> None:
    model = model_of(config_of(kind), rates, context=8)
    tokens = text(9)
    model(tokens[:, :-1], tokens[:, 1:])[0].backward()
    assert all(each.grad is not None and each.grad.any() for each in model.parameters())
