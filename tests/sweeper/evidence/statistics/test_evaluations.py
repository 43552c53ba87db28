"""How curves were evaluated."""

import math

import numpy as np
import pytest

from sweeper.evidence.statistics.evaluations import evaluated_alike, evaluation_noise


def test_the_noise_of_evaluations_is_found_beside_their_trend():
    generator = np.random.default_rng(1)
    trend = 3.0 + 2.0 * np.exp(-np.linspace(0, 3, 400))
    assert evaluation_noise(trend + 0.05 * generator.normal(size=400)) == pytest.approx(0.05, rel=0.15)
    assert evaluation_noise(np.linspace(3, 1, 50)) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(evaluation_noise([3.0, 2.0, 1.0]))
    assert math.isnan(evaluation_noise([3.0, math.nan, 2.0, 1.0]))


def test_arms_that_were_evaluated_more_often_or_more_noisily_are_found():
    generator = np.random.default_rng(2)
    alike = [list(np.abs(generator.normal(0.01, 0.001, 5))) for _ in range(2)]
    assert evaluated_alike([[10, 10], [10, 10]], alike) == (True, True)
    assert evaluated_alike([[10, 10], [20, 20]], alike) == (False, True)
    assert evaluated_alike([[10] * 5, [10] * 5], [alike[0], [10 * each for each in alike[1]]]) == (True, False)


def test_noise_that_is_unknown_or_nil_is_alike():
    assert evaluated_alike([[2], [2]], [[math.nan], [math.nan]]) == (True, True)
    assert evaluated_alike([[9], [9]], [[0.0, 0.0], [0.0]]) == (True, True)
