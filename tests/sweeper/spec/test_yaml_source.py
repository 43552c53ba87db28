"""YAML with places: what is read, where it stands, and what is refused."""

from pathlib import Path

import pytest

from sweeper.errors import MistakesError
from sweeper.spec.yaml_source import load, parse
from trainer.config.wording import dotted
from trainer.config.yaml_file import MOST_BYTES, MOST_DEPTH, MOST_NODES


def refusal(text: str) -> str:
    with pytest.raises(MistakesError) as caught:
        parse(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("1_000", 1000),
        ("007", 7),
        ("+3", 3),
        ("0x1F", 31),
        ("0x10", 16),
        ("0o17", 15),
        ("-0x10", "-0x10"),
        ("0xG", "0xG"),
        ("0o8", "0o8"),
        ("0b1", "0b1"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("._", "._"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("'3'", "3"),
        ("!!str 3", "3"),
        ("!!float 3", 3.0),
    ],
)
def test_scalars_are_read_as_everybody_writes_them(text: str, value: object) -> None:
    found = parse(f"key: {text}", "f.yaml").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text() -> None:
    assert parse("{1: a, on: b, null: c, 0.5: d}", "f.yaml").data == {"1": "a", "on": "b", "null": "c", "0.5": "d"}


def test_places_are_those_of_keys_and_values() -> None:
    source = parse("a:\n  - b\n  - {c: d}\n", "f.yaml")
    assert source.document.keys[("a",)] == (1, 1)
    assert source.document.values[("a",)] == (2, 3)
    assert source.document.values[("a", 0)] == (2, 5)
    assert source.document.keys[("a", 1, "c")] == (3, 6)
    assert source.document.values[("a", 1, "c")] == (3, 9)


def test_a_mistake_about_what_is_missing_stands_at_what_is_there() -> None:
    source = parse("a:\n  b: {c: 1}\n", "f.yaml")
    assert str(source.mistake(("a", "b", "d"), "is missing.")) == "f.yaml:2:3: a.b.d: is missing."
    assert str(source.mistake(("a", "b", "c"), "is 1.")) == "f.yaml:2:10: a.b.c: is 1."
    assert str(source.mistake(("a", "b", "c"), "is c.", at_key=True)) == "f.yaml:2:7: a.b.c: is c."
    assert str(source.mistake(("x",), "is missing.")) == "f.yaml:1:1: x: is missing."


def test_paths_are_written_in_one_line() -> None:
    assert dotted(("phases", 0, "name")) == "phases[0].name"
    assert dotted(("a\nb", "c")) == r"'a\nb'.c"
    assert dotted(()) == ""


def test_an_alias_stands_for_its_value() -> None:
    assert parse("a: &x {b: 1}\nc: *x\n", "f.yaml").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert MOST_NODES < 10**9
    assert "too many values" in refusal("\n".join(lines))


def test_an_alias_of_what_contains_it_is_refused() -> None:
    assert refusal("a: &x {b: *x}") == (
        "f.yaml:1:8: a.b: an alias (*name) refers to something that contains it. Write it out."
    )


@pytest.mark.parametrize("depth", [MOST_DEPTH + 1, 1_000])
def test_a_deep_file_is_refused(depth: int) -> None:
    assert "Flatten it." in refusal("a: " + "[" * depth + "]" * depth)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "f.yaml:1:9: not YAML: expected ',' or ']', but got the end of the file."),
        ("a: !!python/name:os.system x", "f.yaml:1:4: a: the tag '!!python/name:os.system' is not allowed."),
        ("a: !mine {b: 1}", "f.yaml:1:4: a: the tag '!mine' is not allowed."),
        ("a: !!bool maybe", "f.yaml:1:4: a: 'maybe' does not match its tag '!!bool'."),
        ("a: 1\na: 2", "f.yaml:2:1: a: is a duplicate key; the first is in line 1."),
        ("? [a]\n: 1", "f.yaml:1:3: a key must be a plain string."),
        ("a: &x {}\nb: {<<: *x}", "f.yaml:2:5: b: merge keys (<<) are not supported."),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document begins here (---)."),
        ("a: \x07", r"f.yaml:1:4: the character '\x07' is not allowed in YAML."),
        ("# nothing", "f.yaml:1:1: the file is empty."),
        ("a:\n\tb: 1", "f.yaml:2:1: YAML cannot be indented with tabs."),
    ],
)
def test_what_study_files_cannot_have_is_told_with_its_place(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_several_mistakes_are_told_at_once() -> None:
    assert len(refusal("a: !x 1\nb: !y 2\na: 3\n").splitlines()) == 3


def test_a_file_is_read_with_or_without_byte_order_mark(tmp_path: Path) -> None:
    for content in (b"a: \xc3\xa9\n", b"\xef\xbb\xbfa: \xc3\xa9\n"):
        path = tmp_path / "f.yaml"
        path.write_bytes(content)
        assert load(path).data == {"a": "é"}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a: 1\nb: \xff\n", ":2:1: byte 0xff is not UTF-8."), (b"#" * (MOST_BYTES + 1), ":1:1: is larger than 2 MB")],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    with pytest.raises(MistakesError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_file_that_is_not_there_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(MistakesError, match="there is no such file"):
        load(tmp_path / "absent.yaml")
    with pytest.raises(MistakesError, match="is a directory"):
        load(tmp_path)
