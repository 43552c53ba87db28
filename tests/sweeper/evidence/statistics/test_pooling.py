"""Variances of strata and the arms that leave them, against statsmodels and simulation."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from sweeper.errors import UsageError
from sweeper.evidence.statistics.paired import pooled_variance
from sweeper.evidence.statistics.pooling import stratum_variance


def a_stratum(generator, *, arms=5, seeds=4, lost=0.0, factor=1.0):
    """A frame of runs whose last arm varies more by a factor."""
    frame = pd.DataFrame([(arm, seed) for arm in range(arms) for seed in range(seeds)], columns=["arm", "seed"])
    spread = np.where(frame["arm"] == arms - 1, factor, 1.0)
    frame["value"] = 4.6 + 0.1 * frame["arm"] + 0.3 * frame["seed"] + spread * generator.normal(size=len(frame))
    return frame[generator.uniform(size=len(frame)) >= lost]


def pooled(frame, **options):
    return stratum_variance(frame["value"], frame["arm"].tolist(), frame["seed"].tolist(), **options)


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_without_a_test_the_pool_is_the_residual_variance_of_all_runs(lost):
    frame = a_stratum(np.random.default_rng(3), lost=lost)
    fit = smf.ols("value ~ C(arm) + C(seed)", frame).fit()
    found = pooled(frame, level=0.0).pooled
    assert found.variance == pytest.approx(fit.mse_resid)
    assert found.df == fit.df_resid
    assert pooled_variance(frame["value"], frame["arm"].tolist(), frame["seed"].tolist()).variance == pytest.approx(
        fit.mse_resid
    )


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_the_test_of_an_arm_is_the_f_test_of_a_fit_without_it(lost):
    frame = a_stratum(np.random.default_rng(4), lost=lost)
    found = pooled(frame, level=0.0)
    whole = smf.ols("value ~ C(arm) + C(seed)", frame).fit()
    for arm in frame["arm"].unique():
        rest = smf.ols("value ~ C(arm) + C(seed)", frame[frame["arm"] != arm]).fit()
        df = whole.df_resid - rest.df_resid
        ratio = (whole.ssr - rest.ssr) / df / rest.mse_resid
        assert found.own[arm].df == df
        assert found.own[arm].variance == pytest.approx((whole.ssr - rest.ssr) / df)
        assert found.p[arm] == pytest.approx(stats.f.sf(ratio, df, rest.df_resid), rel=1e-8)


def test_p_values_of_arms_that_vary_alike_are_uniform():
    generator = np.random.default_rng(5)
    found = [pooled(a_stratum(generator, seeds=6, lost=0.1), level=0.0).p[0] for _ in range(300)]
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_an_arm_that_varies_ten_times_as_much_leaves_the_pool():
    generator = np.random.default_rng(6)
    left = kept = 0
    variances = []
    for _ in range(200):
        found = pooled(a_stratum(generator, arms=13, seeds=3, factor=10.0))
        left += 12 in found.outlying
        kept += not found.outlying
        variances.append(found.pooled.variance if found.outlying == {12} else np.nan)
    assert left / 200 > 0.75
    assert np.nanmean(variances) == pytest.approx(1.0, abs=0.1)  # of the arms that vary alike


def test_of_arms_that_vary_alike_about_one_in_fifty_leaves_the_pool():
    generator = np.random.default_rng(7)
    left = [len(pooled(a_stratum(generator, arms=8, seeds=4)).outlying) for _ in range(400)]
    assert 0.01 < np.mean(left) / 8 < 0.035


def test_two_outlying_arms_leave_one_after_the_other():
    generator = np.random.default_rng(80)
    values = generator.normal(size=(12, 6)) * np.where(np.arange(12) < 10, 1.0, 30.0)[:, None]
    found = stratum_variance(values.ravel(), np.repeat(np.arange(12), 6).tolist(), np.tile(np.arange(6), 12).tolist())
    assert found.outlying == {10, 11}
    assert found.pooled.df == 9 * 5


def test_at_least_half_of_the_arms_stay():
    values = np.random.default_rng(9).normal(size=(6, 8)) * np.array([1, 1, 1, 100, 1e4, 1e6])[:, None]
    found = stratum_variance(values.ravel(), np.repeat(np.arange(6), 8).tolist(), np.tile(np.arange(8), 6).tolist())
    assert found.outlying == {3, 4, 5}
    assert found.pooled.df == 2 * 7


def test_two_arms_cannot_be_told_apart():
    found = stratum_variance([0.0, 0.0, 1.0, 9.0], ["a", "a", "b", "b"], [0, 1, 0, 1])
    assert not found.outlying
    assert found.p == {"a": 1.0, "b": 1.0} or not found.own
    assert found.pooled.df == 1


def test_arms_with_one_seed_have_no_variance():
    found = stratum_variance([1.0, 2.0], ["a", "b"], [0, 0])
    assert found.pooled.df == 0
    assert np.isnan(found.pooled.variance)
    assert not found.own


def test_an_arm_stands_out_for_its_own_pairs_before_it_leaves_the_pool():
    generator = np.random.default_rng(10)
    between = 0
    for _ in range(200):
        found = pooled(a_stratum(generator, arms=6, seeds=3, factor=3.0))
        between += found.stands_out(5) and 5 not in found.outlying
        assert found.stands_out(5, among=0) == (5 in found.outlying)
        assert found.stands_out(5) or not found.stands_out(5, among=2)
        assert not found.stands_out("unknown")
    assert between > 10


def test_values_that_hardly_have_digits_vary_by_their_resolution_at_least():
    values = [80.1, 80.1, 80.1, 80.2, 80.2, 80.2, 80.3, 80.3, 80.4]
    arms, seeds = ["a"] * 3 + ["b"] * 3 + ["c"] * 3, [0, 1, 2] * 3
    bare, floored = (stratum_variance(values, arms, seeds, least=least) for least in (0.0, 0.1**2 / 12))
    assert bare.outlying == {"c"}  # beside arms that do not vary at all
    assert bare.pooled.variance == 0.0
    assert not floored.outlying
    assert floored.pooled.variance >= 0.1**2 / 12


def test_seeds_that_differ_by_far_more_than_their_residuals_leave_no_rounding():
    values = [seed * 1e6 + arm for arm in range(4) for seed in range(3)]
    found = stratum_variance(values, np.repeat(range(4), 3).tolist(), np.tile(range(3), 4).tolist())
    assert found.pooled.variance == 0.0


def test_the_arm_that_varies_most_is_tested_at_a_larger_level_than_the_others():
    generator = np.random.default_rng(11)
    most = others = 0
    for _ in range(400):
        found = pooled(a_stratum(generator, arms=13, seeds=3), level=0.0)
        shown = [arm for arm in range(13) if found.stands_out(arm)]
        most += found.stands_out(found.most_varying)
        others += len(set(shown) - {found.most_varying})
    assert most / 400 > 0.9  # at the level of the others it would be 0.6
    assert others / 400 / 12 < 0.06


def test_a_reference_stands_out_only_if_it_varies_most_and_at_a_level_of_its_own():
    generator = np.random.default_rng(12)
    alike = noisy = 0
    for _ in range(400):
        found = pooled(a_stratum(generator, arms=13, seeds=3))
        alike += found.stands_out(0, is_reference=True)
        others = [arm for arm in range(13) if found.stands_out(arm, is_reference=True)]
        assert set(others) <= found.outlying | {found.most_varying}
        noisy += pooled(a_stratum(generator, arms=13, seeds=3, factor=5.0)).stands_out(12, is_reference=True)
    assert alike / 400 < 0.1  # all comparisons of a study pay for it at once
    assert noisy / 400 > 0.75


def test_a_stratum_without_repeats_has_no_arm_that_varies_most():
    assert stratum_variance([1.0, 2.0], ["a", "b"], [0, 0]).most_varying is None


@pytest.mark.parametrize("huge", [[1.0, 1.1, 1e9], [1.0, 1.1, 1e17], [0.0, 1e12, -1e15], [1e17, 1e17, 1e17]])
def test_an_arm_with_huge_values_changes_nothing_for_the_others(huge):
    values, arms, seeds = [1.0, 1.3, 1.1, 0.9, 1.1, 1.05], ["a"] * 3 + ["b"] * 3, [0, 1, 2] * 2
    alone = stratum_variance(values, arms, seeds)
    beside = stratum_variance([*values, *huge], [*arms, "c", "c", "c"], [*seeds, 0, 1, 2])
    assert beside.pooled.variance > 0.4 * alone.pooled.variance
    if huge[0] != huge[2]:
        assert beside.outlying == {"c"}
        assert beside.pooled.variance == pytest.approx(alone.pooled.variance)
        assert beside.pooled.df == alone.pooled.df


def test_runs_that_are_fitted_without_a_residual_change_nothing():
    frame = a_stratum(np.random.default_rng(9), lost=0.2)
    lone = pd.DataFrame({"arm": [0, 1, *range(10, 15)], "seed": [*range(70, 76), 0], "value": 1e3})
    found, more = pooled(frame), pooled(pd.concat([lone, frame]))
    assert (more.pooled.df, more.own.keys(), more.outlying) == (found.pooled.df, found.own.keys(), found.outlying)
    assert more.pooled.variance == pytest.approx(found.pooled.variance, rel=1e-9)
    assert list(more.p.values()) == pytest.approx([found.p[arm] for arm in more.p], rel=1e-6)


def test_columns_of_a_thousand_levels_fit_into_memory_or_are_refused():
    names = list(range(4000))
    assert pooled(pd.DataFrame({"arm": names, "seed": [each % 1000 for each in names], "value": 1.0})).pooled.df == 0
    assert pooled(pd.DataFrame({"arm": [each % 4 for each in names], "seed": names, "value": 1.0})).pooled.df == 0
    generator = np.random.default_rng(1)
    twice = pd.DataFrame(generator.integers(0, 1000, size=(4000, 2)), columns=["arm", "seed"]).assign(value=1.0)
    with pytest.raises(UsageError, match=r"configurations that share \d+ seeds are too many .* factors=\[\.\.\.\]"):
        pooled(twice)
