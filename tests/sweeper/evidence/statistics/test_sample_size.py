"""Seeds to decide a claim, against published tables and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.evidence.statistics.multiplicity import tost
from sweeper.evidence.statistics.paired import paired_t
from sweeper.evidence.statistics.power import power_one_sided
from sweeper.evidence.statistics.sample_size import (
    MOST_SEEDS,
    Design,
    power_equivalence,
    power_of_seeds,
    seeds_to_decide,
    smallest_with_power,
    upper_sd,
)

PAIRS = Design()


def test_the_upper_limit_of_a_standard_deviation_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    sd = generator.normal(size=(20_000, 4)).std(axis=1, ddof=1)
    covered = np.mean([upper_sd(each, 3) >= 1.0 for each in sd])
    assert covered == pytest.approx(0.8, abs=0.01)
    assert upper_sd(1.0, 0) == upper_sd(1.0, 1e-15) == math.inf
    assert upper_sd(1.0, 1e6) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("cv", "n", "power"), [(0.3, 40, 0.815845), (0.2, 20, 0.834680)])
def test_the_power_of_equivalence_is_that_of_powertost(cv, n, power):
    # R's PowerTOST 1.5: sampleN.TOST(CV=cv), a 2 x 2 crossover with a true ratio of 0.95 and margins of 0.8 and 1.25.
    error = math.sqrt(math.log1p(cv**2)) * math.sqrt(2 / n)
    assert power_equivalence(math.log(0.95), math.log(1.25), error, n - 2) == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize("df", [2, 5, 24])
def test_the_power_of_equivalence_is_what_simulation_gives(df):
    generator = np.random.default_rng(1)
    error, half, offset = 0.4, 1.2, 0.3
    estimate = generator.normal(offset, error, size=200_000)
    found = error * np.sqrt(generator.chisquare(df, size=200_000) / df)
    critical = stats.t.isf(0.05, df)
    shown = (estimate - critical * found > -half) & (estimate + critical * found < half)
    assert power_equivalence(offset, half, error, df) == pytest.approx(shown.mean(), abs=0.004)


@given(st.floats(0.01, 0.5), st.floats(0.05, 1.0), st.integers(1, 40))
def test_equivalence_has_no_more_power_than_one_of_its_tests(error, half, df):
    one = power_one_sided(half, error, 1, alpha=0.05, df=df)
    assert -1e-9 <= power_equivalence(0.0, half, error, df) <= one + 1e-6


def test_equivalence_without_an_error_is_sure_and_without_a_margin_never_shown():
    assert power_equivalence(0.0, 0.1, 0.0, 5) == 1.0
    assert power_equivalence(0.2, 0.1, 0.0, 5) == 0.0
    assert power_equivalence(0.0, 0.0, 0.1, 5) == 0.0
    assert power_equivalence(0.0, 0.1, 0.1, 0) == 0.0


def test_the_seeds_reach_the_power_at_the_upper_limit_and_one_less_do_not():
    n = seeds_to_decide(0.02, 0.01, 6, PAIRS, alpha=0.01)
    assert n is not None
    limit = upper_sd(0.01, 6)
    assert power_of_seeds(n, 0.02, limit, PAIRS, alpha=0.01) >= 0.8
    assert power_of_seeds(n - 1, 0.02, limit, PAIRS, alpha=0.01) < 0.8


def test_more_than_fifty_seeds_are_not_counted():
    assert seeds_to_decide(1e-4, 0.01, 24, PAIRS, alpha=0.05) == MOST_SEEDS + 1


def test_without_a_margin_or_a_spread_no_number_is_given():
    assert seeds_to_decide(0.0, 0.01, 24, PAIRS, alpha=0.05) is None
    assert seeds_to_decide(0.1, 0.01, 0, PAIRS, alpha=0.05) is None
    assert seeds_to_decide(0.1, math.nan, 4, PAIRS, alpha=0.05) is None


def test_a_shared_variance_needs_fewer_seeds_and_equivalence_more():
    pooled = Design(df_per_seed=12)
    alone, shared = (seeds_to_decide(0.02, 0.01, 24, each, alpha=0.05 / 12) for each in (PAIRS, pooled))
    both = seeds_to_decide(0.02, 0.01, 24, pooled, alpha=0.05 / 12, equivalence=True)
    assert alone > shared
    assert both >= shared


@pytest.mark.parametrize("equivalence", [False, True])
@pytest.mark.parametrize("pilot", [2, 3, 5])
def test_fresh_seeds_as_many_as_advised_decide_as_often_as_promised(pilot, equivalence):
    generator = np.random.default_rng(2)
    margin, decided, studies = 1.0, 0.0, 1500
    for _ in range(studies):
        sd = generator.normal(size=pilot).std(ddof=1)
        n = min(seeds_to_decide(margin, sd, pilot - 1, PAIRS, alpha=0.05, equivalence=equivalence), MOST_SEEDS)
        fresh = paired_t(generator.normal(0.0, 1.0, size=n))
        p = tost(fresh, -margin, margin).p_equivalent if equivalence else fresh.p_below(margin)
        decided += p < 0.05
    assert decided / studies >= 0.78


def test_the_smallest_effect_with_power_is_where_the_power_is_reached():
    found = smallest_with_power(lambda effect: power_one_sided(effect, 2.0, 5, alpha=0.01, df=8), 1.0)
    assert power_one_sided(found, 2.0, 5, alpha=0.01, df=8) == pytest.approx(0.8, abs=1e-4)
    assert smallest_with_power(lambda effect: 0.5, 1.0) == math.inf
