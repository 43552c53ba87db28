"""Test that an option that has no effect beside the values of others is found, and one that has is not."""

from typing import Any

import pytest

from trainer.config import parse, resolve
from trainer.config.idle import idle_in_run, idle_options
from trainer.setup import num_input_words

GPT3 = {"kind": "gpt3", "layers": 1}
LSTM = {"kind": "awd_lstm", "layers": 1}
# A configuration with an idle option, what to change to give it an effect, and the message.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "decayed": (
        {"optimizer": {"decayed": "matrices"}},
        {"optimizer": {"weight_decay": 0.1}},
        "optimizer.decayed: 'matrices' has no effect with optimizer.weight_decay 0. Set a weight decay, e.g. 0.1",
    ),
    "noise": (
        {"data": {"noise": "blank"}},
        {"data": {"noise_rate": 0.1}},
        "data.noise: 'blank' replaces no word with data.noise_rate 0, and only adds its special word to the "
        "vocabulary, so that other weights are drawn. Set a rate, e.g. 0.2, or use none.",
    ),
    "noise without a word": (
        {"data": {"noise": "unigram"}},
        {"data": {"noise_rate": 0.1}},
        "data.noise: 'unigram' has no effect with data.noise_rate 0: no word is replaced. Set a rate, e.g. 0.2",
    ),
    "micro-batch": (
        {"data": {"micro_batch_size": 17}},
        {"data": {"batch_size": 17}},
        "data.micro_batch_size: 17 has no effect with data.batch_size 16, which is smaller. Use a smaller number",
    ),
    "clamp": (
        {"model": {"clamp_length": 63}},
        {"evaluation": {"memory_length": 33}},
        "model.clamp_length: 63 has no effect with distances of at most 63. Use a smaller number",
    ),
    "pattern": (
        {"model": {**GPT3, "attention_pattern": "strided"}},
        {"model": {"layers": 2}},
        "model.attention_pattern: 'strided' has no effect with model.layers 1: only every second layer of gpt3",
    ),
    "band": (
        {"model": {**GPT3, "attention_width": 8}},
        {"model": {"layers": 2}},
        "model.attention_width: 8 has no effect with model.layers 1: only every second layer of gpt3",
    ),
    "width of the context": (
        {"model": {"kind": "gpt3", "layers": 2, "memory_length": 0, "attention_width": 32}},
        {"model": {"attention_width": 31}},
        "model.attention_width: 32 has no effect with a context of 32 tokens. Use a smaller number, or leave it out.",
    ),
    "inner width": (
        {"model": {**LSTM, "d_inner": 100}},
        {"model": {"layers": 2}},
        "model.d_inner: 100 has no effect with model.layers 1: the last layer of awd_lstm has the width d_model.",
    ),
    "dropout between layers": (
        {"model": LSTM, "regularization": {"dropout": 0.1}},
        {"model": {"layers": 2}},
        "regularization.dropout: 0.1 has no effect with model.layers 1: in awd_lstm, it drops features between",
    ),
}


@pytest.mark.parametrize(("idle", "change", "message"), CASES.values(), ids=CASES)
def test_an_option_without_effect_is_found_until_it_has_one(
    idle: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    (problem,) = idle_options(parse(idle))
    assert str(problem).startswith(message)
    sections = {*idle, *change}
    changed = {name: {**idle.get(name, {}), **change.get(name, {})} for name in sections}
    assert idle_options(parse(changed)) == []


@pytest.mark.parametrize("noise", ["blank", "unigram", "uniform", "bigram_kneser_ney"])
def test_noise_that_replaces_nothing_is_said_to_have_no_effect_only_where_weights_are_the_same(noise: str) -> None:
    (problem,) = idle_options(parse({"data": {"noise": noise}}))
    words = [num_input_words(parse({"data": {"noise": each}})) for each in ("none", noise)]
    assert ("has no effect" in problem.message) == (words[0] == words[1])


@pytest.mark.parametrize("kind", ["transformer_xl", "awd_lstm", "gpt2", "gpt3", "modern_gpt"])
def test_defaults_are_never_idle(kind: str) -> None:
    given = {"model": {"kind": kind, "layers": 1}}
    assert idle_options(parse(given)) == idle_options(parse(resolve(given))) == []


@pytest.mark.parametrize(("tokens", "idle"), [(16 * 39, True), (16 * 40, False)])
def test_offsets_without_room_in_the_text_have_little_effect(tokens: int, idle: bool) -> None:
    data = {"target_offsets": 8, "batch_size": 16, "target_length": 32}
    found = [str(each) for each in idle_in_run(parse({"data": data, "budget": {"steps": 1}}), tokens, 1)]
    said = "data.target_offsets: 8 has little effect with streams of 39 tokens in segments of 32: no word so far ahead"
    assert [said in each for each in found] == [True] * idle


@pytest.mark.parametrize(
    ("last", "steps", "said"),
    [
        (3, 3, []),
        (4, 3, ["4 averages all 3 evaluations of a run of 3 steps."]),
        (4, 1, ["4 averages the only evaluation of a run of 1 step."]),
    ],
)
def test_an_average_of_more_evaluations_than_a_run_has_is_named(last: int, steps: int, said: list[str]) -> None:
    config = parse({"optimizer": {"average": {"last": last}}, "evaluation": {"times": 3}, "budget": {"steps": steps}})
    found = [str(each) for each in idle_in_run(config, 1000, steps)]
    assert [text in each for text, each in zip(said, found, strict=True)] == [True] * len(said)
