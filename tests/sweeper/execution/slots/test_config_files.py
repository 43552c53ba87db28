"""Configurations as files of the program: what is written reads back, whoever reads it."""

import json
import re
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sweeper.execution.slots.config_files import json_text, toml_text, yaml_text
from trainer.config.yaml_file import read_yaml

TAG = "tag:yaml.org,2002:"
WORDS = [
    *(
        "2024-01-02",
        "2024-1-2",
        "2001-12-14t21:59:43.10-05:00",
        "yes",
        "Yes",
        "on",
        "off",
        "no",
        "y",
        "N",
        "true",
        "TRUE",
    ),
    *("1:30", "1:30:15", "190:20:30.15", "0o17", "017", "08", "0x1F", "0b11", "-0o17", "null", "Null", "NULL", "~"),
    *(
        "1e-5",
        "1e5",
        "1.e5",
        "1E5",
        "1_000",
        "1_0.5",
        ".5",
        "5.",
        "+5",
        "-.5",
        ".inf",
        "-.Inf",
        ".nan",
        "=",
        "<<",
        "1,0",
    ),
]
ODD = ["", " a", "a ", "\n", "\t", "\x85", "a\x85b", "\u2028", "\ufeff", "- a", "a: b", "a #b", "2001-12-14 21:59:43"]


class YAML12(yaml.SafeLoader):
    """The core schema of YAML 1.2 (section 10.3.2 of its specification)."""


YAML12.yaml_implicit_resolvers = {}
for kind, pattern, first in (
    ("null", r"^(?:null|Null|NULL|~|)$", [*"nN~", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", list("-+.")),
):
    YAML12.add_implicit_resolver(TAG + kind, re.compile(pattern), first)
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


@pytest.mark.parametrize("text", [*WORDS, *ODD])
def test_a_text_that_looks_like_a_value_stays_a_text_in_any_yaml(text: str) -> None:
    written = yaml_text({"key": text, "list": [text], "inner": {text: 1}})
    for read in (yaml.safe_load(written), yaml.load(written, YAML12), read_yaml(written).data):
        assert read == {"key": text, "list": [text], "inner": {text: 1}}


@pytest.mark.parametrize("word", WORDS)
def test_what_a_study_file_reads_is_what_any_yaml_reads(word: str) -> None:
    config = read_yaml(f"key: {word}").data
    written = yaml_text(config)
    for read in (yaml.safe_load(written), yaml.load(written, YAML12)):
        assert repr(read) == repr(config)


def test_floats_are_floats_in_any_yaml() -> None:
    written = yaml_text({"lr": 1e-05, "list": [1e22, -3e-08]})
    assert yaml.safe_load(written) == read_yaml(written).data == {"lr": 1e-05, "list": [1e22, -3e-08]}


def test_keys_stay_in_their_order_and_repeated_values_are_written_out() -> None:
    shared = [1, 2]
    assert yaml_text({"b": shared, "a": shared}) == "b:\n- 1\n- 2\na:\n- 1\n- 2\n"


def test_toml_leaves_out_what_has_no_value() -> None:
    config = {"a": None, "b": {"c": None, "d": {"e f": 1}}, "list": [{"x": None, "y": [1]}]}
    assert tomllib.loads(toml_text(config)) == {"b": {"d": {"e f": 1}}, "list": [{"y": [1]}]}
