"""A configuration as arguments: options for argparse, click and the like, and overrides for Hydra."""

import argparse

import pytest

from sweeper.spec.argument_lists import args_of, overrides_of, passed_by_name


def test_options_are_what_argparse_reads() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    parser.add_argument("--name")
    parser.add_argument("--model.layers", type=int)
    for flag in ("--amp", "--tied"):
        parser.add_argument(flag, action="store_true")
    config = {"lr": 1e-05, "name": "-a b=c", "amp": True, "tied": False, "model": {"layers": 2}}
    assert vars(parser.parse_args(args_of(config))) == {
        "lr": 1e-05, "name": "-a b=c", "amp": True, "tied": False, "model.layers": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-05, "1e-05"),
        (True, "true"),
        (None, "null"),
        ("adamw", "adamw"),
        ("/data/wikitext-2", "/data/wikitext-2"),
        ("true", "'true'"),
        ("1e-3", "'1e-3'"),
        ("", "''"),
        ("a,b=c", "'a,b=c'"),
        ("it's", r"'it\'s'"),
        ("C:\\", r"'C:\\'"),
        ("${oc.env:HOME}", "'${oc.env:HOME}'"),
        ([1, "a b", [0.5]], "[1,'a b',[0.5]]"),
        ([{"lr": 0.1}], "[{lr:0.1}]"),
    ],
)
def test_overrides_are_quoted_where_hydra_needs_it(value: object, text: str) -> None:
    assert overrides_of({"a": {"b": value}}) == [f"a.b={text}"]


def test_only_whole_values_count_as_passed() -> None:
    command = ["{python}", "x.py", "{data}", "--lr={lr}", "m.n={m.n}", "{tied?--tied}", "--name=run-{depth}", "{{no}}"]
    assert passed_by_name(command) == {"python", "data", "lr", "m.n", "tied"}
    assert args_of({"lr": 0.1, "depth": 2}, {"lr"}) == ["--depth=2"]
