"""Test that an option that a kind lacks is refused unless it is off, and has one path for all kinds that have it."""

from pathlib import Path
from typing import Any, get_args

import pytest

from trainer.config import ConfigError, json_schema, parse, resolve
from trainer.config.file import read_config
from trainer.config.kinds import LEFT_OUT, LIMITS, SWITCHES
from trainer.config.model import TrainerConfig
from trainer.config.optimizer import Schedule
from trainer.errors import UsageError

MODELS = ("transformer_xl", "awd_lstm", "gpt2", "gpt3", "modern_gpt")
KINDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("data", "noise"): ("none", "blank", "unigram", "uniform", "bigram_kneser_ney"),
    ("model", "kind"): MODELS,
    ("optimizer", "kind"): ("adam", "adamw", "muon", "sgd", "nt_asgd"),
    ("optimizer", "schedule"): get_args(Schedule),
}
# A value of each limited option that has an effect where the option exists.
VALUES: dict[tuple[str, str], Any] = {
    ("data", "random_target_length"): True,
    ("data", "target_offsets"): 4,
    ("data", "random_noise_rate"): True,
    ("data", "noise_weight"): 0.4,
    ("model", "heads"): 2,
    ("model", "d_head"): 8,
    ("model", "memory_length"): 16,
    ("model", "pre_norm"): True,
    ("model", "same_length"): True,
    ("model", "clamp_length"): 10,
    ("model", "adaptive_cutoffs"): [1000],
    ("model", "attention_pattern"): "strided",
    ("model", "attention_width"): 8,
    ("regularization", "attention_dropout"): 0.1,
    ("regularization", "stochastic_depth"): 0.1,
    ("regularization", "weight_dropout"): 0.1,
    ("regularization", "activation_regularization"): 2.0,
    ("regularization", "temporal_activation_regularization"): 1.0,
    ("optimizer", "beta1"): 0.8,
    ("optimizer", "beta2"): 0.99,
    ("optimizer", "epsilon"): 1e-6,
    ("optimizer", "momentum"): 0.9,
    ("optimizer", "nonmonotone_interval"): 3,
    ("optimizer", "average"): 0.99,
    ("optimizer", "cooldown_fraction"): 0.4,
    ("evaluation", "memory_length"): 16,
}


def config_with(path: tuple[str, str], value: object, kind: str) -> dict[str, Any]:
    section, name = path
    switch = LIMITS[path].switch
    config: dict[str, Any] = {switch[0]: {switch[1]: kind}}
    if kind in ("sgd", "nt_asgd"):
        config["optimizer"]["learning_rate"] = 30.0
    if switch == ("data", "noise") and kind != "none":
        config["data"]["noise_rate"] = 0.1
    config.setdefault(section, {})[name] = value
    return config


def kinds_of(path: tuple[str, str]) -> tuple[str, ...]:
    return KINDS[LIMITS[path].switch]


CASES = [(path, kind) for path in VALUES for kind in kinds_of(path)]


def test_every_limited_option_exists_and_is_tried_here() -> None:
    assert set(LIMITS) == set(VALUES)
    for section, name in LIMITS:
        assert name in TrainerConfig.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
    for (section, name), default in SWITCHES.items():
        fields = TrainerConfig.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
        assert fields[name].default == default


@pytest.mark.parametrize(("path", "kind"), CASES)
def test_an_option_works_where_it_exists_and_is_refused_elsewhere(path: tuple[str, str], kind: str) -> None:
    section, name = path
    config = config_with(path, VALUES[path], kind)
    if kind in LIMITS[path].kinds:
        assert resolve(config)[section][name] == VALUES[path]
        return
    with pytest.raises(ConfigError) as caught:
        resolve(config)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert f"has no effect with {'.'.join(LIMITS[path].switch)} {kind}" in problem.message
    assert "Remove it, or set it to" in problem.message


@pytest.mark.parametrize(("path", "kind"), CASES)
def test_null_stands_for_the_default_and_for_absence(path: tuple[str, str], kind: str) -> None:
    config = config_with(path, None, kind)
    without = {name: dict(value) for name, value in config.items()}
    del without[path[0]][path[1]]
    assert resolve(config) == resolve(without)
    there = kind in LIMITS[path].kinds and path not in LEFT_OUT
    assert (path[1] in resolve(config)[path[0]]) == there


def test_a_dropout_of_zero_says_that_there_is_none() -> None:
    """This lets a study's baseline switch off all regularizers for every kind."""
    off = {"attention_dropout": 0, "weight_dropout": 0.0, "activation_regularization": 0.0}
    for kind in MODELS:
        given = resolve({"model": {"kind": kind, "same_length": False}, "regularization": off})
        assert given == resolve({"model": {"kind": kind}})


@pytest.mark.parametrize("value", [True, 0, "off"])
def test_what_is_not_the_value_for_off_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="has no effect"):
        parse({"model": {"kind": "gpt2", "same_length": value}})


@pytest.mark.parametrize("kind", MODELS)
def test_a_resolved_configuration_resolves_to_itself(kind: str) -> None:
    first = resolve({"model": {"kind": kind}, "optimizer": {"kind": "nt_asgd", "learning_rate": 30}})
    assert resolve(first) == first
    assert first["model"]["d_inner"] == {"awd_lstm": 192, "modern_gpt": 176}.get(kind, 256)


def test_transformer_xl_has_no_options_of_others() -> None:
    document = resolve({})
    assert sorted(document["regularization"]) == [
        "attention_dropout", "dropout", "embedding_dropout", "input_dropout", "output_dropout"
    ]  # fmt: skip
    assert "attention_pattern" not in document["model"]
    assert "nonmonotone_interval" not in document["optimizer"]


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"model": {"kind": "awd_lstm", "heads": 4, "layers": "x"}, "optimizer": {"kind": "sgd"}})
    assert [".".join(map(str, problem.path)) for problem in caught.value.problems] == ["model.heads", "model.layers"]


def test_a_kind_that_does_not_exist_is_the_only_mistake() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"model": {"kind": "gpt4", "heads": 2, "memory_length": 8}})
    (problem,) = caught.value.problems
    assert problem.path == ("model", "kind")
    assert "Did you mean 'gpt" in problem.message


def test_sgd_wants_a_learning_rate() -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.learning_rate: is missing: nt_asgd has no default"):
        parse({"optimizer": {"kind": "nt_asgd"}})


@pytest.mark.parametrize("kind", ["gpt2", "gpt3"])
def test_evaluation_sees_no_position_that_was_not_trained(kind: str) -> None:
    base: dict[str, Any] = {"model": {"kind": kind, "memory_length": 0}, "data": {"target_length": 64}}
    parse({**base, "evaluation": {"target_length": 32, "memory_length": 32}})
    with pytest.raises(ConfigError, match="96 exceeds the 64 tokens for which"):
        parse({**base, "evaluation": {"target_length": 64, "memory_length": 32}})
    parse({"evaluation": {"target_length": 64, "memory_length": 320}})  # transformer_xl has relative positions


def test_the_place_of_a_refused_option_is_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model:\n  kind: awd_lstm\n  heads: 4\nbudget: {steps: 1}\n")
    with pytest.raises(UsageError, match=r"config\.yaml:3:10: model\.heads: 4 has no effect with model\.kind awd_lstm"):
        read_config(path)


def test_the_schema_allows_null_for_options_that_some_kinds_lack() -> None:
    schema = json_schema()
    for section, name in LIMITS:
        owner = schema["properties"][section]["$ref"].rsplit("/", 1)[1]
        option = schema["$defs"][owner]["properties"][name]
        assert {"type": "null"} in option["anyOf"]
        assert option["description"]
    assert schema["$defs"]["ModelConfig"]["properties"]["layers"]["type"] == "integer"
