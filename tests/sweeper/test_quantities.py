"""Amounts in words: the unit fits, and there are no exponents, however small or large."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.quantities import byte_size, counted, device_hours, duration, hours


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.04, "0 s"), (0.44, "0.4 s"), (45, "45 s"), (150, "2 min"), (4000, "67 min"), (7500, "2 h 5 min"),
        (273600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.0000685, "0.0000685"), (0.25, "0.25"), (1, "1"), (12.34, "12.3"), (568, "568"), (1234.56, "1,234.6")],
)
def test_hours_have_three_digits_and_never_an_exponent(number: float, text: str) -> None:
    assert hours(number) == text


@given(st.floats(0, 1e9))
def test_hours_are_right_to_three_digits(number: float) -> None:
    text = hours(number)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(number, rel=0.005)


@pytest.mark.parametrize(
    ("number", "text"), [(1.0, "1 device-hour"), (1.004, "1 device-hour"), (0.5, "0.5 device-hours")]
)
def test_one_device_hour_is_one(number: float, text: str) -> None:
    assert device_hours(number) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 trials"), (1, "1 trial"), (10_000, "10,000 trials")])
def test_counts_agree_with_their_noun(number: int, text: str) -> None:
    assert counted(number, "trial") == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.4e3, "1.4 kB"), (12e6, "12 MB"), (0.34e9, "0.34 GB"), (123e9, "123 GB"), (2.5e12, "2,500 GB")],
)
def test_bytes_are_said_in_the_unit_that_fits(number: float, text: str) -> None:
    assert byte_size(number) == text
