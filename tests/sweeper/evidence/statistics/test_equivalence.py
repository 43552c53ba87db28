"""TOST against statsmodels and against the interval that it is equal to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from sweeper.evidence.statistics.equivalence import tost
from sweeper.evidence.statistics.paired import paired_t


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
