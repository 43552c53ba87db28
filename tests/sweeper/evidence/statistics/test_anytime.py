"""Tests without a planned end: the e-value's mean, its boundary, and the error of stopping at the best look."""

import numpy as np
import pytest
from scipy import integrate, stats

from sweeper.evidence.statistics.anytime import anytime_critical_value, anytime_p, e_value
from sweeper.evidence.statistics.group_sequential import Looks


@pytest.mark.parametrize(("pairs", "df"), [(2, 3.0), (5, 4.0), (5, 20.0), (12, 60.0)])
def test_under_the_null_hypothesis_the_e_value_has_mean_one(pairs: int, df: float) -> None:
    def density(quantile: float) -> float:
        t = np.sinh(quantile)  # the tails are heavy where there are few degrees of freedom
        return e_value(t, df, pairs) * float(stats.t.pdf(t, df)) * float(np.cosh(quantile))

    found, _ = integrate.quad(density, -20.0, 20.0, limit=200)
    assert found == pytest.approx(1.0, rel=1e-4)


def test_it_is_the_mean_likelihood_ratio_of_noncentral_t() -> None:
    t, df, pairs = 2.5, 6.0, 4
    effects = np.linspace(1e-6, 8.0, 4_001)
    ratios = stats.nct.pdf(t, df, effects * pairs**0.5) / stats.t.pdf(t, df)
    expected = integrate.trapezoid(2 * stats.norm.pdf(effects) * ratios, effects)
    assert e_value(t, df, pairs) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("pairs", "df", "alpha"), [(2, 12.0, 0.05), (10, 9.0, 0.05 / 12), (50, 100.0, 0.025)])
def test_at_the_critical_value_the_e_value_is_one_over_alpha(pairs: int, df: float, alpha: float) -> None:
    assert e_value(anytime_critical_value(df, pairs, alpha), df, pairs) == pytest.approx(1 / alpha, rel=1e-6)


def test_one_degree_of_freedom_may_never_be_enough() -> None:
    assert anytime_critical_value(1.0, 2, 1e-9) == np.inf


@pytest.mark.parametrize("effect", [0.0, -0.5])
def test_stopping_at_the_best_of_many_looks_errs_in_no_more_than_five_studies_of_a_hundred(effect: float) -> None:
    studies, most = 1_500, 40
    draws = np.random.default_rng(5).normal(effect, 1.0, size=(studies, most))
    rejected = np.zeros(studies, dtype=bool)
    naive = np.zeros(studies, dtype=bool)
    for n in range(2, most + 1):
        t = draws[:, :n].mean(axis=1) / (draws[:, :n].std(axis=1, ddof=1) / n**0.5)
        rejected |= t >= anytime_critical_value(n - 1.0, n, 0.05)
        naive |= t >= stats.t.isf(0.05, n - 1)
    assert rejected.mean() <= 0.05 + 2.6 * (0.05 * 0.95 / studies) ** 0.5
    if effect == 0.0:
        assert naive.mean() > 0.2


def test_the_p_value_is_that_of_the_best_look_so_far() -> None:
    looks = Looks(pairs=(2, 3, 4), df=(12.0, 14.0, 16.0), information=(0.5, 0.6, 0.7))
    p_values = (0.2, 0.0005, 0.3)
    expected = 1 / e_value(float(stats.t.isf(0.0005, 14.0)), 14.0, 3)
    assert anytime_p(looks, p_values) == pytest.approx(expected)
    assert anytime_p(looks, p_values[:1]) == pytest.approx(
        min(1.0, 1 / e_value(float(stats.t.isf(0.2, 12.0)), 12.0, 2))
    )
    assert anytime_p(looks, ()) == 1.0
