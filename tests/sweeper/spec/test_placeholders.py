"""Placeholders in a command's arguments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.spec.placeholders import fill, filled, placeholders, switches


def test_doubled_braces_are_braces_and_values_are_not_read_again() -> None:
    assert fill("{{x}} {a} {{}}", {"a": "{b}", "b": "never"}) == "{x} {b} {}"


def test_values_are_written_as_json_and_text_as_it_is() -> None:
    values = {"rate": 1e-06, "flag": True, "none": None, "text": "a b", "list": [1, 2]}
    assert filled(["{rate}", "{flag}", "{none}", "{text}", "{list}"], values) == [
        "1e-06", "true", "null", "a b", "[1, 2]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, ["--tied"]), ("on", ["--tied"]), (False, []), ("off", []), (None, [])],
)
def test_a_flag_is_an_argument_or_none(value: object, expected: list[str]) -> None:
    assert switches(value)
    assert filled(["{tied?--tied}"], {"tied": value}) == expected


@pytest.mark.parametrize(("value", "expected"), [(0.5, ["--clip=0.5,7"]), (None, []), (False, ["--clip=false,7"])])
def test_an_argument_is_left_out_where_its_value_is_null(value: object, expected: list[str]) -> None:
    argument = "{clip?--clip={clip},{seed}}"
    assert filled([argument], {"clip": value, "seed": 7}) == expected
    found = [each for each in placeholders(argument) if each is not None]
    assert [each.name for each in found] == ["clip", "clip", "seed"]
    assert (found[0].whole, found[0].is_optional, found[1].whole) == (True, True, False)


@pytest.mark.parametrize(("value", "flag"), [(True, "--tied"), ("off", "--no-tied"), (None, "--no-tied")])
def test_a_flag_may_be_one_or_the_other(value: object, flag: str) -> None:
    assert filled(["{tied?--tied|--no-tied}"], {"tied": value}) == [flag]


@pytest.mark.parametrize("value", [0, 1, 1.0, "true", "", [], "ON"])
def test_what_is_not_plainly_on_or_off_switches_nothing(value: object) -> None:
    assert not switches(value)


def test_placeholders_know_whether_they_are_the_whole_argument() -> None:
    (found,) = placeholders("{tied?--tied}")
    assert found is not None
    assert (found.name, found.flag, found.whole) == ("tied", "--tied", True)
    (within,) = placeholders("--x={tied?1}")
    assert within is not None
    assert not within.whole
    assert list(placeholders("{a")) == [None]


@given(st.text())
def test_any_text_with_its_braces_doubled_stays_itself(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert filled([doubled], {}) == [text]
