"""Effects of several strata, against statsmodels and simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

from sweeper.evidence.statistics.heterogeneity import same_effect_p
from sweeper.evidence.statistics.paired import Estimate, paired_t


def test_strata_of_pairs_are_compared_by_welchs_anova():
    generator = np.random.default_rng(0)
    for _ in range(5):
        groups = [generator.normal(0.0, sd, size=n) for sd, n in ((1.0, 3), (2.0, 5), (0.5, 8))]
        oracle = anova_oneway(groups, use_var="unequal").pvalue
        assert same_effect_p([paired_t(group) for group in groups]) == pytest.approx(oracle, rel=1e-9)


def test_two_strata_are_compared_by_welchs_t():
    first, second = [0.1, 0.2, 0.4, 0.1], [0.9, 1.4, 0.8]
    oracle = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert same_effect_p([paired_t(first), paired_t(second)]) == pytest.approx(oracle, rel=1e-9)


def test_equal_effects_are_seldom_called_different():
    generator = np.random.default_rng(1)
    wrong = sum(
        same_effect_p([paired_t(generator.normal(0.3, sd, size=4)) for sd in (1.0, 10.0, 1.0)]) < 0.05
        for _ in range(1500)
    )
    assert wrong / 1500 <= 0.07


def test_effects_of_opposite_sign_are_found():
    effects = [paired_t(np.array([-0.01, 0.0, 0.01]) + mean) for mean in (-0.18, 0.035, 0.095)]
    assert same_effect_p(effects) < 1e-4


def test_strata_without_a_standard_error_are_left_out():
    assert same_effect_p([paired_t([1.0]), paired_t([1.0, 2.0])]) == 1.0
    assert same_effect_p([]) == 1.0


def test_effects_without_any_variation_differ_if_they_differ():
    def exact(value):
        return Estimate(value=value, standard_error=0.0, df=2, n=3, method="")

    assert same_effect_p([exact(1.0), exact(1.0)]) == 1.0
    assert same_effect_p([exact(1.0), exact(2.0)]) == 0.0
    assert not math.isnan(same_effect_p([exact(0.0), exact(0.0)]))
