"""Configurations as files of the program: what is written reads back, whoever reads it."""

import json
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sweeper.execution.slots.config_files import json_text, toml_text, yaml_text
from trainer.config.yaml_file import read_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x85\u2028\u2029\ufeff"), max_size=8)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
CONFIGS = st.recursive(
    st.dictionaries(TEXTS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4),
    lambda inner: st.dictionaries(TEXTS, inner | st.lists(inner, max_size=2), max_size=3),
    max_leaves=8,
)


@given(CONFIGS)
def test_a_config_reads_back_as_it_was(config: dict[str, object]) -> None:
    assert json.loads(json_text(config)) == config
    assert yaml.safe_load(yaml_text(config)) == config
    assert tomllib.loads(toml_text(config)) == config


@pytest.mark.parametrize(
    "text", ["no", "on", "1e-5", "1e5", "0o14", "012", "1:30", "2020-01-01", "~", "null", "y", "", "1_0"]
)
def test_a_text_that_looks_like_a_value_stays_a_text_in_any_yaml(text: str) -> None:
    written = yaml_text({"key": text})
    assert yaml.safe_load(written) == {"key": text}
    assert read_yaml(written).data == {"key": text}


def test_floats_are_floats_in_any_yaml() -> None:
    written = yaml_text({"lr": 1e-05, "list": [1e22, -3e-08]})
    assert yaml.safe_load(written) == read_yaml(written).data == {"lr": 1e-05, "list": [1e22, -3e-08]}


def test_keys_stay_in_their_order_and_repeated_values_are_written_out() -> None:
    shared = [1, 2]
    assert yaml_text({"b": shared, "a": shared}) == "b:\n- 1\n- 2\na:\n- 1\n- 2\n"


def test_toml_leaves_out_what_has_no_value() -> None:
    config = {"a": None, "b": {"c": None, "d": {"e f": 1}}, "list": [{"x": None, "y": [1]}]}
    assert tomllib.loads(toml_text(config)) == {"b": {"d": {"e f": 1}}, "list": [{"y": [1]}]}
