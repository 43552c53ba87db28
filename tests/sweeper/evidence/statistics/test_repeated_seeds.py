"""Seeds that repeat others but for a machine's noise: found where they do, and hardly ever by chance."""

import numpy as np
import pytest

from sweeper.evidence.statistics.repeated_seeds import repeated_seeds

HONEST = {
    "unlike configurations": lambda g, size: 1e3 * g.normal(size=(size[0], 1)) + g.normal(size=size),
    "seeds that add alike": lambda g, size: g.normal(size=(1, size[1])) + 0.01 * g.normal(size=size),
    "heavy tails": lambda g, size: g.standard_t(2, size=size),
    "many digits": lambda g, size: np.round(100 + g.normal(size=size), 4),
    "few digits": lambda g, size: np.round(100 + g.normal(size=size), 1),
    "seeds that learn nothing": lambda g, size: np.where(
        g.random((1, size[1])) < 0.4, 0.6931 + 1e-6 * g.normal(size=size), 0.02 * np.abs(g.normal(size=size))
    ),
}


def found(values, step=1e-12):
    arms, seeds = values.shape
    names = np.repeat(range(arms), seeds).tolist(), np.tile(range(seeds), arms).tolist()
    return repeated_seeds(values.ravel(), *names, steps=[step] * values.size)


def repeated(generator, size, jitter):
    runs = 100 + 3 * generator.normal(size=(1, size[1])) + generator.normal(size=size)
    return np.concatenate([runs, runs * (1 + jitter * generator.normal(size=size))], axis=1)


@pytest.mark.parametrize("size", [(2, 3), (4, 3), (4, 8), (13, 5)])
@pytest.mark.parametrize("jitter", [0.0, 1e-7, 1e-6])
def test_seeds_that_repeat_others_but_for_a_machines_noise_are_found(size, jitter):
    seeds = size[1]
    for place in range(5):
        values = repeated(np.random.default_rng(place), size, jitter)
        assert found(values) == {seed + seeds: seed for seed in range(seeds)}


def test_three_seeds_that_are_one_lead_to_the_first():
    first, second = np.random.default_rng(0).normal(size=(2, 4, 1))
    values = np.concatenate([first, second, first + 1e-6, second, first - 1e-6], axis=1)
    assert found(values) == {2: 0, 4: 0, 3: 1}


def test_one_configuration_in_which_they_differ_shows_that_seeds_are_no_repeats():
    values = repeated(np.random.default_rng(3), (4, 3), 1e-6)
    values[2, 3] += 0.1
    assert found(values) == {4: 1, 5: 2}


def test_digits_too_few_to_show_the_noise_show_no_repeats():
    values = np.round(repeated(np.random.default_rng(3), (4, 3), 0.0), 2)
    assert found(values, step=0.01) == {}


@pytest.mark.parametrize("kind", HONEST)
@pytest.mark.parametrize("size", [(1, 3), (2, 3), (2, 8), (4, 3), (4, 6), (13, 10)])
def test_honest_runs_are_hardly_ever_taken_for_repeats(kind, size):
    generator, step = np.random.default_rng(5), {"few digits": 0.1, "many digits": 1e-4}.get(kind, 1e-12)
    assert sum(bool(found(HONEST[kind](generator, size), step)) for _ in range(100)) <= 1
