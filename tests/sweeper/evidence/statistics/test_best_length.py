"""The best of several lengths, and by how much it looks better than it is, by planted truths."""

import math

import numpy as np
import pytest

from sweeper.evidence.statistics import best_length as statistics
from sweeper.evidence.statistics.best_length import adjusted_means, best_length


def test_the_length_with_the_best_mean_is_chosen_for_all_seeds():
    chosen_by = np.array([[3.0, 1.0, 2.0], [2.9, 1.4, 1.3], [3.1, 1.2, 1.6]])
    found = best_length(chosen_by, chosen_by)
    assert found is not None
    assert found.place == 1
    assert found.without == (1, 1, 1)


def test_where_one_length_is_clearly_the_best_nothing_is_corrected():
    chosen_by = np.array([[3.0, 1.0, 2.0], [3.01, 1.02, 2.02], [2.99, 1.01, 1.98]])
    found = best_length(chosen_by, chosen_by)
    assert found is not None
    assert found.optimism == 0.0


def test_a_single_length_needs_no_correction():
    found = best_length(np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]]))
    assert found is not None
    assert (found.place, found.optimism) == (0, 0.0)


def test_nothing_is_known_without_values():
    assert best_length(np.full((2, 3), np.nan), np.zeros((2, 3))) is None


def test_one_seed_does_not_show_its_luck():
    found = best_length(np.array([[1.0, 2.0]]), np.array([[1.0, 2.0]]))
    assert found is not None
    assert found.place == 0
    assert math.isnan(found.optimism)


@pytest.mark.parametrize("lengths", [2, 4, 8])
def test_the_optimism_is_about_that_of_the_best_of_equal_lengths(lengths):
    generator, seeds, gains, corrected = np.random.default_rng(1), 5, [], []
    for _ in range(600):
        values = generator.normal(size=(seeds, lengths))
        found = best_length(values, values)
        assert found is not None
        gains.append(values[:, found.place].mean())
        corrected.append(gains[-1] + found.optimism)
    assert np.mean(gains) < -0.2  # the best of them looks better than 0
    assert -0.08 < np.mean(corrected) < 0.0  # what is left is a sixth of a standard error at most


def test_correcting_adds_less_error_than_it_takes_away():
    # Two equal lengths, the rest far off: the mistake of a correction that follows single seeds is larger than its use.
    generator, far = np.random.default_rng(6), np.array([0.0, 0.0, 5.0, 5.0, 5.0])
    raw, corrected = [], []
    for _ in range(600):
        values = far + generator.normal(size=(5, 5))
        found = best_length(values, values)
        assert found is not None
        raw.append(values[:, found.place].mean())
        corrected.append(raw[-1] + found.optimism)
    assert np.mean(raw) < -0.2
    assert abs(np.mean(corrected)) < 0.05
    assert np.square(corrected).mean() < np.square(raw).mean()


def test_wild_first_lengths_do_not_make_the_last_one_look_better_than_it_is():
    # SGD at a rate of 30: five looks at which the loss jumps, then a curve that falls in every seed.
    generator, falling = np.random.default_rng(3), np.array([5.3, 5.3, 5.3, 5.3, 5.3, 4.6, 4.4, 4.2, 4.1, 4.0, 3.9])
    noise = np.array([0.6] * 5 + [0.03] * 6)
    raw, corrected = [], []
    for _ in range(300):
        values = falling + 0.05 * generator.normal(size=(3, 1)) + noise * generator.normal(size=(3, len(noise)))
        found = best_length(values, values)
        assert found is not None
        if found.place == len(noise) - 1:
            raw.append(values[:, -1].mean() - 3.9)
            corrected.append(raw[-1] + found.optimism)
    assert len(raw) > 290
    assert abs(np.mean(raw)) < 0.01
    assert np.mean(corrected) < 0.02
    assert np.quantile(corrected, 0.95) < np.quantile(raw, 0.95) + 0.05


def test_what_is_not_finite_is_not_known():
    chosen_by = np.array([[1.0, 1.1, 1.2], [1.1, 1.0, 1.3], [1.05, 1.02, 1.1], [1.01, 1.11, 1.21]])
    found = [best_length(chosen_by, np.vstack([chosen_by[:3], np.full((1, 3), lost)])) for lost in (math.nan, math.inf)]
    assert found[0] == found[1]
    assert found[0].optimism > 0.0


def test_lengths_that_are_three_times_as_noisy_are_rivals(monkeypatch):
    generator, found = np.random.default_rng(8), {}
    sizes = np.array([3.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    drawn = [sizes * generator.normal(size=(5, 8)) for _ in range(300)]
    for level in (statistics.FAR, 0.0):  # 0: none is wild
        monkeypatch.setattr(statistics, "FAR", level)
        found[level] = np.mean([best_length(values, values).optimism for values in drawn])
    assert min(found.values()) > 0.95 * max(found.values())


@pytest.mark.parametrize("lengths", [3, 8])
def test_of_two_seeds_few_equally_noisy_lengths_are_wild_by_chance(lengths, monkeypatch):
    generator, found = np.random.default_rng(4), {}
    drawn = [generator.normal(size=(2, lengths)) for _ in range(300)]
    for level in (statistics.FAR, 0.0):  # 0: none is wild
        monkeypatch.setattr(statistics, "FAR", level)
        found[level] = np.mean([best_length(values, values).optimism for values in drawn])
    assert found[0.0] > 0.3
    assert min(found.values()) > 0.95 * max(found.values())


def test_where_seeds_lack_lengths_the_other_seeds_are_asked():
    values = np.array([[1.0, 1.1, np.nan], [1.2, np.nan, 1.0], [np.nan, 1.0, 1.3]])
    found = best_length(values, values)
    assert found is not None
    assert math.isfinite(found.optimism)


def test_what_all_lengths_of_a_run_share_is_no_optimism():
    generator = np.random.default_rng(2)
    runs = generator.normal(size=(5, 1)) + np.linspace(1.0, 0.0, 6)
    found = best_length(runs, runs)
    assert found is not None
    assert found.place == 5
    assert found.optimism == pytest.approx(0.0, abs=1e-12)


def test_a_choice_by_something_unrelated_flatters_nothing():
    generator, shifts = np.random.default_rng(3), []
    for _ in range(300):
        found = best_length(generator.normal(size=(6, 4)), generator.normal(size=(6, 4)))
        assert found is not None
        shifts.append(found.optimism)
    related = []
    for _ in range(300):
        values = generator.normal(size=(6, 4))
        found = best_length(values, values)
        assert found is not None
        related.append(found.optimism)
    assert np.mean(shifts) < 0.6 * np.mean(related)


def test_the_same_values_give_the_same_choice():
    values = np.random.default_rng(4).normal(size=(4, 5))
    assert best_length(values, values) == best_length(values.copy(), values.copy())


def test_seeds_that_lack_lengths_are_adjusted():
    # Seed 2 is worse by 10 everywhere, and lacks the last length: its absence must not make that length look better.
    whole = np.array([[3.0, 2.0, 2.5], [3.2, 2.1, 2.6], [13.1, 12.05, np.nan]])
    assert int(np.nanargmin(whole[:, :].mean(axis=0, where=np.isfinite(whole)))) == 2  # by plain means
    means = adjusted_means(whole)
    assert int(np.argmin(means)) == 1
    assert means[2] - means[1] == pytest.approx(0.5, abs=0.05)


def test_adjusted_means_of_complete_values_are_means():
    values = np.random.default_rng(5).normal(size=(3, 7))
    assert adjusted_means(values) == pytest.approx(values.mean(axis=0))


def test_a_length_that_no_seed_has_has_no_mean():
    assert np.isnan(adjusted_means(np.array([[1.0, np.nan], [2.0, np.nan]]))[1])
