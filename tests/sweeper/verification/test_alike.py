"""What counts as the same when it is made twice: rounding is, another number is not."""

import math

import pytest

from sweeper.verification.alike import differing_numbers, same_number, same_table, same_text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("3.25% lower (p = 0.0180)", "3.26% lower (p = 0.0181)", True),
        ("\u22123.25%", "\u22123.26%", True),
        ("1,234.5 s", "1,234.6 s", True),
        ("M10.25,7.5L3.1,4", "M10.26,7.5L3.1,4", True),
        ("1.25e-7", "1.26e-07", True),
        ("3.25% lower", "3.27% lower", False),
        ("3.25% lower", "3.25% higher", False),
        ("\u22123.25%", "3.25%", False),
        ("3 seeds", "4 seeds", False),
        ("look 1 of 12", "look 2 of 12", False),
        ("version 0.1.0", "version 0.2.0", False),
        ("1.25e-7", "1.25e-6", False),
        ("9.99e-5", "1.00e-4", True),
        ("0.25", "0.2499", True),
        ("85.42", "0.0e3", False),
        ("85.42", "1.0e400", False),
        ("85.42", f"1.0e{'9' * 5000}", False),
    ],
)
def test_texts_are_the_same_up_to_the_last_place_of_decimals(one: str, other: str, same: bool) -> None:
    assert same_text(one, other) is same
    assert same_text(other, one) is same


def test_a_long_row_of_thousands_is_read_once() -> None:
    row = "1" + ",111" * 200_000  # took hours when every group was tried as the start of a number
    assert not same_text(row, f"{row}1")


def test_numbers_are_the_same_up_to_a_tolerance() -> None:
    assert same_number(math.nan, math.nan)
    assert not same_number(math.nan, 1.0)
    assert same_number(math.inf, math.inf)
    assert same_number(1.0, 1.0 + 1e-7)
    assert not same_number(1.0, 1.0 + 1e-5)
    assert same_number(1.0, 1.0 + 1e-5, relative=1e-3)


def test_tables_are_the_same_up_to_rounding() -> None:
    assert same_table(b"a,b\r\nx,1.0\r\n", b"a,b\r\nx,1.00000001\r\n")
    for changed in (
        b"a,b\r\nx,1.1\r\n",
        b"a,c\r\nx,1.0\r\n",
        b"a,b\r\ny,1.0\r\n",
        b"a,b\r\n",
        b"\xff",
        b"a,b\r\nx\r\n",
    ):
        assert not same_table(changed, b"a,b\r\nx,1.0\r\n")


def test_numbers_of_tables_are_matched_by_their_rows_whatever_their_order() -> None:
    ours = b"stratum,name,mean,note\r\nwiki,a,1.0,new words\r\nwiki,b,2.0,\r\nptb,a,3.0,\r\n"
    theirs = b"stratum,name,mean,extra\r\nptb,a,3.001,5\r\nwiki,b,2.5,5\r\nwiki,a,1.0,5\r\n"
    assert differing_numbers(theirs, ours) == ["mean of wiki, b is recorded as 2.5, not 2.0"]
    assert differing_numbers(ours, ours) == []
    assert differing_numbers(b"stratum,name,mean\r\nwiki,a,1.0\r\n", ours) is None
    assert differing_numbers(b"\xff", ours) is None
