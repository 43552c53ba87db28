import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [(87.2345, "87.23"), (1234.5678, "1234.57"), (3.14159, "3.142"), (math.nan, "\u2013"), (2e7, "2.000e7")],
)
def test_perplexities_have_two_decimals(value: float, text: str) -> None:
    assert wording.perplexity(value) == text


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


def test_budgets_are_words() -> None:
    assert wording.budget('{"steps": 1500}') == "1\u202f500 steps"
    assert wording.budget('{"steps": 1}') == "1 step"
    assert wording.budget('{"epochs": 6.0}') == "6 epochs"
    assert wording.budget('{"reference_hours": 1.0}') == "1 reference hour"
    assert wording.budget('{"reference_hours": 0.25}') == "0.25 reference hours"


def test_a_configuration_is_what_it_changes() -> None:
    baseline = {"depth": 2, "dropout": 0.0}
    assert wording.configuration({"depth": 4, "dropout": 0}, baseline) == "depth = 4"
    assert wording.configuration({"depth": 2, "dropout": 0.0}, baseline) == "baseline"
    assert wording.configuration({"depth": 2, "dropout": False}, baseline) == "dropout = false"


@given(st.text())
def test_file_names_are_plain(text: str) -> None:
    assert set(wording.slug(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert wording.slug(text)


def test_long_labels_are_cut() -> None:
    assert len(wording.label("x" * 100)) == 44
    assert wording.label("short") == "short"


def test_long_names_are_brief_in_running_text() -> None:
    short = "dropout = 0.1, layers = [1, 2]"
    assert wording.brief(short) == short
    long = f"{'x' * 200} = {'y' * 90}end"
    assert wording.brief(long).startswith("x" * 19 + "\u2026x")
    assert wording.brief(long).endswith("yend")
    assert len(wording.brief(long)) < 90
    many = ", ".join(f"factor_{place} = [0, {place}]" for place in range(30))
    assert wording.brief(many).startswith("factor_0 = [0, 0], factor_1 = [0, 1]")
    assert wording.brief(many).endswith(" more changes")
