"""Multiple comparisons with the best against tables, scipy, a textbook's data, and what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sweeper.evidence.statistics.mcb import Means, better_p, compare_with_best, critical_value, possible_ranks

HALF = math.sqrt(0.5)
# Dunnett 1955, table 1a: one-sided 5 % points by degrees of freedom, for 2, 3, 4, 5, 9 and 20 means and a control.
DUNNETT = {
    5: (2.44, 2.68, 2.85, 2.98, 3.30, 3.72),
    10: (2.15, 2.34, 2.47, 2.56, 2.81, 3.12),
    20: (2.03, 2.19, 2.30, 2.39, 2.60, 2.87),
    60: (1.95, 2.10, 2.21, 2.28, 2.48, 2.72),
    math.inf: (1.92, 2.06, 2.16, 2.23, 2.42, 2.64),
}
# Wilson and Shade 1967: cereal leaf beetles on boards of four colours, the example of Hsu 1996, ch. 4.
BEETLES = {
    "yellow": (45, 59, 48, 46, 38, 47),
    "white": (21, 12, 14, 17, 13, 17),
    "green": (37, 32, 15, 25, 39, 41),
    "blue": (16, 11, 20, 21, 14, 7),
}


def means_of(groups, *, own=False) -> Means:
    """Means of groups of values, with the pooled variance or each group's own."""
    arrays = [np.asarray(group, dtype=float) for group in groups]
    sizes = np.array([len(group) for group in arrays])
    squares = np.array([((group - group.mean()) ** 2).sum() for group in arrays])
    pooled, df = squares.sum() / (sizes - 1).sum(), float((sizes - 1).sum())
    return Means(
        values=np.array([group.mean() for group in arrays]),
        variances=squares / (sizes - 1) / sizes if own else pooled / sizes,
        dfs=(sizes - 1.0) if own else np.full(len(arrays), df),
        shared=np.full(len(arrays), not own),
    )


@pytest.mark.parametrize("df", DUNNETT)
def test_critical_values_are_those_of_dunnetts_table(df):
    found = [critical_value([HALF], df, counts=[number]) for number in (2, 3, 4, 5, 9, 20)]
    assert found == pytest.approx(DUNNETT[df], abs=0.01)


@given(st.integers(1, 40))
@settings(max_examples=10)
def test_with_one_other_mean_it_is_students_t(df):
    assert critical_value([0.3], df) == pytest.approx(stats.t.ppf(0.95, df), abs=1e-4)


def test_unequal_sizes_are_those_of_a_multivariate_t():
    control, others, df = 3, (2, 5, 9), 15
    shares = [math.sqrt(n / (n + control)) for n in others]
    value = critical_value(shares, df)
    shape = np.outer(shares, shares)
    np.fill_diagonal(shape, 1.0)
    reached = stats.multivariate_t.cdf(np.full(3, value), shape=shape, df=df, random_state=1, maxpts=200_000)
    assert reached == pytest.approx(0.95, abs=2e-4)


def test_the_textbooks_example():
    found = compare_with_best(means_of(BEETLES.values()))
    # 47.17 - 31.50 -+ 2.19 * 6.784 * sqrt(2/6): yellow is the best, by 7.1 to 24.2.
    half = 2.192 * math.sqrt(means_of(BEETLES.values()).variances[0] * 2)
    assert found.possible.tolist() == [True, False, False, False]
    assert found.high[0] == pytest.approx(15.667 + half, abs=0.02)
    assert found.low[0] == 0.0
    assert found.low[1:] == pytest.approx([-31.5 - half, -15.667 - half, -32.333 - half], abs=0.02)
    assert found.high[1:].tolist() == [0.0, 0.0, 0.0]


@given(st.integers(0, 1000), st.booleans())
@settings(max_examples=15, deadline=None)
def test_it_is_the_definition_written_out(seed, own):
    rng = np.random.default_rng(seed)
    means = means_of([rng.normal(rng.normal(), 1.0, size=size) for size in (3, 3, 4, 6)], own=own)
    found = compare_with_best(means)
    pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
    allowed = {pair: _allowance(means, *pair) for pair in pairs}
    high = [
        max(0.0, min(means.values[i] - means.values[j] + allowed[i, j] for j in range(4) if j != i)) for i in range(4)
    ]
    possible = [i for i in range(4) if high[i] > 0]
    low = [
        0.0
        if possible == [i]
        else min(0.0, *(means.values[i] - means.values[j] - allowed[j, i] for j in possible if j != i))
        for i in range(4)
    ]
    assert found.high == pytest.approx(high, rel=1e-9)
    assert found.low == pytest.approx(low, rel=1e-9)
    assert np.flatnonzero(found.possible).tolist() == possible


def _allowance(means: Means, control: int, other: int) -> float:
    variance = means.variances
    shares = [math.sqrt(variance[control] / (variance[control] + variance[j])) for j in range(4) if j != control]
    df = means.dfs[0]
    if not means.shared[0]:
        parts = variance[[control, other]]
        welch = parts.sum() ** 2 / (parts**2 / means.dfs[[control, other]]).sum()
        df = 1.1 ** math.floor(math.log(welch, 1.1) + 1e-9)
    return critical_value(shares, df) * math.sqrt(variance[control] + variance[other])


@pytest.mark.parametrize(
    ("truth", "sizes"), [((0.0,) * 6, (3,) * 6), ((0.0,) * 5, (1, 2, 3, 5, 8)), ((0.0, 0.3, 0.6, 2.0), (4,) * 4)]
)
def test_the_best_is_in_the_set_and_all_intervals_hold_in_95_percent_of_studies(truth, sizes):
    # Equal means are the least favourable: any of them may be called the best. 4,000 studies have an error of 0.35 %.
    rng, studies = np.random.default_rng(20261129), 4000
    df = sum(sizes) - len(sizes)
    gaps = np.array([mean - max(truth[:place] + truth[place + 1 :]) for place, mean in enumerate(truth)])
    best, inside, within = int(np.argmax(truth)), 0, 0
    for _ in range(studies):
        variance = rng.chisquare(df) / df / np.array(sizes)
        values = np.array(truth) + rng.normal(size=len(sizes)) / np.sqrt(sizes)
        spreads = np.full(len(sizes), float(df))
        found = compare_with_best(
            Means(values=values, variances=variance, dfs=spreads, shared=np.ones(len(sizes), np.bool_))
        )
        inside += bool(found.possible[best])
        within += bool(((found.low <= gaps) & (gaps <= found.high)).all())
    assert inside / studies >= 0.95 - 3 * 0.0035
    assert within / studies >= 0.95 - 3 * 0.0035
    if len(set(truth)) == 1 and len(set(sizes)) == 1:
        assert inside / studies == pytest.approx(0.95, abs=3 * 0.0035)  # and it is no wider than it must be


def test_possible_ranks_are_those_of_tukeys_test():
    groups = list(BEETLES.values())
    low, high = possible_ranks(means_of(groups))
    tukey = stats.tukey_hsd(*groups).pvalue < 0.05
    values = [np.mean(group) for group in groups]
    for place in range(4):
        assert low[place] == 1 + sum(tukey[place, other] and values[other] > values[place] for other in range(4))
        assert high[place] == 4 - sum(tukey[place, other] and values[other] < values[place] for other in range(4))


def test_one_mean_is_the_best_and_equal_ones_without_spread_all_are():
    one = Means(values=np.ones(1), variances=np.ones(1), dfs=np.ones(1), shared=np.ones(1, np.bool_))
    assert compare_with_best(one).possible.tolist() == [True]
    assert math.isnan(compare_with_best(one).low[0])
    assert [ranks.tolist() for ranks in possible_ranks(one)] == [[1], [1]]
    still = Means(
        values=np.array([2.0, 2.0, 1.0]), variances=np.zeros(3), dfs=np.full(3, 4.0), shared=np.ones(3, np.bool_)
    )
    assert compare_with_best(still).possible.tolist() == [True, True, False]


def test_ten_thousand_means_are_compared_at_once():
    rng = np.random.default_rng(1)
    values = rng.normal(size=10_000)
    means = Means(
        values=values, variances=np.full(10_000, 0.01), dfs=np.full(10_000, 4.0), shared=np.ones(10_000, np.bool_)
    )
    found = compare_with_best(means)
    allowed = critical_value([HALF], 4.0, counts=[9_999]) * math.sqrt(0.02)
    assert found.possible.tolist() == (values > values.max() - allowed).tolist()
    assert possible_ranks(means) is None


@pytest.mark.parametrize("df", [2, 6, 24])
@pytest.mark.parametrize("t", [0.5, 2.0, 8.0])
def test_of_two_means_the_p_value_is_students_and_one_sided(df, t):
    means = Means(
        values=np.array([1.0, 1.0 + t * math.sqrt(0.5)]),
        variances=np.full(2, 0.25),
        dfs=np.full(2, float(df)),
        shared=np.ones(2, np.bool_),
    )
    assert better_p(means, 1, 0) == pytest.approx(stats.t.sf(t, df), rel=1e-3, abs=1e-7)
    assert better_p(means, 0, 1) == 1.0


@pytest.mark.parametrize("own", [False, True])
def test_a_control_may_not_be_the_best_if_some_other_arm_is_better_by_its_p_value(own):
    generator = np.random.default_rng(4)
    excluded = 0
    for _ in range(20):
        means = means_of([generator.normal(place / 2, 1 + own * place, 4) for place in range(4)], own=own)
        possible = compare_with_best(means).possible
        for control in range(4):
            p = min(better_p(means, arm, control) for arm in range(4) if arm != control)
            assert bool(possible[control]) == (p >= 0.05)
            excluded += p < 0.05
    assert excluded > 5


def test_values_that_do_not_vary_show_nothing():
    still = Means(values=np.array([1.0, 2.0]), variances=np.zeros(2), dfs=np.full(2, 2.0), shared=np.ones(2, np.bool_))
    assert better_p(still, 1, 0) == 1.0
