"""Fieller's interval of a place on a line, against the closed form, a search on a grid, and planted truths."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.evidence.statistics.fieller import Place, place_on_line


def draws(seed, *, seeds=5, points=(0.0, 1.0), slope=-1.0, target=-0.6, sd=0.05):
    generator = np.random.default_rng(seed)
    shared = generator.normal(0, 0.3, (seeds, 1))
    values = shared + slope * np.array(points) + generator.normal(0, sd, (seeds, len(points)))
    return values, shared[:, 0] + target + generator.normal(0, sd, seeds)


def closed_form(values, targets):
    """Fieller's interval of mean(a) / mean(b), as in textbooks (Finney 1971, section 2.7)."""
    a, b = targets - values[:, 0], values[:, 1] - values[:, 0]
    n, t = len(a), stats.t.ppf(0.975, len(a) - 1)
    cov = np.cov(a, b) / n
    ratio, g = a.mean() / b.mean(), t**2 * cov[1, 1] / b.mean() ** 2
    middle = ratio - g * cov[0, 1] / cov[1, 1]
    spread = cov[0, 0] - 2 * ratio * cov[0, 1] + ratio**2 * cov[1, 1]
    half = t / abs(b.mean()) * math.sqrt(spread - g * (cov[0, 0] - cov[0, 1] ** 2 / cov[1, 1]))
    return ratio, (middle - half) / (1 - g), (middle + half) / (1 - g)


@pytest.mark.parametrize("seed", range(5))
def test_between_two_points_it_is_the_closed_form(seed):
    values, targets = draws(seed)
    found = place_on_line([0.0, 1.0], values, targets)
    assert isinstance(found, Place)
    assert (found.value, found.low, found.high) == pytest.approx(closed_form(values, targets))
    assert not found.low_is_open
    assert not found.high_is_open


@pytest.mark.parametrize("seed", range(3))
def test_over_several_segments_it_is_what_a_search_finds(seed):
    points = np.array([0.0, 0.7, 1.1, 2.5])
    generator = np.random.default_rng(seed)
    values, _ = draws(seed, points=points, slope=-0.4, sd=0.04)
    targets = values[:, 1] - 0.15 + generator.normal(0, 0.04, len(values))
    found = place_on_line(points, values, targets)
    assert isinstance(found, Place)
    grid = np.linspace(0.0, 2.5, 20_001)
    lines = np.array([np.interp(grid, points, row) for row in values])
    p = stats.ttest_1samp(targets[:, None] - lines, 0.0, axis=0).pvalue
    inside = grid[p >= 0.05]
    assert (found.low, found.high) == pytest.approx((inside.min(), inside.max()), abs=2e-4)
    means = np.interp(grid, points, values.mean(axis=0))
    assert found.value == pytest.approx(grid[np.argmin(abs(means - targets.mean()))], abs=2e-4)
    assert (found.low_is_open, found.high_is_open) == (inside.min() == 0.0, inside.max() == 2.5)


def test_intervals_cover_a_planted_place():
    hits = 0
    for seed in range(400):
        values, targets = draws(1000 + seed, seeds=4, sd=0.05)
        found = place_on_line([0.0, 1.0], values, targets)
        hits += isinstance(found, Place) and found.low <= 0.6 <= found.high
    assert 0.92 <= hits / 400 <= 0.975


@pytest.mark.parametrize(("target", "why"), [(-1.3, "below"), (0.4, "above")])
def test_beyond_the_points_nothing_is_said(target, why):
    assert place_on_line([0.0, 1.0], *draws(0, target=target, sd=0.01)) == why


def test_a_line_that_reaches_the_target_twice_has_no_place():
    values, targets = draws(0, points=(0.0, 1.0, 2.0), sd=0.01, target=-0.5)
    values[:, 2] = values[:, 0]
    assert place_on_line([0.0, 1.0, 2.0], values, targets) == "unsteady"


def test_a_target_that_is_met_at_a_point_is_met_once():
    values = np.array([[0.0, -1.0, -2.0], [0.1, -0.9, -1.9], [0.05, -0.95, -1.97]])
    found = place_on_line([0.0, 1.0, 2.0], values, values[:, 1])
    assert isinstance(found, Place)
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_one_seed_and_a_line_that_hardly_changes_give_no_interval():
    assert place_on_line([0.0, 1.0], [[0.0, -1.0]], [-0.5]) == "one seed"
    assert place_on_line([0.0, 1.0], *draws(3, slope=-0.02, target=-0.01, sd=0.2)) in ("unclear", "above", "below")
    values = np.array([[0.0, -0.3], [0.3, 0.1], [0.1, 0.15]])
    assert place_on_line([0.0, 1.0], values, values.mean(axis=1)) == "unclear"


def test_an_interval_that_reaches_the_last_point_has_no_end_there():
    found = place_on_line([0.0, 1.0], *draws(1, target=-0.95, sd=0.1))
    assert isinstance(found, Place)
    assert (found.low_is_open, found.high_is_open, found.high) == (False, True, 1.0)
