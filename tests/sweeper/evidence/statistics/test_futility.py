"""Whether going on is worth it: conditional and predictive power against formulas and simulation."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from sweeper.evidence.statistics.futility import conditional_power, predictive_power


def test_conditional_power_is_that_of_the_b_value() -> None:
    # Lan and Wittes (1988): B(t) = Z sqrt(t) goes on with the drift Z / sqrt(t).
    z, fraction, level = 1.5, 0.5, 0.025
    expected = stats.norm.sf((stats.norm.isf(level) - z / fraction**0.5) / (1 - fraction) ** 0.5)
    assert conditional_power(float(stats.norm.sf(z)), fraction, level) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "until"), [(40, 1.0), (30, 0.75)])
def test_conditional_power_agrees_with_going_on(n: int, until: float) -> None:
    generator, seen, level = np.random.default_rng(3), 20, 0.05
    total = 6.0  # of the first 20 draws with variance 1
    p = float(stats.norm.sf(total / seen**0.5))
    ends = (total + generator.normal(total / seen, 1.0, size=(20_000, n - seen)).sum(axis=1)) / n**0.5
    found = conditional_power(p, seen / 40, level, until)
    assert found == pytest.approx((ends > stats.norm.isf(level)).mean(), abs=0.01)


def test_predictive_power_averages_over_what_the_trend_may_be() -> None:
    generator, seen, n, level, total = np.random.default_rng(4), 20, 40, 0.05, 6.0
    trend = generator.normal(total / seen, seen**-0.5, size=40_000)
    ends = (total + generator.normal(trend * (n - seen), (n - seen) ** 0.5)) / n**0.5
    found = predictive_power(float(stats.norm.sf(total / seen**0.5)), seen / n, level)
    assert found == pytest.approx((ends > stats.norm.isf(level)).mean(), abs=0.01)


@pytest.mark.parametrize("power", [conditional_power, predictive_power])
def test_at_the_end_and_at_the_edges_it_is_certain(power: Callable[..., float]) -> None:
    assert power(0.01, 1.0, 0.05) == 1.0
    assert power(0.06, 1.0, 0.05) == 0.0
    assert power(0.0, 0.5, 0.05) == 1.0
    assert power(1.0, 0.5, 0.05) == 0.0
    assert power(0.01, 0.5, 0.0) == 0.0
