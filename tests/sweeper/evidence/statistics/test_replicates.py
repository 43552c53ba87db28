"""Seeds that change nothing."""

from sweeper.evidence.statistics.replicates import replicates

ARMS, SEEDS = ["a", "a", "a", "b", "b", "b"], [0, 1, 2, 0, 1, 2]


def test_equal_values_over_seeds_are_one_run():
    found = replicates([100.0, 100.0, 100.0, 99.999, 99.999, 99.999], ARMS, SEEDS)
    assert found.degenerate
    assert found.reason == "the seed changes nothing: 1 run, not 3"


def test_one_configuration_that_varies_shows_that_the_seed_is_used():
    found = replicates([100.0, 100.0, 100.0, 99.9, 99.8, 99.9], ARMS, SEEDS)
    assert not found.degenerate
    assert found.reason == ""
    assert (found.repeated, found.varying) == (2, 1)


def test_a_single_seed_says_nothing_of_it():
    assert not replicates([1.0, 2.0], ["a", "b"], [0, 0]).degenerate
    assert not replicates([], [], []).degenerate


def test_exact_repeats_of_a_seed_are_no_other_seed():
    assert not replicates([1.0, 1.0], ["a", "a"], [0, 0]).degenerate


def test_sums_that_differ_by_rounding_are_equal():
    total = sum([0.1] * 10)
    assert total != 1.0
    assert replicates([total, 1.0], ["a", "a"], [0, 1]).degenerate
    assert replicates([1.0 + 1e-8, 1.0], ["a", "a"], [0, 1]).degenerate
    assert not replicates([1.0 + 1e-6, 1.0], ["a", "a"], [0, 1]).degenerate


def test_arms_that_all_are_zero_are_one_run():
    assert replicates([0.0, 0.0], ["a", "a"], [0, 1]).degenerate
