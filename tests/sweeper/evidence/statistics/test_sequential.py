"""Repeated looks: what is spent, p-values that hold whenever one stops, and when to give up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.evidence.statistics.sequential import EXPONENTS, conditional_power, sequential_p, spent

SPENDINGS = sorted(EXPONENTS)
LOOKS = st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(1e-6, 1.0)), min_size=1, max_size=8)


@pytest.mark.parametrize("spending", SPENDINGS)
def test_nothing_is_spent_at_first_and_all_at_the_end(spending):
    shares = [spent(fraction, spending) for fraction in (-0.5, 0.0, 0.25, 0.5, 1.0, 1.5)]
    assert shares == sorted(shares)
    assert (shares[0], shares[1], shares[-2], shares[-1]) == (0.0, 0.0, 1.0, 1.0)


def test_obrien_and_fleming_spend_late_and_pocock_evenly():
    assert spent(0.5, "obrien-fleming") == 0.125
    assert spent(0.5, "pocock") == 0.5


def test_one_look_at_the_end_is_the_p_value_itself():
    assert sequential_p([(1.0, 0.03)], "obrien-fleming") == 0.03
    assert sequential_p([], "pocock") == 1.0


def test_each_look_pays_for_the_information_that_it_adds():
    assert sequential_p([(0.5, 0.01), (1.0, 0.04)], "pocock") == pytest.approx(0.02)
    assert sequential_p([(0.5, 0.01), (1.0, 0.04)], "obrien-fleming") == pytest.approx(0.04 / 0.875)
    assert sequential_p([(0.5, 0.2), (0.5, 1e-9), (1.0, 0.4)], "pocock") == pytest.approx(0.4)


@pytest.mark.parametrize("spending", SPENDINGS)
@given(looks=LOOKS)
def test_a_further_look_never_takes_back_what_was_shown(spending, looks):
    values = [sequential_p(looks[:num], spending) for num in range(len(looks) + 1)]
    assert values == sorted(values, reverse=True)
    assert 0.0 <= values[-1] <= 1.0


@pytest.mark.parametrize("spending", SPENDINGS)
def test_stopping_at_the_first_good_look_errs_in_no_more_than_five_studies_of_a_hundred(spending):
    """Paired t-tests after 2, 3, 4 and 5 seeds where there is no effect; without spending, 11 % would err."""
    num, seeds = 20_000, 5
    draws = np.random.default_rng(7).normal(size=(num, seeds))
    looks = range(2, seeds + 1)
    p = np.array(
        [stats.t.sf(draws[:, :n].mean(axis=1) / (draws[:, :n].std(axis=1, ddof=1) / n**0.5), n - 1) for n in looks]
    )
    assert (p.min(axis=0) <= 0.05).mean() > 0.1
    shares = np.diff([spent(n / seeds, spending) for n in (0, *looks)])
    held = (p / shares[:, None]).min(axis=0)
    assert (
        held[0]
        == pytest.approx(
            min(1.0, sequential_p([(n / seeds, float(each[0])) for n, each in zip(looks, p, strict=True)], spending)),
            rel=1e-9,
        )
        or held[0] > 1
    )
    assert 0.025 < (held <= 0.05).mean() <= 0.052


def test_conditional_power_is_that_of_the_b_value():
    # Lan and Wittes (1988): B(t) = Z sqrt(t) goes on with the drift Z / sqrt(t).
    z, fraction, level = 1.5, 0.5, 0.025
    expected = stats.norm.sf((stats.norm.isf(level) - z / fraction**0.5) / (1 - fraction) ** 0.5)
    assert conditional_power(float(stats.norm.sf(z)), fraction, level) == pytest.approx(expected)


def test_conditional_power_agrees_with_going_on():
    generator, n, of, level = np.random.default_rng(3), 20, 40, 0.05
    total = 6.0  # of the first 20 draws with variance 1
    p = float(stats.norm.sf(total / n**0.5))
    ends = (total + generator.normal(total / n, 1.0, size=(20_000, of - n)).sum(axis=1)) / of**0.5
    assert conditional_power(p, n / of, level) == pytest.approx((ends > stats.norm.isf(level)).mean(), abs=0.01)


def test_at_the_end_and_at_the_edges_it_is_certain():
    assert conditional_power(0.01, 1.0, 0.05) == 1.0
    assert conditional_power(0.06, 1.0, 0.05) == 0.0
    assert conditional_power(0.0, 0.5, 0.05) == 1.0
    assert conditional_power(1.0, 0.5, 0.05) == 0.0
    assert conditional_power(0.01, 0.5, 0.0) == 0.0
