"""Names of macros: letters alone, stable, and no two alike."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.paper.names import LONGEST, part_of, told_apart


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input-dropout-helps", "InputDropoutHelps"),
        ("dropout = 0.1", "DropoutZeroPointOne"),
        ("lr = -2, x = 10", "LrMinusTwoXOneZero"),
        ("camelCase_name", "CamelCaseName"),
        ("full without input_dropout", "FullWithoutInputDropout"),
    ],
)
def test_names_read_as_what_they_are_of(text, expected) -> None:
    assert part_of(text) == expected


@given(st.text(max_size=300))
def test_any_text_gives_letters(text) -> None:
    found = part_of(text)
    assert re.fullmatch(r"[A-Z][A-Za-z]*", found)
    assert len(found) <= LONGEST


def test_text_that_letters_cannot_tell_apart_has_letters_of_its_own() -> None:
    found = [part_of(text) for text in ("\u4e2d", "\u6587", "a\u4e2d", "a\u6587", "x" * 200, "x" * 201, "", " ")]
    assert len(set(found)) == len(found)


def test_names_that_two_things_share_do_not_depend_on_order() -> None:
    one, two = told_apart(["A", "A"], ["a-b", "a b"]), told_apart(["A", "A"], ["a b", "a-b"])
    assert one == (two[1], two[0])
    assert len({*one, "A"}) == 3
    assert told_apart(["A", "B"], ["x", "y"]) == ("A", "B")
