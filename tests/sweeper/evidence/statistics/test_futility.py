"""Whether going on is worth it: predictive power against simulation."""

import numpy as np
import pytest
from scipy import stats

from sweeper.evidence.statistics.futility import predictive_power


def test_predictive_power_averages_over_what_the_trend_may_be() -> None:
    generator, seen, n, level, total = np.random.default_rng(4), 20, 40, 0.05, 6.0
    trend = generator.normal(total / seen, seen**-0.5, size=40_000)
    ends = (total + generator.normal(trend * (n - seen), (n - seen) ** 0.5)) / n**0.5
    found = predictive_power(float(stats.norm.sf(total / seen**0.5)), seen / n, level)
    assert found == pytest.approx((ends > stats.norm.isf(level)).mean(), abs=0.01)


def test_at_the_end_and_at_the_edges_it_is_certain() -> None:
    assert predictive_power(0.01, 1.0, 0.05) == 1.0
    assert predictive_power(0.06, 1.0, 0.05) == 0.0
    assert predictive_power(0.0, 0.5, 0.05) == 1.0
    assert predictive_power(1.0, 0.5, 0.05) == 0.0
    assert predictive_power(0.01, 0.5, 0.0) == 0.0
