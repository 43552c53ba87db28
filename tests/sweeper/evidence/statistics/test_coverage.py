"""Simulations with known truth, small and seeded; benchmarks/coverage_simulation.py has the large ones."""

import numpy as np
import pytest

from benchmarks import coverage_simulation as simulation


@pytest.mark.parametrize("pairs", [3, 5, 10])
def test_paired_intervals_hold_the_truth_in_93_to_97_percent_of_studies(pairs):
    share = simulation.plain_coverage(np.random.default_rng(1), simulation.NORMAL, 1500, pairs)
    assert 0.93 <= share <= 0.97


@pytest.mark.parametrize("lost", [0.0, 0.1])
def test_pooled_intervals_hold_the_truth_in_93_to_97_percent_of_studies(lost):
    share = simulation.pooled_coverage(np.random.default_rng(2), simulation.NORMAL, 150, lost=lost)
    assert 0.93 <= share <= 0.97


def test_intervals_over_two_unequal_corpora_hold_the_truth_in_93_to_97_percent_of_studies():
    assert 0.93 <= simulation.two_strata_coverage(np.random.default_rng(3), 800) <= 0.97


@pytest.mark.parametrize("pooled", [True, False])
def test_twelve_null_claims_have_a_false_one_in_at_most_5_percent_of_studies(pooled):
    assert simulation.false_support(np.random.default_rng(4), simulation.NORMAL, 200, pooled=pooled) <= 0.05


def test_the_simulation_sees_intervals_that_are_off():
    # The simulation can fail: intervals for a truth that is off by one noise SD cover it far too rarely.
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        values = simulation.runs(rng, simulation.NORMAL, 2, 10, [0.0])
        estimate = simulation.paired_t(values[1] - values[0])
        hits += simulation.covers(estimate, simulation.NOISE)
    assert hits / 300 < 0.93


def test_an_effect_on_the_margin_is_called_equal_in_at_most_5_percent_or_so():
    assert simulation.false_equivalence(np.random.default_rng(6), 800) <= 0.065
