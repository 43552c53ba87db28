"""Test that perplexity counts every predicted token once, whatever the segments."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from trainer.batches import to_streams
from trainer.config import parse
from trainer.corpora.corpus import load_corpus
from trainer.evaluation import Evaluation, evaluate, left_out
from trainer.models.language_model import LanguageModel
from trainer.setup import check_lengths


class Told(LanguageModel):
    """A model whose loss on a token is the token itself, and that records its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.memory_length = 7
        self.calls: list[tuple[int, Any, int, bool]] = []

    def forward(self, inputs: Tensor, targets: Tensor, memory: Any = None) -> tuple[Tensor, Any]:
        self.calls.append((inputs.shape[1], memory, self.memory_length, self.training))
        return targets.float().mean(), len(self.calls)


def test_segments_count_by_their_length() -> None:
    streams = torch.arange(22).view(2, 11) % 5
    found = evaluate(Told(), streams, target_length=4, memory_length=3)
    assert found.num_tokens == 20
    assert found.loss == pytest.approx(streams[:, 1:].float().mean().item())


@pytest.mark.parametrize("target_length", [1, 3, 10, 100])
def test_the_loss_of_a_model_without_context_does_not_depend_on_the_segments(target_length: int) -> None:
    streams = torch.arange(33).view(3, 11) % 7
    found = evaluate(Told(), streams, target_length=target_length, memory_length=0)
    assert found.loss == pytest.approx(streams[:, 1:].float().mean().item())


def test_memory_is_carried_and_the_model_left_as_it_was() -> None:
    model = Told()
    model.train()
    evaluate(model, torch.zeros(1, 9, dtype=torch.int64), target_length=4, memory_length=3)
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
        evaluate(model, torch.zeros(1, 99, dtype=torch.int64), target_length=4, memory_length=3, check=stop)
    assert len(model.calls) == 2
    assert model.memory_length == 7
    assert model.training


@given(num_tokens=st.integers(2, 500), num_streams=st.integers(1, 250))
def test_the_share_left_out_is_that_of_the_tokens_that_are_not_predicted(num_tokens: int, num_streams: int) -> None:
    assume(num_tokens >= 2 * num_streams)
    streams = to_streams(torch.arange(num_tokens), num_streams)
    found = evaluate(Told(), streams, target_length=7, memory_length=0)
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
        "Use at most 8 streams.",
        "warning: evaluation.batch_size: 300 streams leave out 11.3% of the test text, which has 4400 tokens. "
        "Use at most 44 streams.",
    ]
    said.clear()
    check_lengths(parse(config | {"evaluation": {"batch_size": 8}}), corpus, said.append)
    assert said == []


def test_perplexity_is_the_exponential_of_the_loss() -> None:
    assert Evaluation(math.log(63.358), 10).perplexity == pytest.approx(63.358)
    assert Evaluation(1e9, 10).perplexity == math.inf
    assert math.isnan(Evaluation(math.nan, 10).perplexity)
