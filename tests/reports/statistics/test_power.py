"""Power against statsmodels and against simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from reports.statistics.power import pairs_needed, power_one_sided, smallest_detectable


@given(st.floats(0.05, 2.0), st.integers(2, 60), st.sampled_from([0.05, 0.01, 0.05 / 12]))
def test_power_is_statsmodels(effect, n, alpha):
    oracle = TTestPower().power(effect_size=effect, nobs=n, alpha=alpha, alternative="larger")
    assert power_one_sided(effect, 1.0, n, alpha=alpha) == pytest.approx(oracle, rel=1e-6, abs=1e-9)


def test_cohens_table_of_paired_sample_sizes_comes_out():
    # d = 0.5, two-sided 5 % (each side 2.5 %), power 0.8: 34 pairs, as in Cohen's and G*Power's tables.
    assert pairs_needed(0.5, 1.0, alpha=0.025) == 34
    assert pairs_needed(-0.5, 1.0, alpha=0.025) == 34


def test_pooled_degrees_of_freedom_need_fewer_pairs():
    assert pairs_needed(2.0, 1.0, alpha=0.05 / 12) > pairs_needed(2.0, 1.0, alpha=0.05 / 12, df_per_pair=12)


def test_no_number_of_pairs_decides_nothing():
    assert pairs_needed(0.0, 1.0) is None
    assert pairs_needed(1e-6, 1.0) is None
    assert pairs_needed(math.nan, 1.0) is None


def test_no_variation_needs_two_pairs():
    assert pairs_needed(0.1, 0.0) == 2


@given(st.integers(2, 40), st.floats(0.1, 5.0))
def test_the_smallest_detectable_effect_is_seen_with_the_power_asked_for(n, sd):
    effect = smallest_detectable(sd, n, alpha=0.05)
    assert power_one_sided(effect, sd, n, alpha=0.05) == pytest.approx(0.8, abs=1e-6)


def test_power_is_what_simulation_gives():
    generator = np.random.default_rng(0)
    samples = generator.normal(0.8, 1.0, size=(20_000, 6))
    rejected = stats.ttest_1samp(samples, 0.0, axis=1, alternative="greater").pvalue < 0.05
    assert rejected.mean() == pytest.approx(power_one_sided(0.8, 1.0, 6), abs=0.01)


def test_a_design_without_degrees_of_freedom_sees_nothing():
    assert power_one_sided(1.0, 1.0, 1) == 0.0
    assert math.isnan(smallest_detectable(1.0, 1))
