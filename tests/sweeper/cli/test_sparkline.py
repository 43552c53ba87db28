"""Curves in a line of text."""

import math

from hypothesis import given
from hypothesis import strategies as st

from sweeper.cli.sparkline import ASCII, BARS, NOT_FINITE, sparkline


def test_a_falling_curve_falls() -> None:
    assert sparkline([8, 7, 6, 5, 4, 3, 2, 1], width=8) == BARS[::-1]
    assert sparkline([8, 7, 6, 5, 4, 3, 2, 1], width=8, bars=ASCII) == ASCII[::-1]


def test_ratios_count_on_a_logarithmic_scale() -> None:
    assert sparkline([1000.0, 100.0, 10.0], width=5, is_log=True) == "█▅▁"
    assert sparkline([1000.0, 100.0, 10.0], width=5) == "█▁▁"
    assert sparkline([1.0, 0.0, -1.0], width=5, is_log=True) == "█▅▁"


def test_a_flat_curve_is_in_the_middle_and_no_curve_is_nothing() -> None:
    assert sparkline([2.0, 2.0], width=5) == "▅▅"
    assert sparkline([], width=5) == ""


def test_what_is_not_finite_shows() -> None:
    assert sparkline([2.0, math.nan, 1.0], width=5) == "█!▁"
    assert sparkline([math.nan, math.inf], width=5) == NOT_FINITE * 2


@given(st.lists(st.floats(), max_size=90), st.integers(1, 30), st.booleans())
def test_any_curve_fits_its_width_and_ends_with_its_last_value(values: list[float], width: int, is_log: bool) -> None:
    line = sparkline(values, width=width, is_log=is_log)
    assert len(line) == min(len(values), width)
    assert set(line) <= {*BARS, NOT_FINITE}
    if values:
        assert (line[-1] == NOT_FINITE) is not math.isfinite(values[-1])
