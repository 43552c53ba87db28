"""Holm against its published example and its definition; intersections and unions."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from sweeper.evidence.statistics.multiplicity import all_of, any_of, holm


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
