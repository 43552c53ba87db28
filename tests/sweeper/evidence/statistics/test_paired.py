"""Paired inference, against scipy, statsmodels and brute force."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.evidence.statistics.paired import (
    Estimate,
    PooledVariance,
    bootstrap_bca,
    contrast_t,
    paired_t,
    percent_change,
    pooled_variance,
    sign_flip_p,
)

# Student's own sleep data (1908, Biometrika 6), hours gained with two drugs; the textbook's paired t = -4.0621.
SLEEP_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])

differences = st.lists(st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 3)), min_size=2, max_size=30)


def pooled_t(differences, pooled):
    """The paired t of runs each of which is in one pair."""
    n = len(differences)
    return contrast_t(float(np.mean(differences)), [1 / n] * 2 * n, ["s"] * 2 * n, {"s": pooled}, n=n)


def test_students_sleep_data_give_the_published_t():
    estimate = paired_t(SLEEP_1 - SLEEP_2)
    assert estimate.value / estimate.standard_error == pytest.approx(-4.0621, abs=5e-5)
    assert estimate.p_two_sided() == pytest.approx(0.002833, abs=5e-7)
    assert estimate.interval() == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)


@given(differences)
def test_the_paired_t_is_scipys(values):
    estimate, expected = paired_t(values), stats.ttest_1samp
    if estimate.standard_error == 0:
        return
    oracle = expected(values, 0.0)
    assert estimate.p_two_sided() == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-12)
    assert estimate.interval() == pytest.approx(tuple(oracle.confidence_interval(0.95)), rel=1e-9, abs=1e-12)
    assert estimate.p_below(0.3) == pytest.approx(expected(values, 0.3, alternative="less").pvalue, rel=1e-9, abs=1e-12)
    assert estimate.p_above(0.3) == pytest.approx(
        expected(values, 0.3, alternative="greater").pvalue, rel=1e-9, abs=1e-12
    )


@given(differences, st.floats(-5, 5))
def test_the_two_one_sided_p_values_sum_to_one_or_more_and_never_both_reject(values, threshold):
    estimate = paired_t(values)
    assert estimate.p_below(threshold) + estimate.p_above(threshold) >= 1 - 1e-9


def test_one_pair_has_no_interval_and_tests_nothing():
    estimate = paired_t([0.5])
    assert (estimate.value, estimate.df, estimate.n) == (0.5, 0, 1)
    assert not estimate.decides
    assert np.isnan(estimate.interval()).all()
    assert (estimate.p_below(1.0), estimate.p_above(-1.0)) == (1.0, 1.0)


def test_no_pair_has_no_value():
    assert np.isnan(paired_t([]).value)
    assert paired_t([]).n == 0


def test_differences_without_variation_are_certain():
    estimate = paired_t([0.1, 0.1, 0.1])
    assert estimate.interval() == (estimate.value, estimate.value)
    assert estimate.p_above(0.0) == 0.0
    assert estimate.p_below(0.0) == 1.0


def test_variation_is_judged_beside_the_size_of_the_values():
    tiny, plain = paired_t([1e-20, 2e-20, 4e-20]), paired_t([1.0, 2.0, 4.0])
    assert tiny.p_two_sided() == pytest.approx(plain.p_two_sided())


def test_a_value_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        paired_t([1.0, np.nan])


def test_the_pooled_variance_is_the_residual_of_arm_plus_block_in_statsmodels():
    generator = np.random.default_rng(3)
    frame = pd.DataFrame([(arm, block) for arm in "abcde" for block in "123"], columns=["arm", "block"])
    frame = frame.drop([4, 11])  # incomplete
    frame["y"] = generator.normal(size=len(frame)) + frame["arm"].map(ord)
    fit = smf.ols("y ~ C(arm) + C(block)", frame).fit()
    pooled = pooled_variance(frame["y"], list(frame["arm"]), list(frame["block"]))
    assert pooled.df == fit.df_resid
    assert pooled.variance == pytest.approx(fit.mse_resid)


def test_thirteen_arms_with_three_seeds_leave_twenty_four_df():
    runs = list(product(range(13), range(3)))
    values = np.random.default_rng(0).normal(size=len(runs))
    assert pooled_variance(values, [arm for arm, _ in runs], [seed for _, seed in runs]).df == 24


def test_pooling_only_two_arms_changes_nothing():
    generator = np.random.default_rng(5)
    low, high = generator.normal(size=4), generator.normal(size=4)
    pooled = pooled_variance([*low, *high], ["l"] * 4 + ["h"] * 4, [*range(4), *range(4)])
    plain, with_pool = paired_t(high - low), pooled_t(high - low, pooled)
    assert with_pool.df == plain.df
    assert with_pool.interval() == pytest.approx(plain.interval())


def test_a_single_seed_leaves_nothing_to_pool():
    assert pooled_variance([1.0, 2.0, 3.0], ["a", "b", "c"], [0, 0, 0]).df == 0


def test_two_arms_with_two_seeds_leave_one_degree_of_freedom():
    found = pooled_variance([1.0, 2.0, 1.5, 2.9], ["a", "a", "b", "b"], [0, 1, 0, 1])
    assert (found.variance, found.df) == (pytest.approx(np.var([0.5, 0.9], ddof=1) / 2), 1)


def test_one_pair_has_an_interval_where_other_arms_tell_how_runs_vary():
    estimate = pooled_t([0.3], PooledVariance(0.02, 10))
    assert (estimate.n, estimate.df, estimate.standard_error) == (1, 10.0, pytest.approx(0.2))


def test_two_strata_get_satterthwaites_degrees_of_freedom():
    # Welch's t-test is the case of two groups: scipy's is the oracle.
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=6), generator.normal(scale=3.0, size=9)
    pooled = {"a": PooledVariance(a.var(ddof=1), 5), "b": PooledVariance(b.var(ddof=1), 8)}
    weights, strata = [1 / 6] * 6 + [1 / 9] * 9, ["a"] * 6 + ["b"] * 9
    estimate = contrast_t(a.mean() - b.mean(), weights, strata, pooled, n=6)
    oracle = stats.ttest_ind(a, b, equal_var=False)
    assert estimate.df == pytest.approx(oracle.df)
    assert estimate.p_two_sided() == pytest.approx(oracle.pvalue)


def test_strata_without_variation_keep_their_degrees_of_freedom_and_are_certain():
    pooled = {"a": PooledVariance(0.0, 4), "b": PooledVariance(0.0, 6)}
    estimate = contrast_t(0.25, [0.5, 0.5, 1.0], ["a", "a", "b"], pooled, n=1)
    assert (estimate.standard_error, estimate.df) == (0.0, 10.0)
    assert estimate.interval() == (0.25, 0.25)
    assert estimate.p_two_sided() == 0.0


def test_a_stratum_without_weight_takes_no_part():
    pooled = {"a": PooledVariance(1.0, 4), "b": PooledVariance(1.0, 6)}
    alone = contrast_t(0.25, [1.0], ["a"], pooled, n=1)
    assert contrast_t(0.25, [1.0, 0.0], ["a", "b"], pooled, n=1) == alone
    assert (alone.standard_error, alone.df, alone.method) == (1.0, 4.0, "paired t, pooled variance, 4 df")


def test_runs_that_are_the_sum_of_arm_and_block_leave_no_variance():
    values = [arm + block for arm in (0.1, 0.7, 1.3) for block in (100.0, 100.3, 100.9)]
    found = pooled_variance(values, [0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2] * 3)
    assert (found.variance, found.df) == (0.0, 4)


def test_the_bootstrap_is_scipys_bca_and_depends_only_on_its_generator():
    values = np.random.default_rng(2).exponential(size=20)
    first = bootstrap_bca(values, np.random.default_rng(7), resamples=999, expand=False)
    assert first == bootstrap_bca(values, np.random.default_rng(7), resamples=999, expand=False)
    oracle = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=999, rng=np.random.default_rng(7))
    assert first == pytest.approx(tuple(oracle.confidence_interval))


def test_an_expanded_bootstrap_of_eight_pairs_is_about_as_wide_as_the_t_interval():
    values = np.random.default_rng(4).normal(size=8)
    low, high = bootstrap_bca(values, np.random.default_rng(0))
    narrow_low, narrow_high = bootstrap_bca(values, np.random.default_rng(0), expand=False)
    t_low, t_high = paired_t(values).interval()
    assert (high - low) / (t_high - t_low) == pytest.approx(1.0, abs=0.15)
    assert (narrow_high - narrow_low) / (t_high - t_low) < 0.85


def test_the_level_is_raised_by_hesterbergs_formula():
    values = np.random.default_rng(4).normal(size=9)
    raised = 1 - 2 * stats.norm.sf(np.sqrt(9 / 8) * stats.t.ppf(0.95, 8))
    plain = bootstrap_bca(values, np.random.default_rng(0), level=raised, resamples=999, expand=False)
    assert bootstrap_bca(values, np.random.default_rng(0), level=0.9, resamples=999) == pytest.approx(plain)


def test_the_bootstrap_is_refused_below_eight_pairs_and_certain_without_variation():
    with pytest.raises(ValueError, match="n >= 8"):
        bootstrap_bca([1.0] * 7, np.random.default_rng(0))
    assert bootstrap_bca([2.0] * 8, np.random.default_rng(0)) == (2.0, 2.0)


@pytest.mark.parametrize("alternative", ["less", "greater", "two-sided"])
def test_sign_flips_are_counted_exactly(alternative):
    values = np.array([0.4, -0.1, 0.3, 0.2, 0.7, -0.2])
    means = [np.mean(values * signs) for signs in product([1, -1], repeat=6)]
    below = np.mean([mean <= values.mean() + 1e-12 for mean in means])
    above = np.mean([mean >= values.mean() - 1e-12 for mean in means])
    expected = {"less": below, "greater": above, "two-sided": min(1.0, 2 * min(below, above))}[alternative]
    assert sign_flip_p(values, np.random.default_rng(0), alternative=alternative) == pytest.approx(expected)


def test_no_pair_shows_nothing_by_sign_flips():
    assert sign_flip_p([], np.random.default_rng(0)) == 1.0


def test_a_p_value_of_a_threshold_is_that_of_the_difference_from_it():
    estimate = paired_t([0.5, 0.7, 0.6, 0.9])
    assert estimate.p_two_sided(0.4) == pytest.approx(paired_t([0.1, 0.3, 0.2, 0.5]).p_two_sided())


def test_three_pairs_can_never_show_anything_by_sign_flips():
    assert sign_flip_p([5.0, 6.0, 7.0], np.random.default_rng(0), alternative="greater") == pytest.approx(1 / 8)


def test_a_difference_of_logs_is_a_change_in_percent():
    assert percent_change(np.log(0.95)) == pytest.approx(-5.0)


def test_an_estimate_without_degrees_of_freedom_decides_nothing():
    assert not Estimate(value=1.0, standard_error=1.0, df=0, n=1, method="").decides
