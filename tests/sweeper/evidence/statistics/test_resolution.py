"""The digits of a metric, against decimal arithmetic, and the rounding error, against simulation."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.evidence.statistics.resolution import resolution, rounding_error, significant_digits


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([83.2, 83.25], 0.01),
        ([7, 12], 1.0),
        ([80, 200], 10.0),
        ([100.0, 99.999], 0.001),
        ([91.30000000000001, 91.2], 0.1),  # 0.913 * 100 and the like
        ([0.1 + 0.2], 0.1),
        ([1e-5, 3.2e-5], 1e-6),
        ([-5.5, 0.0], 0.1),
        ([1.2e9, 1.3e9], 1e8),
        ([math.nan, 2.5, math.inf], 0.1),
    ],
)
def test_the_resolution_is_the_last_digit_that_any_value_has(values, step):
    assert resolution(values) == step


def test_values_without_a_digit_have_no_resolution():
    assert math.isnan(resolution([0.0, 0.0]))
    assert math.isnan(resolution([math.nan]))
    assert math.isnan(resolution([]))


@given(st.lists(st.integers(-(10**6), 10**6).filter(bool), min_size=1, max_size=20), st.integers(0, 5))
def test_every_value_is_a_whole_number_of_steps_and_not_of_ten_of_them(numbers, decimals):
    values = [Decimal(number).scaleb(-decimals) for number in numbers]
    step = Decimal(repr(resolution([float(value) for value in values])))
    assert all(value % step == 0 for value in values)
    assert any(value % (10 * step) for value in values)


def test_values_of_full_precision_have_a_step_of_nearly_nothing():
    values = np.random.default_rng(0).normal(80.0, 1.0, 12)
    assert resolution(values) < 1e-9


def test_n_pairs_have_the_error_of_their_rounding():
    for n in (1, 3, 10):
        weights = np.repeat([1 / n, -1 / n], n)
        assert rounding_error(weights, np.full(2 * n, 0.01)) == pytest.approx(0.01 / math.sqrt(6 * n))


def test_rounding_alone_gives_the_error_that_simulation_finds():
    generator = np.random.default_rng(1)
    truth = generator.uniform(80, 90, size=(20_000, 2, 4))
    error = (np.round(truth, 1) - truth).mean(axis=2)
    expected = rounding_error(np.repeat([0.25, -0.25], 4), np.full(8, 0.1))
    assert (error[:, 0] - error[:, 1]).std() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("questions", [30, 7, 128, 7600])
def test_shares_of_a_number_of_questions_have_steps_of_one_question(questions):
    right = [questions // 2 + each for each in (0, 0, 1, 3, 4)]
    assert resolution([each / questions for each in right]) == pytest.approx(1 / questions)
    assert resolution([100 * each / questions for each in right]) == pytest.approx(100 / questions)


def test_a_step_may_be_a_part_of_the_smallest_gap():
    assert resolution([each / 30 for each in (10, 13, 15, 20)]) == pytest.approx(1 / 30)


def test_values_of_no_lattice_keep_their_last_digit():
    generator = np.random.default_rng(1)
    for size in (3, 6, 30):
        found = [resolution(np.exp(generator.normal(size=size))) for _ in range(300)]
        assert max(found) < 1e-9
    assert resolution([0.9991, 1.0003, 1.0012]) == 1e-4  # 9 and 12 steps of four decimals: three may be chance
    assert resolution([23 / 30, 24 / 30]) < 1e-9  # any two values have one gap


def test_digits_are_counted_from_the_first_that_is_not_zero():
    assert [significant_digits(each) for each in (0.0, 1.0, 0.05, 100.0, 0.913, -1.1234)] == [0, 1, 1, 1, 3, 5]
