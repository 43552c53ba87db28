"""The price of picking the best level, by simulation."""

import numpy as np
import pytest
from scipy import stats

from sweeper.evidence.statistics.selection import selected_p


def test_the_p_value_is_multiplied_by_the_levels_compared():
    assert selected_p(0.01, 8) == pytest.approx(0.08)
    assert selected_p(0.01, 1) == selected_p(0.01, 0) == 0.01
    assert selected_p(0.3, 8) == 1.0


@pytest.mark.parametrize("correlation", [1.0, 0.8, 0.0])
def test_the_best_of_eight_levels_that_do_nothing_seldom_leads(correlation):
    # Levels are chosen by one measurement and ranked by another; both have the correlation.
    generator = np.random.default_rng(0)
    studies, seeds = 4000, 3
    ranked = generator.normal(size=(studies, 10, seeds))  # the baseline, eight levels of one factor, one of another
    noise = generator.normal(size=ranked.shape)
    chosen_by = correlation * ranked + np.sqrt(1 - correlation**2) * noise
    best = 1 + chosen_by[:, 1:9].mean(axis=2).argmin(axis=1)
    pooled = (ranked - ranked.mean(axis=2, keepdims=True) - ranked.mean(axis=1, keepdims=True)
              + ranked.mean(axis=(1, 2), keepdims=True))  # fmt: skip
    error = np.sqrt((pooled**2).sum(axis=(1, 2)) / 18 * 2 / seeds)
    lead = ranked[:, 9].mean(axis=1) - ranked[np.arange(studies), best].mean(axis=1)
    p = stats.t.sf(lead / error, 18)
    paid = np.array([selected_p(float(each), 8) for each in p])
    assert (paid < 0.05).mean() <= 0.05 + 0.01
    if correlation == 1.0:
        assert (p < 0.05).mean() > 0.12  # without paying
