"""Test AWD-LSTM against an LSTM written out step by step, with every mask where the paper has it."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainer.config.model import ModelConfig, RegularizationConfig
from trainer.models.awd_lstm import AwdLSTM, LSTMLayer, activation_penalty
from trainer.regularizers import dropout_mask

WORDS, BATCH, TIME = 11, 3, 6
ALL = RegularizationConfig(
    embedding_dropout=0.2,
    input_dropout=0.3,
    dropout=0.25,
    output_dropout=0.4,
    weight_dropout=0.5,
    activation_regularization=2.0,
    temporal_activation_regularization=1.5,
)


def model_of(regularization: RegularizationConfig, *, layers: int = 3, seed: int = 0) -> AwdLSTM:
    config = ModelConfig(kind="awd_lstm", layers=layers, d_model=8, d_inner=14)
    model = AwdLSTM(config, regularization, WORDS).double()
    model.initialize(torch.Generator().manual_seed(seed))
    model.generator.manual_seed(seed)
    return model


def tokens() -> tuple[Tensor, Tensor]:
    text = torch.randint(WORDS, (BATCH, TIME + 1), generator=torch.Generator().manual_seed(1))
    return text[:, :-1], text[:, 1:]


def mask(shape: tuple[int, ...], rate: float, generator: torch.Generator) -> Tensor:
    if rate == 0.0:
        return torch.ones(shape, dtype=torch.float64)
    return dropout_mask(shape, rate, generator, dtype=torch.float64)


def by_steps(layer: LSTMLayer, inputs: Tensor, weight: Tensor, output: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
    """Compute the LSTM's equations, one time step after the other."""
    outputs = []
    for time in range(inputs.shape[1]):
        gates = inputs[:, time] @ layer.input_weight.T + layer.input_bias + output @ weight.T + layer.hidden_bias
        entry, forget, candidate, exit_ = gates.chunk(4, 1)
        cell = forget.sigmoid() * cell + entry.sigmoid() * candidate.tanh()
        output = exit_.sigmoid() * cell.tanh()
        outputs.append(output)
    return torch.stack(outputs, 1), output, cell


def reference(model: AwdLSTM, rates: RegularizationConfig, memory: tuple[Tensor, ...] | None) -> Tensor:
    """Compute the training objective with penalties, with masks drawn in the model's order."""
    inputs, targets = tokens()
    generator = torch.Generator().manual_seed(0)
    types = mask((WORDS, 1), rates.embedding_dropout, generator)
    hidden = (model.embedding * types)[inputs]
    for number, layer in enumerate(model.layers):
        assert isinstance(layer, LSTMLayer)
        rate = rates.dropout if number else rates.input_dropout
        hidden = hidden * mask((BATCH, 1, hidden.shape[2]), rate, generator)
        weight = layer.hidden_weight * mask(tuple(layer.hidden_weight.shape), rates.weight_dropout, generator)
        width = layer.hidden_weight.shape[1]
        state = memory[2 * number : 2 * number + 2] if memory else [torch.zeros(BATCH, width).double()] * 2
        hidden, *_ = by_steps(layer, hidden, weight, state[0], state[1])
    dropped = hidden * mask((BATCH, 1, hidden.shape[2]), rates.output_dropout, generator)
    logits = dropped @ model.embedding.T + model.softmax_bias
    loss = functional.cross_entropy(logits.reshape(-1, WORDS), targets.reshape(-1))
    of_size = rates.activation_regularization * (dropped**2).mean()
    change = hidden[:, 1:] - hidden[:, :-1]
    return loss + of_size + rates.temporal_activation_regularization * (change**2).mean()


@pytest.mark.parametrize("rates", [RegularizationConfig(), ALL])
@pytest.mark.parametrize("carried", [False, True])
def test_the_gradient_is_that_of_the_loss_and_the_penalties_written_out(
    rates: RegularizationConfig, carried: bool
) -> None:
    model = model_of(rates)
    memory = None
    if carried:
        draws = torch.Generator().manual_seed(2)
        widths = [14, 14, 14, 14, 8, 8]
        memory = tuple(torch.randn(BATCH, width, dtype=torch.float64, generator=draws) for width in widths)
    loss, _ = model(*tokens(), memory)
    loss.backward()
    found = {name: each.grad for name, each in model.named_parameters()}
    model.zero_grad()
    expected = reference(model, rates, memory)
    expected.backward()
    for name, each in model.named_parameters():
        torch.testing.assert_close(found[name], each.grad, rtol=1e-9, atol=1e-12)
    if rates == RegularizationConfig():
        torch.testing.assert_close(loss, expected)


def test_the_loss_is_in_nats_a_token_whatever_the_penalties() -> None:
    plain = ALL.model_copy(update={"activation_regularization": 0.0, "temporal_activation_regularization": 0.0})
    with_penalties, without = model_of(ALL)(*tokens())[0], model_of(plain)(*tokens())[0]
    assert with_penalties.item() == without.item()


def test_single_precision_takes_the_same_way() -> None:
    """On a CPU bf16 uses another kernel, oneDNN's."""
    model, single = model_of(ALL), model_of(ALL).float()
    single.regularization = model.regularization = RegularizationConfig()
    losses = [each(*tokens())[0] for each in (model, single)]
    for each in losses:
        each.backward()
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=1e-5)
    for exact, rounded in zip(model.parameters(), single.parameters(), strict=True):
        torch.testing.assert_close(rounded.grad.double(), exact.grad, rtol=1e-3, atol=1e-5)


def test_evaluation_drops_nothing() -> None:
    model, plain = model_of(ALL).eval(), model_of(RegularizationConfig()).eval()
    before = model.generator.get_state()
    losses = [each(*tokens())[0].item() for each in (model, plain)]
    assert losses[0] == losses[1]
    assert torch.equal(model.generator.get_state(), before)


def test_a_share_of_the_hidden_weights_is_dropped_anew_in_every_pass_and_the_others_are_scaled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = AwdLSTM(ModelConfig(kind="awd_lstm", layers=1, d_model=50), RegularizationConfig(weight_dropout=0.3), 7)
    for each in model.parameters():
        torch.nn.init.zeros_(each)
    torch.nn.init.ones_(model.layers[0].hidden_weight)
    seen: list[Tensor] = []
    real = torch.lstm

    def spy(inputs: Tensor, state: list[Tensor], weights: tuple[Tensor, ...], **options: bool) -> object:
        seen.append(weights[1].detach())
        return real(inputs, state, weights, **options)

    monkeypatch.setattr(torch, "lstm", spy)
    words = torch.zeros(2, 3, dtype=torch.int64)
    for _ in range(2):
        model(words, words)
    model.eval()
    model(words, words)
    first, second, whole = seen
    assert first.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert (first == 0.0).double().mean().item() == pytest.approx(0.3, abs=0.02)  # 10,000 draws: four standard errors
    assert not torch.equal(first, second)
    assert torch.equal(whole, torch.ones(200, 50))


def test_carried_state_makes_one_long_text_of_two_segments() -> None:
    model = model_of(RegularizationConfig()).eval()
    inputs, targets = tokens()
    whole, _ = model(inputs, targets)
    first, memory = model(inputs[:, :2], targets[:, :2])
    second, _ = model(inputs[:, 2:], targets[:, 2:], memory)
    assert (2 * first + 4 * second).item() / 6 == pytest.approx(whole.item(), rel=1e-12)
    assert all(not each.requires_grad for each in memory)


def test_penalties_of_a_known_output() -> None:
    hidden = torch.tensor([[[1.0], [3.0], [2.0]]])
    dropped = torch.tensor([[[2.0], [0.0], [4.0]]])
    assert activation_penalty(hidden, dropped, of_size=3.0, of_change=0.0).item() == pytest.approx(3 * 20 / 3)
    assert activation_penalty(hidden, dropped, of_size=0.0, of_change=2.0).item() == pytest.approx(2 * 5 / 2)
    assert activation_penalty(hidden[:, :1], dropped[:, :1], of_size=0.0, of_change=2.0).item() == 0.0


def test_weights_start_as_the_authors_start_them() -> None:
    config = ModelConfig(kind="awd_lstm", layers=2, d_model=64, d_inner=100)
    model = AwdLSTM(config, RegularizationConfig(), 1000)
    model.initialize(torch.Generator().manual_seed(0))
    assert model.embedding.abs().max().item() == pytest.approx(0.1, rel=0.01)
    for layer, width in zip(model.layers, (100, 64), strict=True):
        for each in layer.parameters():
            assert each.abs().max().item() <= width**-0.5
            assert each.std().item() == pytest.approx(width**-0.5 / 3**0.5, rel=0.1)
    assert not model.softmax_bias.any()


@pytest.mark.parametrize(("words", "millions"), [(10_000, 24.2), (33_278, 33.6)])
def test_the_published_shapes_have_their_published_sizes(words: int, millions: float) -> None:
    """There are 24 M on Penn Treebank and 33 M on WikiText-2 (Merity et al. 2018, tables 1 and 2)."""
    config = ModelConfig(kind="awd_lstm", layers=3, d_model=400, d_inner=1150)
    with torch.device("meta"):
        model = AwdLSTM(config, RegularizationConfig(), words)
    assert sum(each.numel() for each in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)
