"""Power against statsmodels and against simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from sweeper.evidence.statistics.power import power_one_sided, smallest_detectable


@given(st.floats(0.05, 2.0), st.floats(0.1, 10.0), st.integers(2, 60), st.sampled_from([0.05, 0.01, 0.05 / 12]))
def test_power_is_statsmodels(size, sd, n, alpha):
    oracle = TTestPower().power(effect_size=size, nobs=n, alpha=alpha, alternative="larger")
    assert power_one_sided(size * sd, sd, n, alpha=alpha) == pytest.approx(oracle, rel=1e-6, abs=1e-9)


def test_without_variation_every_effect_is_seen_and_none_is_seen_at_the_level_of_the_test():
    assert power_one_sided(1e-9, 0.0, 3) == 1.0
    assert power_one_sided(0.0, 0.0, 3, alpha=0.03) == 0.03
    assert power_one_sided(-1e-9, 0.0, 3) == 0.0
    assert smallest_detectable(0.0, 3) == 0.0


def test_an_effect_far_beyond_its_noise_is_surely_seen_or_surely_not():
    assert power_one_sided(1e4, 1.0, 30) == 1.0
    assert power_one_sided(-1e4, 1.0, 30) == 0.0


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
    assert power_one_sided(1.0, 1.0, 5, df=0) == 0.0
    assert power_one_sided(1.0, 1.0, 0, df=4) == 0.0
    assert math.isnan(smallest_detectable(1.0, 1))
    assert math.isnan(smallest_detectable(1.0, 0, df=4))
    assert math.isnan(smallest_detectable(math.nan, 5))


def test_what_can_be_detected_with_a_pooled_variance_is_seen_with_its_degrees_of_freedom():
    effect = smallest_detectable(2.0, 3, alpha=0.01, df=24)
    assert power_one_sided(effect, 2.0, 3, alpha=0.01, df=24) == pytest.approx(0.8, abs=1e-6)
    assert effect < smallest_detectable(2.0, 3, alpha=0.01)
