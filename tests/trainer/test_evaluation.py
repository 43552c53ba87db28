"""Test that perplexity counts every predicted token once, whatever the segments."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from trainer.config import ConfigError, parse, resolve
from trainer.corpora.corpus import load_corpus
from trainer.evaluation import (
    Evaluation,
    EvaluationText,
    equal_streams,
    evaluate,
    left_out,
    sampled_text,
    whole_text,
)
from trainer.models.language_model import LanguageModel
from trainer.setup import check_lengths, evaluation_text, looks_at


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
def test_a_sample_has_about_the_tokens_wanted_each_at_most_once(
    num_tokens: int, num_streams: int, wanted: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    text = sampled_text(torch.arange(num_tokens), num_streams, wanted, generator)
    model = Seen()
    evaluate(model, text, target_length=7, memory_length=0)
    targets = [target for _, target, _ in model.pairs]
    assert len(targets) == len(set(targets)) == text.num_tokens
    assert all(target == token + 1 for token, target, _ in model.pairs)
    if wanted >= num_tokens - 1:
        assert text.num_tokens == num_tokens - 1
    else:
        assert wanted - min(num_streams, wanted) < text.num_tokens <= wanted


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
    for everything in (1, 1.0, 5000):
        config = parse({"evaluation": {"tokens": everything}})
        whole = evaluation_text(config, tokens)
        assert looks_at(config, tokens, whole) is whole


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
    assert resolve({"evaluation": {"tokens": 20000}})["evaluation"]["tokens"] == 20000


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


@given(num_tokens=st.integers(2, 500), num_streams=st.integers(1, 250))
def test_the_share_left_out_is_that_of_the_tokens_that_are_not_predicted(num_tokens: int, num_streams: int) -> None:
    assume(num_tokens >= 2 * num_streams)
    text = equal_streams(torch.arange(num_tokens), num_streams)
    found = evaluate(Told(), text, target_length=7, memory_length=0)
    assert left_out(num_tokens, num_streams) == pytest.approx(1 - found.num_tokens / (num_tokens - 1))


def test_a_warning_names_the_share_of_a_text_that_is_left_out(tmp_path: Path) -> None:
    for part, lines in (("train", 200), ("valid", 72), ("test", 400)):
        (tmp_path / f"{part}.txt").write_text("a b c d e f g h i j\n" * lines)
    config = {"data": {"corpus": "folder", "folder": str(tmp_path)}, "evaluation": {"batch_size": 300}}
    corpus = load_corpus(parse(config).data)
    said: list[str] = []
    check_lengths(parse(config), corpus, said.append)
    assert said == [
        "warning: evaluation.batch_size: 300 streams leave out 62.1% of the validation text, which has 792 tokens. "
        "Use at most 8 streams, or evaluation.tokens: 1.",
        "warning: evaluation.batch_size: 300 streams leave out 11.3% of the test text, which has 4400 tokens. "
        "Use at most 44 streams, or evaluation.tokens: 1.",
    ]
    said.clear()
    check_lengths(parse(config | {"evaluation": {"batch_size": 8}}), corpus, said.append)
    check_lengths(parse(config | {"evaluation": {"batch_size": 300, "tokens": 1.0}}), corpus, said.append)
    assert said == []


def test_perplexity_is_the_exponential_of_the_loss() -> None:
    assert Evaluation(math.log(63.358), 10).perplexity == pytest.approx(63.358)
    assert Evaluation(1e9, 10).perplexity == math.inf
    assert math.isnan(Evaluation(math.nan, 10).perplexity)
