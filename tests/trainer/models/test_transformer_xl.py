"""Test Transformer-XL beyond its golden values: memory, masks, initial weights, and where dropout acts."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.transformer_xl import TransformerXL

VOCABULARY = 40


def make_model(regularization: dict[str, float] | None = None, **options: Any) -> TransformerXL:
    config = ModelConfig(**{"layers": 2, "d_model": 16, "heads": 2, "memory_length": 8, **options})
    model = TransformerXL(config, RegularizationConfig(**(regularization or {})), VOCABULARY)
    model.initialize(torch.Generator().manual_seed(0))
    with torch.no_grad():  # larger weights, so that a wrong mask or position shows
        for parameter in model.parameters():
            parameter.mul_(8.0)
    return model.double()


def text(batch: int, length: int, seed: int = 1) -> Tensor:
    return torch.randint(VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(seed))


def walk(model: TransformerXL, tokens: Tensor, length: int) -> float:
    """Return the mean nats per token, segment by segment with memory."""
    total, memory, last = 0.0, None, tokens.shape[1] - 1
    for start in range(0, last, length):
        stop = min(start + length, last)
        loss, memory = model(tokens[:, start:stop], tokens[:, start + 1 : stop + 1], memory)
        total += loss.item() * (stop - start)
    return total / last


@pytest.mark.parametrize("options", [{}, {"pre_norm": True}, {"clamp_length": 5}, {"adaptive_cutoffs": [10, 20]}])
@pytest.mark.parametrize("length", [1, 5, 8])
def test_segments_with_memory_give_the_loss_of_one_long_pass(options: dict[str, Any], length: int) -> None:
    # True where the memory holds all that came before: nothing then tells a segment's border.
    model = make_model(memory_length=24, **options).eval()
    tokens = text(3, 25)
    whole, _ = model(tokens[:, :-1], tokens[:, 1:], None)
    assert walk(model, tokens, length) == pytest.approx(whole.item(), rel=1e-12)


def test_a_memory_that_is_too_short_for_the_text_changes_its_loss() -> None:
    model = make_model(memory_length=4).eval()
    tokens = text(3, 25)
    whole, _ = model(tokens[:, :-1], tokens[:, 1:], None)
    assert abs(walk(model, tokens, 5) - whole.item()) > 1e-3


def test_later_tokens_do_not_change_the_loss_of_earlier_ones() -> None:
    model = make_model().eval()
    first, second = text(2, 9), text(2, 9)
    second[:, 6:] = text(2, 3, seed=7)
    losses = [model(each[:, :5], each[:, 1:6], None)[0].item() for each in (first, second)]
    assert losses[0] == losses[1]
    # and within one call: the gradient of the first tokens' part knows nothing of later inputs
    memories = [model(each[:, :8], each[:, 1:9], None)[1] for each in (first, second)]
    for one, other in zip(*memories, strict=True):
        assert torch.equal(one[:, :6], other[:, :6])
        assert not torch.equal(one[:, 6:], other[:, 6:])


def test_streams_do_not_see_each_other() -> None:
    model = make_model().eval()
    tokens = text(3, 9)
    apart = [model(row[None, :-1], row[None, 1:], None)[0].item() for row in tokens]
    together, _ = model(tokens[:, :-1], tokens[:, 1:], None)
    assert together.item() == pytest.approx(sum(apart) / 3, rel=1e-12)


def test_equal_logits_cost_the_logarithm_of_the_vocabulary() -> None:
    model = make_model()
    with torch.no_grad():
        model.embedding.zero_()
        model.softmax_bias.fill_(3.0)
    tokens = text(2, 9)
    assert model(tokens[:, :-1], tokens[:, 1:], None)[0].item() == pytest.approx(math.log(VOCABULARY), rel=1e-12)


@pytest.mark.parametrize("memory_length", [0, 3, 8, 20])
def test_memory_is_what_the_next_segment_needs_and_has_no_history(memory_length: int) -> None:
    model = make_model(memory_length=memory_length)
    tokens = text(2, 9)
    memory = None
    for carried in (8, 16, 24):
        _, memory = model(tokens[:, :-1], tokens[:, 1:], memory)
        if memory_length == 0:
            assert memory is None
            continue
        assert memory is not None
        assert len(memory) == 2
        assert all(each.shape == (2, min(carried, memory_length), 16) for each in memory)
        assert not any(each.requires_grad for each in memory)


def test_first_weights_have_upstreams_spread_and_are_fixed_by_their_seed() -> None:
    config = ModelConfig(layers=2, d_model=128, heads=4)
    first, second, third = (TransformerXL(config, RegularizationConfig(), 2000) for _ in range(3))
    for model, seed in ((first, 0), (second, 0), (third, 1)):
        model.initialize(torch.Generator().manual_seed(seed))
    weights = first.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in second.state_dict().items())
    assert not torch.equal(weights["embedding"], third.state_dict()["embedding"])
    assert weights["embedding"].std().item() == pytest.approx(0.02, rel=0.02)
    assert weights["embedding"].mean().item() == pytest.approx(0.0, abs=2e-4)
    assert weights["layers.0.attention.norm.weight"].mean().item() == pytest.approx(1.0, abs=0.01)
    assert weights["layers.1.feed_forward.inner"].std().item() == pytest.approx(0.02, rel=0.02)
    assert weights["softmax_bias"].abs().max().item() == 0.0
    assert weights["content_bias"].std().item() == pytest.approx(0.02, rel=0.3)


def recorded_masks(monkeypatch: pytest.MonkeyPatch, regularization: dict[str, float]) -> list[tuple[int, ...]]:
    """Return the shapes of all masks that one training call of 3 streams of 5 tokens with memory draws."""
    from trainer import regularizers

    model = make_model(regularization).train()
    tokens = text(3, 11)
    _, memory = model(tokens[:, :5], tokens[:, 1:6], None)
    shapes: list[tuple[int, ...]] = []
    original = regularizers.dropout_mask

    def recorder(shape: Any, rate: float, generator: torch.Generator, **options: Any) -> Tensor:
        shapes.append(tuple(shape))
        return original(shape, rate, generator, **options)

    monkeypatch.setattr(regularizers, "dropout_mask", recorder)
    model(tokens[:, 5:10], tokens[:, 6:11], memory)
    return shapes


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("embedding_dropout", [(VOCABULARY, 1)]),
        # the embeddings, and the encodings of the distances
        ("input_dropout", [(3, 1, 16), (1, 16)]),
        ("output_dropout", [(3, 1, 16)]),
        ("attention_dropout", 2 * [(2, 3, 5, 10)]),
        # a layer's queries, keys and values; its attention's output; within and after its feed-forward part; and
        # every entry of the last output for itself
        ("dropout", [*(2 * [(3, 1, 48), (3, 1, 16), (3, 1, 64), (3, 1, 16)]), (3, 5, 16)]),
    ],
)
def test_each_regularizer_draws_the_masks_of_the_recipe(
    monkeypatch: pytest.MonkeyPatch, name: str, shapes: list[tuple[int, ...]]
) -> None:
    assert recorded_masks(monkeypatch, {name: 0.5}) == shapes


@pytest.mark.parametrize(
    "name", ["embedding_dropout", "input_dropout", "output_dropout", "attention_dropout", "dropout"]
)
def test_regularizers_act_in_training_alone(name: str) -> None:
    plain, dropping = make_model(), make_model({name: 0.5})
    tokens = text(3, 9)
    expected = plain(tokens[:, :-1], tokens[:, 1:], None)[0].item()
    assert dropping.eval()(tokens[:, :-1], tokens[:, 1:], None)[0].item() == expected
    assert dropping.train()(tokens[:, :-1], tokens[:, 1:], None)[0].item() != expected


def test_embedding_dropout_leaves_the_tied_softmax_weight_alone() -> None:
    # With all layers silenced the hidden state of a dropped word is 0, and its target still has its own logit.
    model = make_model({"embedding_dropout": 0.999})
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("layers.") and not name.endswith("norm.bias"):
                parameter.zero_()
        model.layers[-1].feed_forward.norm.bias.normal_(generator=torch.Generator().manual_seed(2))
    hidden = model.layers[-1].feed_forward.norm.bias
    tokens = text(3, 9)
    logits = model.embedding @ hidden + model.softmax_bias
    expected = -torch.log_softmax(logits, 0)[tokens[:, 1:]].mean()
    torch.testing.assert_close(model.train()(tokens[:, :-1], tokens[:, 1:], None)[0], expected)


def test_the_memory_holds_hidden_states_after_dropout() -> None:
    model = make_model({"input_dropout": 0.5}).train()
    tokens = text(3, 9)
    _, memory = model(tokens[:, :-1], tokens[:, 1:], None)
    assert memory is not None
    dropped = memory[0] == 0.0  # the first layer's input: whole features of a stream
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert 0.2 < dropped.double().mean().item() < 0.8


def test_an_input_word_can_be_read_and_not_predicted() -> None:
    config = ModelConfig(layers=1, d_model=16, heads=2, memory_length=8)
    model = TransformerXL(config, RegularizationConfig(), VOCABULARY)
    model.add_input_word()
    model.initialize(torch.Generator().manual_seed(0))
    tokens = text(2, 9)
    inputs = tokens[:, :-1].clone()
    inputs[:, 3] = VOCABULARY
    with torch.no_grad():
        model.embedding[-1] = 1e4  # as a word of the softmax it would take all probability, or none
        model.softmax_bias.zero_()
    loss, _ = model(inputs, tokens[:, 1:], None)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(VOCABULARY), rel=0.1)
    assert model.embedding.grad[-1].norm().item() > 0.0
    assert model.embedding.shape[0] == VOCABULARY + 1
    assert model.softmax_weight.shape[0] == VOCABULARY
