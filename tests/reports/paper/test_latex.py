"""Text and numbers in LaTeX and in Markdown."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.paper.content import Amount, Head, PaperTable, Words
from reports.paper.digits import Digits, digits
from reports.paper.latex import amount, comment, escaped
from reports.paper.markdown_tables import markdown_table
from tests.reports.paper.papers import FOREIGN, SPECIALS


@pytest.mark.parametrize(
    ("value", "half", "expected"),
    [
        (38.8312, 0.3013, Digits("38.83", "0.30")),
        (38.8312, 4.06, Digits("38.8", "4.1")),
        (38.8312, 0.0997, Digits("38.83", "0.10")),
        (138.8, 34.2, Digits("139", "34")),
        (1234.567, math.nan, Digits("1235")),
        (0.012345, math.nan, Digits("0.01235")),
        (0.0, math.nan, Digits("0")),
        (-0.001, 0.1, Digits("0.00", "0.10")),
        (5.0, 0.0, Digits("5.000", "0")),
        (1.2345e12, 3e10, Digits("1.234", "0.030", 12)),
        (-1.2341e-7, 3e-9, Digits("-1.234", "0.030", -7)),
        (1e-12, 3.0, Digits("0.0", "3.0")),
        (1.5e300, math.nan, Digits("1.500", "", 300)),
        (3e-310, math.nan, Digits("3.000", "", -310)),
    ],
)
def test_numbers_are_rounded_by_their_intervals(value, half, expected) -> None:
    assert digits(value, half) == expected


@given(st.floats(-1e308, 1e308), st.floats(0, 1e300))
def test_any_number_reads_as_itself(value, half) -> None:
    found = digits(value, half)
    exact = float(f"{found.value}e{found.power}")
    assert math.isclose(exact, value, rel_tol=0.05, abs_tol=max(half, abs(value) * 1e-3))
    assert len(found.value) < 20


def test_numbers_in_mathematics() -> None:
    assert amount(38.8312, 0.3013, bold=True) == r"\ensuremath{\mathbf{38.83} \pm 0.30}"
    assert amount(1.2345e12, 3e10) == r"\ensuremath{(1.234 \pm 0.030) \times 10^{12}}"
    assert amount(12.34, 0.21, bare=True, sign=True) == r"\ensuremath{+12.34}"
    assert amount(-12.34, 0.21, bare=True, sign=True) == r"\ensuremath{-12.34}"
    assert (amount(math.nan), amount(-math.inf)) == ("--", r"\ensuremath{-\infty}")


def test_special_characters_are_text() -> None:
    assert escaped("a_b 5%") == r"a\_b 5\%"
    shown = escaped(SPECIALS)
    assert re.search(r"(?<!\\)[%$&#_]", shown) is None
    assert r"\textasciitilde{}" in shown
    assert r"\textbackslash{}" in shown
    assert escaped("a -- b") == "a -{}-{} b"


def test_foreign_letters_are_commands_or_code_points() -> None:
    shown = escaped(FOREIGN)
    assert shown.isascii()
    assert shown.startswith(r"\'{e}\~{n}\"{u}\v{r} \ensuremath{\alpha}\ensuremath{\Delta} \ensuremath{\leq}")
    assert "U+4E2D" in shown
    assert "U+1F600" in shown


@given(st.text(max_size=60))
def test_any_text_is_ascii_with_braces_that_close(text) -> None:
    shown = escaped(text)
    assert shown.isascii()
    assert "\n" not in shown
    bare = shown.replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
    assert "\n" not in comment(text)


def test_long_names_may_break() -> None:
    pieces = escaped("x" * 200).split(r"\allowbreak{}")
    assert max(map(len, pieces)) <= 12
    assert "".join(pieces) == "x" * 200


def test_markdown_says_the_same() -> None:
    table = PaperTable(
        name="t",
        caption="A | B",
        heads=(Head(title="Name"), Head(title="mean", group="ptb", number=True)),
        rows=((Words("a|b*c_d"), Amount(value=38.8312, half=0.3013, bold=True, marks="\u2020", failed="1/3")),),
        notes=("k/n",),
    )
    assert markdown_table(table).splitlines() == [
        r"**A \| B**", "", "| Name | ptb, mean |", "| --- | ---: |",
        "| a\\|b\\*c\\_d | **38.83** \u00b1 0.30\u2020 (1/3) |", "", "k/n",
    ]  # fmt: skip


def test_lines_break_within_long_names_and_not_within_words_of_prose() -> None:
    assert "break" not in escaped("Configuration undistinguished hyperparameters")
    assert escaped("a" * 30).count("break") == 2
