import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1.0, "1.000"), (123.456, "123.5"), (0.00123456, "0.001235"), (1234567.0, "1\u202f234\u202f567"),
        (1.5e9, "1.500e9"), (-0.5, "\u22120.5000"), (math.nan, "\u2013"), (None, "\u2013"), (math.inf, "\u221e"),
    ],
)  # fmt: skip
def test_numbers_have_four_digits_and_true_minus_signs(value: float | None, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(87.2345, "87.23"), (1234.5678, "1234.57"), (3.14159, "3.142"), (math.nan, "\u2013"), (2e7, "2.000e7")],
)
def test_perplexities_have_two_decimals(value: float, text: str) -> None:
    assert wording.perplexity(value) == text


@pytest.mark.parametrize(
    ("nats", "text"), [(math.log(0.95), "\u22125.0\u202f%"), (0.0, "0.0\u202f%"), (math.log(1.01), "+1.0\u202f%")]
)
def test_differences_of_logarithms_are_percentages(nats: float, text: str) -> None:
    assert wording.percent(nats) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.5, "12.5\u202fs"), (90, "1.5\u202fmin"), (5400, "1.50\u202fh"), (math.nan, "\u2013")]
)
def test_times_are_in_the_unit_that_suits_them(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(3.75e12, "3.75\u202fTFLOP"), (12.0, "12\u202fFLOP"), (None, "\u2013")])
def test_large_numbers_have_prefixes(value: float | None, text: str) -> None:
    assert wording.si(value, "FLOP") == text


def test_bytes_are_in_binary_units() -> None:
    assert wording.size(8 * 2**30) == "8\u202fGiB"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"),
        (True, "true"),
        (0.1, "0.1"),
        (0.123456789, "0.1235"),
        (1.2e-6, "1.2e-06"),
        ("a", "a"),
        (4, "4"),
    ],
)
def test_levels_read_as_in_a_study_file(value: object, text: str) -> None:
    assert wording.level(value) == text


def test_budgets_are_words() -> None:
    assert wording.budget('{"steps": 1500}') == "1\u202f500 steps"
    assert wording.budget('{"reference_hours": 0.25}') == "0.25 reference hours"


def test_a_configuration_is_what_it_changes() -> None:
    baseline = {"depth": 2, "dropout": 0.0}
    assert wording.configuration({"depth": 4, "dropout": 0}, baseline) == "depth = 4"
    assert wording.configuration({"depth": 2, "dropout": 0.0}, baseline) == "baseline"
    assert wording.configuration({"depth": 2, "dropout": False}, baseline) == "dropout = false"


def test_lists_and_counts_are_english() -> None:
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
    assert wording.listed([]) == ""
    assert wording.count(1, "trial") == "1 trial"
    assert wording.count(1200, "trial") == "1\u202f200 trials"


def test_control_characters_are_shown_not_obeyed() -> None:
    assert wording.clean("a\x07b\u202ec\ud800\nd\x00") == "a\\x07b\\u202ec\\ud800 d\\x00"
    assert wording.clean("é你😀") == "é你😀"


@given(st.text())
def test_clean_text_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    found = wording.clean(text)
    assert wording.clean(found) == found
    assert found.encode().decode() == found
    assert not any(character < " " for character in found)


@given(st.text())
def test_file_names_are_plain(text: str) -> None:
    assert set(wording.slug(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert wording.slug(text)


def test_long_labels_are_cut() -> None:
    assert len(wording.label("x" * 100)) == 44
    assert wording.label("short") == "short"
