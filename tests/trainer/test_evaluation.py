"""Test that perplexity counts every predicted token once, whatever the segments."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from trainer.batches import segments
from trainer.config import ConfigError, parse, resolve
from trainer.evaluation import (
    Evaluation,
    EvaluationText,
    evaluate,
    sampled_text,
    whole_text,
)
from trainer.models.language_model import LanguageModel
from trainer.setup import build_model, evaluation_text, looks_at


class Told(LanguageModel):
    """A model whose loss on a token is the token itself, and that records its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.memory_length = 7
        self.calls: list[tuple[int, Any, int, bool]] = []

    def forward(self, inputs: Tensor, targets: Tensor, memory: Any = None) -> tuple[Tensor, Any]:
        carried = None if memory is None else int(memory[0][0])
        self.calls.append((inputs.shape[1], carried, self.memory_length, self.training))
        return targets.float().mean(), (torch.full((inputs.shape[0],), len(self.calls)),)


def zeros(length: int) -> EvaluationText:
    return EvaluationText(torch.zeros(1, length, dtype=torch.int64))


class Seen(LanguageModel):
    """A model that records each predicted token with the token before it and the tokens that its memory holds."""

    def __init__(self) -> None:
        super().__init__()
        self.memory_length = 0
        self.pairs: list[tuple[int, int, int]] = []

    def forward(self, inputs: Tensor, targets: Tensor, memory: Any = None) -> tuple[Tensor, Any]:
        held = torch.zeros(inputs.shape[0], dtype=torch.int64) if memory is None else memory[0]
        for row in range(inputs.shape[0]):
            for column in range(inputs.shape[1]):
                seen = int(held[row]) + column
                self.pairs.append((int(inputs[row, column]), int(targets[row, column]), seen))
        return targets.double().mean(), (held + inputs.shape[1],)


@given(num_tokens=st.integers(2, 300), num_streams=st.integers(1, 400), target_length=st.integers(1, 40))
def test_all_tokens_are_predicted_once_whatever_the_number_of_streams(
    num_tokens: int, num_streams: int, target_length: int
) -> None:
    text = whole_text(torch.arange(num_tokens), num_streams)
    model = Seen()
    found = evaluate(model, text, target_length=target_length, memory_length=0)
    assert sorted(target for _, target, _ in model.pairs) == list(range(1, num_tokens))
    assert all(target == token + 1 for token, target, _ in model.pairs)
    assert found.num_tokens == text.num_tokens == num_tokens - 1
    assert found.loss == pytest.approx(num_tokens / 2)
    # The memory holds what came before in the stream: only the first token of a stream has seen nothing.
    assert sum(seen == 0 for *_, seen in model.pairs) == min(num_streams, num_tokens - 1)


@pytest.mark.parametrize("num_streams", [1, 10, 300, 792, 5000])
def test_the_whole_text_has_one_loss_in_streams_of_any_number(num_streams: int) -> None:
    tokens = torch.randint(50, (793,), generator=torch.Generator().manual_seed(0))
    found = evaluate(Told(), whole_text(tokens, num_streams), target_length=32, memory_length=0)
    assert found.num_tokens == 792
    assert found.loss == pytest.approx(tokens[1:].double().mean().item())


@given(
    num_tokens=st.integers(2, 300),
    num_streams=st.integers(1, 20),
    wanted=st.integers(1, 320),
    seed=st.integers(0, 3),
)
def test_a_sample_has_the_tokens_wanted_each_at_most_once(
    num_tokens: int, num_streams: int, wanted: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    text = sampled_text(torch.arange(num_tokens), num_streams, wanted, generator)
    model = Seen()
    evaluate(model, text, target_length=7, memory_length=0)
    targets = [target for _, target, _ in model.pairs]
    assert len(targets) == len(set(targets)) == text.num_tokens
    assert all(target == token + 1 for token, target, _ in model.pairs)
    assert text.num_tokens == min(wanted, num_tokens - 1)
    assert text.streams.shape[0] == min(num_streams, text.num_tokens)


def test_looks_see_the_same_tokens_whatever_the_run(tmp_path: Path) -> None:
    tokens = torch.arange(2000)
    found = []
    for options in ({"seed": 0}, {"seed": 5, "model": {"layers": 3}, "device": "cpu"}):
        config = parse({"evaluation": {"tokens": 500}, **options})
        whole = evaluation_text(config, tokens)
        found.append(looks_at(config, tokens, whole).streams)
        assert whole.num_tokens == 1999
    assert torch.equal(*found)
    assert found[0].shape == (10, 51)
    starts = found[0][:, 0]
    assert (starts % 50 == 0).all()
    assert starts.max() - starts.min() > 500, "from all over the text"
    share = parse({"evaluation": {"tokens": 0.25}})
    assert looks_at(share, tokens, evaluation_text(share, tokens)).num_tokens == 500


@pytest.mark.parametrize("options", [{}, {"tokens": 1}, {"tokens": 1.0}, {"final_tokens": 500}])
def test_looks_are_those_of_the_end_unless_less_is_wanted(options: dict[str, float]) -> None:
    tokens, config = torch.arange(2000), parse({"evaluation": options})
    at_end = evaluation_text(config, tokens)
    assert at_end.num_tokens == options.get("final_tokens", 1999)
    assert looks_at(config, tokens, at_end) is at_end


def test_the_names_of_metrics_do_not_depend_on_the_length_of_the_text() -> None:
    tokens, config = torch.arange(2000), parse({"evaluation": {"tokens": 5000}})
    at_end = evaluation_text(config, tokens)
    looks = looks_at(config, tokens, at_end)
    assert looks is not at_end
    assert torch.equal(looks.streams, at_end.streams)


def test_a_part_of_the_text_at_the_end_is_the_same_for_all_runs() -> None:
    tokens = torch.arange(5000)
    found = [
        evaluation_text(parse({"evaluation": {"final_tokens": 1000}, "seed": seed}), tokens).streams for seed in (0, 1)
    ]
    assert torch.equal(*found)
    assert found[0].max() - found[0].min() > 1000, "from all over the text"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "evaluation.tokens: 0 is not greater than 0. Number of validation tokens"),
        (-5, "evaluation.tokens: -5 is not greater than 0."),
        (1.5, "evaluation: tokens = 1.5 is neither a share, up to 1, nor an integer. Use e.g. 20000."),
        ("all", "evaluation.tokens: 'all' is not a number."),
    ],
)
def test_a_wrong_number_of_tokens_is_refused(value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"evaluation": {"tokens": value}})
    assert message in str(caught.value)


def test_a_configuration_without_tokens_stays_what_it_was() -> None:
    assert "tokens" not in resolve({})["evaluation"]
    assert "tokens" not in resolve({"evaluation": {"tokens": None}})["evaluation"]
    assert "final_tokens" not in resolve({})["evaluation"]
    assert resolve({"evaluation": {"tokens": 20000}})["evaluation"]["tokens"] == 20000


MODELS: dict[str, dict[str, Any]] = {
    "transformer_xl": {},
    "with an adaptive softmax": {"pre_norm": True, "same_length": True, "adaptive_cutoffs": [10, 20]},
    "awd_lstm": {"kind": "awd_lstm", "memory_length": None},
    "gpt2": {"kind": "gpt2"},
    "gpt3": {"kind": "gpt3", "attention_pattern": "strided"},
    "modern_gpt": {"kind": "modern_gpt"},
}


@pytest.mark.parametrize("num_streams", [1, 3, 10, 60, 300])
@pytest.mark.parametrize("kind", MODELS)
def test_streams_of_any_number_have_the_losses_that_each_has_by_itself(kind: str, num_streams: int) -> None:
    """With memory carried from segment to segment, also where some streams have one token more than the others."""
    model_config = {"layers": 2, "d_model": 8, "memory_length": 5} | MODELS[kind]
    model = build_model(parse({"data": {"target_length": 7}, "model": model_config}), 30, torch.device("cpu"))
    tokens = torch.randint(30, (102,), generator=torch.Generator().manual_seed(0))
    text = whole_text(tokens, num_streams)
    found = evaluate(model, text, target_length=7, memory_length=5)
    assert found.num_tokens == 101
    total, first = 0.0, 0
    for number in range(text.streams.shape[0]):
        length = text.streams.shape[1] - (1 if text.longer and number >= text.longer else 0)
        assert torch.equal(text.streams[number, :length], tokens[first : first + length])
        first += length - 1
        # The last token of a longer stream is a segment of its own, so that all segments are equally long.
        pieces = [(0, length)] if number >= text.longer else [(0, length - 1), (length - 2, length)]
        memory = None
        with torch.no_grad():
            for start, stop in pieces:
                for inputs, targets in segments(text.streams[number : number + 1, start:stop], 7):
                    model.eval()
                    model.memory_length = 5
                    loss, memory = model(inputs, targets, memory)
                    total += loss.item() * targets.numel()
    assert first == 101
    assert found.loss == pytest.approx(total / 101, rel=1e-5)


def test_segments_count_by_their_length() -> None:
    streams = torch.arange(22).view(2, 11) % 5
    found = evaluate(Told(), EvaluationText(streams), target_length=4, memory_length=3)
    assert found.num_tokens == 20
    assert found.loss == pytest.approx(streams[:, 1:].float().mean().item())


@pytest.mark.parametrize("target_length", [1, 3, 10, 100])
def test_the_loss_of_a_model_without_context_does_not_depend_on_the_segments(target_length: int) -> None:
    streams = torch.arange(33).view(3, 11) % 7
    found = evaluate(Told(), EvaluationText(streams), target_length=target_length, memory_length=0)
    assert found.loss == pytest.approx(streams[:, 1:].float().mean().item())


def test_memory_is_carried_and_the_model_left_as_it_was() -> None:
    model = Told()
    model.train()
    evaluate(model, zeros(9), target_length=4, memory_length=3)
    assert model.calls == [(4, None, 3, False), (4, 1, 3, False)]
    assert model.memory_length == 7
    assert model.training


def test_a_check_can_end_it_early_and_the_model_is_left_as_it_was() -> None:
    model = Told()
    model.train()

    def stop() -> None:
        if len(model.calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(model, zeros(99), target_length=4, memory_length=3, check=stop)
    assert len(model.calls) == 2
    assert model.memory_length == 7
    assert model.training


def test_perplexity_is_the_exponential_of_the_loss() -> None:
    assert Evaluation(math.log(63.358), 10).perplexity == pytest.approx(63.358)
    assert Evaluation(1e9, 10).perplexity == math.inf
    assert math.isnan(Evaluation(math.nan, 10).perplexity)
