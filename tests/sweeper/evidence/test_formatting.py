import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.evidence import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1.0, "1.000"), (123.456, "123.5"), (0.00123456, "0.001235"), (1234567.0, "1\u202f234\u202f567"),
        (1.5e9, "1.500e9"), (-0.5, "\u22120.5000"), (math.nan, "\u2013"), (None, "\u2013"), (math.inf, "\u221e"),
    ],
)  # fmt: skip
def test_numbers_have_four_digits_and_true_minus_signs(value: float | None, text: str) -> None:
    assert formatting.number(value) == text


@pytest.mark.parametrize(("nats", "text"), [(math.log(0.95), "\u22125.0%"), (0.0, "0.0%"), (math.log(1.01), "+1.0%")])
def test_differences_of_logarithms_are_percentages(nats: float, text: str) -> None:
    assert formatting.percent(nats) == text


@pytest.mark.parametrize(
    ("nats", "text"),
    [(35.0, "+1.59e17"), (368.0, "+6.61e161"), (709.0, "+8.22e309"), (1400.0, "+1.03e610"), (-1400.0, "\u2212100.0")],
)
def test_huge_differences_of_logarithms_are_powers_of_ten(nats: float, text: str) -> None:
    assert formatting.percent(nats) == f"{text}%"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1e14, 0, "+100000000000000"), (1e15, 0, "+1.00e15"), (-1e200, 2, "\u22121.00e200"),
        (6.2e-19, 20, "+6.20e\u221219"), (math.inf, 2, "+\u221e"), (0.0, 30, "0." + 30 * "0"),
    ],
)  # fmt: skip
def test_numbers_with_a_sign_are_powers_of_ten_where_they_would_be_long(value: float, digits: int, text: str) -> None:
    assert formatting.signed(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ("null", '"null"'),
        ("", '""'),
        (" a", '" a"'),
        ("{x}", "{x}"),
        ("[1]", "[1]"),
        ([1, "a"], '[1, "a"]'),
        (True, "true"),
        (0.1, "0.1"),
        (0.123456789, "0.1235"),
        (1.2e-6, "1.2e-06"),
        ("a", "a"),
        (4, "4"),
    ],
)
def test_levels_read_as_in_a_study_file(value: object, text: str) -> None:
    assert formatting.level_text(value) == text


def test_lists_and_counts_are_english() -> None:
    assert formatting.listed(["a"]) == "a"
    assert formatting.listed(["a", "b", "c"]) == "a, b and c"
    assert formatting.listed([]) == ""
    assert formatting.count(1, "trial") == "1 trial"
    assert formatting.count(1200, "trial") == "1\u202f200 trials"


def test_control_characters_are_shown_not_obeyed() -> None:
    assert formatting.clean("a\x07b\u202ec\ud800\nd\x00") == "a\\x07b\\u202ec\\ud800 d\\x00"
    assert formatting.clean("é你😀") == "é你😀"


@given(st.text())
def test_clean_text_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    found = formatting.clean(text)
    assert formatting.clean(found) == found
    assert found.encode().decode() == found
    assert not any(character < " " for character in found)
