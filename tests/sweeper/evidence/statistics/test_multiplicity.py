"""Holm against its published example and its definition; intersections and unions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from sweeper.evidence.statistics.multiplicity import all_of, any_of, holm, tost
from sweeper.evidence.statistics.paired import paired_t


def test_a_worked_example():
    # Four tests of .01, .04, .03, .005, as in the usual textbook table: adjusted .03, .06, .06, .02.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


@settings(max_examples=10)  # statsmodels takes 40 ms a call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(tuple(multipletests(p_values, method="holm")[1]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_follows_its_definition(p_values):
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    expected, running = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[place]))
        expected[place] = running
    assert holm(p_values) == pytest.approx(expected)


def test_a_test_that_could_not_be_made_still_counts():
    assert holm([0.02, math.nan, math.nan])[0] == pytest.approx(0.06)
    assert holm([math.nan]) == (1.0,)
    assert holm([]) == ()


def test_all_must_be_shown_by_the_weakest_and_any_by_the_strongest():
    assert all_of([0.01, 0.04]) == 0.04
    assert any_of([0.01, 0.04]) == 0.02
    assert any_of([0.7, 0.9]) == 1.0


@given(st.integers(0, 10_000), st.floats(0.05, 2.0))
def test_tost_is_statsmodels(seed, margin):
    values = np.random.default_rng(seed).normal(0.1, 0.5, size=8)
    oracle = DescrStatsW(values).ttost_mean(-margin, margin)[0]
    assert tost(paired_t(values), -margin, margin).p_equivalent == pytest.approx(oracle, rel=1e-9, abs=1e-12)


@given(st.integers(0, 10_000))
def test_equivalence_at_five_percent_is_a_ninety_percent_interval_within_the_margins(seed):
    estimate = paired_t(np.random.default_rng(seed).normal(0.1, 0.3, size=6))
    low, high = estimate.interval(0.90)
    assert (tost(estimate, -0.4, 0.4).p_equivalent < 0.05) == (low > -0.4 and high < 0.4)


def test_a_clear_difference_is_shown_to_be_none_of_equivalence():
    found = tost(paired_t([1.0, 1.1, 0.9, 1.0]), -0.1, 0.1)
    assert found.p_different < 0.001
    assert found.p_equivalent > 0.99


def test_margins_out_of_order_are_refused():
    with pytest.raises(ValueError, match="low <= high"):
        tost(paired_t([1.0, 2.0]), 0.1, -0.1)
