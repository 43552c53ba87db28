"""Effects of a fit judged by their seeds, complete or not, against the paired t and planted truths."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from sweeper.evidence.statistics.factorial import factorial_effects

HALF = [(a, b, c, a * b * c) for a, b, c in product((-1.0, 1.0), repeat=3)]


def effect(seeds, draw, lost=()):
    """The first effect of a half fraction, some of whose runs are lost."""
    rows = [(levels, seed) for seed in range(seeds) for levels in HALF]
    kept = [place for place in range(len(rows)) if place not in lost]
    levels = {name: [rows[place][0][column] for place in kept] for column, name in enumerate("abcd")}
    of_run = [rows[place][1] for place in kept]
    values = np.array([draw(*rows[place]) for place in kept])
    return factorial_effects(levels, values, of_run, seeds=of_run)[0]


def normal(generator, seeds, sd):
    """Runs with shares of the seed, other effects, and an effect of the first factor that varies by `sd`."""
    shared, varies = 3.0 * generator.normal(size=seeds), sd * generator.normal(size=seeds)
    return lambda levels, seed: (
        shared[seed] + 5.0 * levels[1] + varies[seed] * levels[0] / 2 + float(generator.normal())
    )


def test_of_a_complete_fraction_it_is_the_paired_t_of_the_seeds_own_effects():
    generator = np.random.default_rng(1)
    values = {(levels, seed): float(generator.normal()) for seed in range(4) for levels in HALF}
    found = effect(4, lambda levels, seed: values[levels, seed]).by_seed
    own = [sum(levels[0] * values[levels, seed] for levels in HALF) / 4 for seed in range(4)]
    assert (found.value, found.df) == pytest.approx((np.mean(own), 3))
    assert found.standard_error == pytest.approx(stats.sem(own))


def test_a_lost_run_takes_no_more_than_its_share_and_other_effects_add_nothing():
    found = [effect(3, lambda levels, seed, size=size: size * levels[1] + seed * levels[0], lost={3}).by_seed
             for size in (0.0, 1000.0)]  # fmt: skip
    assert found[0].standard_error == pytest.approx(found[1].standard_error)
    assert found[0].standard_error == pytest.approx(2.0 / np.sqrt(3), rel=0.1)
    assert 1.9 < found[0].df < 2.0


def test_one_seed_says_nothing_of_how_an_effect_varies_with_the_seed():
    assert not effect(1, normal(np.random.default_rng(0), 1, 0.0)).by_seed.decides


@pytest.mark.parametrize("lost", [{3}, {1, 8, 9, 21}])
def test_intervals_by_seed_hold_an_effect_that_varies_with_the_seed_though_runs_are_lost(lost):
    generator = np.random.default_rng(5)
    found = [effect(5, normal(generator, 5, 2.0), lost) for _ in range(400)]
    by_seed, by_residuals = (
        np.mean([low <= 0.0 <= high for low, high in (each.interval() for each in estimates)])
        for estimates in ([each.by_seed for each in found], [each.estimate for each in found])
    )
    assert 0.92 <= by_seed <= 0.98
    assert by_residuals < 0.85
