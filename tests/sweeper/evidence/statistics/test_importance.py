"""fANOVA and PED-ANOVA against Optuna's evaluators and closed forms; pruned trials between their bounds."""

import math
import warnings

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

from sweeper.evidence.statistics.censoring import CompletedCurves, final_bounds, impute
from sweeper.evidence.statistics.forest import fanova, forest_regression
from sweeper.evidence.statistics.ped_anova import level_grid, ped_anova, range_grid


def search(num=60, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.uniform([0, -1, 2], [1, 3, 4], size=(num, 3))
    return x, 3 * x[:, 0] + np.sin(2 * x[:, 1]) + 0.1 * generator.normal(size=num)


def optuna_study(parameters, values, direction="minimize"):
    study = optuna.create_study(direction=direction)
    names, distributions, columns = zip(*parameters, strict=True)
    for row, value in zip(zip(*columns, strict=True), values, strict=True):
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(zip(names, row, strict=True)),
                distributions=dict(zip(names, distributions, strict=True)),
                value=float(value),
            )
        )
    return study


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


BOUNDS = [(0.0, 1.0), (-1.0, 3.0), (2.0, 4.0)]


def test_fanova_is_optunas_to_rounding():
    x, y = search()
    seed = int(np.random.default_rng(5).integers(2**31))
    parameters = [(f"x{k}", FloatDistribution(*BOUNDS[k]), x[:, k].tolist()) for k in range(3)]
    oracle = FanovaImportanceEvaluator(n_trees=16, seed=seed).evaluate(optuna_study(parameters, y))
    found = fanova(x, y, BOUNDS, np.random.default_rng(5), num_trees=16)
    assert [each.share for each in found] == pytest.approx([oracle[f"x{k}"] for k in range(3)], rel=1e-9)


def test_fanova_finds_the_variances_of_a_function_that_is_known():
    # y = 3a + b on the unit square: variances 9/12 and 1/12, shares 0.9 and 0.1, no interaction.
    x = np.random.default_rng(1).uniform(size=(600, 2))
    found = fanova(x, 3 * x[:, 0] + x[:, 1], [(0, 1), (0, 1)], np.random.default_rng(0), num_trees=16)
    assert [each.share for each in found] == pytest.approx([0.9, 0.1], abs=0.03)


def test_fanova_gives_an_interaction_to_neither_factor():
    x = np.random.default_rng(1).integers(0, 2, size=(200, 2)).astype(float)
    y = (x[:, 0] == x[:, 1]).astype(float)
    found = fanova(x, y, [(-0.5, 1.5)] * 2, np.random.default_rng(0), num_trees=16)
    assert [each.share for each in found] == pytest.approx([0.0, 0.0], abs=0.02)


def test_a_response_that_does_not_vary_has_no_importance():
    assert fanova([[0.0], [1.0]], [2.0, 2.0], [(0, 1)], np.random.default_rng(0)) == ()


@pytest.mark.parametrize("seed", range(3))
def test_ped_anova_is_optunas_to_rounding(seed):
    x, y = search(seed=seed)
    levels = ["s", "m", "l"]
    places = np.random.default_rng(seed).integers(0, 3, size=len(y))
    parameters = [
        ("x", FloatDistribution(0.0, 1.0), x[:, 0].tolist()),
        ("size", CategoricalDistribution(levels), [levels[place] for place in places]),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = PedAnovaImportanceEvaluator().evaluate(optuna_study(parameters, y))
    assert ped_anova(range_grid(x[:, 0], 0.0, 1.0), y) == pytest.approx(oracle["x"], rel=1e-9)
    assert ped_anova(level_grid(places, 3), y) == pytest.approx(oracle["size"], rel=1e-9)


@pytest.mark.parametrize("spread", [0.002, 0.05, 0.4])
def test_ped_anova_of_values_that_crowd_about_one_place_is_optunas(spread):
    # Scott's bandwidth takes the quartiles' distance for such values, and the range does not begin at 0.
    generator = np.random.default_rng(3)
    x = np.clip(3.1 + spread * generator.standard_t(1.5, size=97), 2.0, 4.0)
    y = np.abs(x - 3.3) + 0.01 * generator.normal(size=97)
    parameters = [
        ("x", FloatDistribution(2.0, 4.0), x.tolist()),
        ("z", FloatDistribution(0.0, 1.0), [0.5] * 96 + [0.6]),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = PedAnovaImportanceEvaluator().evaluate(optuna_study(parameters, y))
    assert ped_anova(range_grid(x, 2.0, 4.0), y) == pytest.approx(oracle["x"], rel=1e-9)


def test_two_trials_can_tell():
    assert ped_anova(level_grid([0, 1], 2), [1.0, 2.0]) > 0.0


def test_too_few_trials_or_one_level_have_no_importance():
    assert ped_anova(level_grid([0], 2), [1.0]) == 0.0
    assert ped_anova(level_grid([0, 0], 1), [1.0, 2.0]) == 0.0


# --- censoring -------------------------------------------------------------------------------------------------------


def test_a_stopped_trial_ends_between_no_gain_and_the_largest_gain_of_others():
    completed = CompletedCurves.of([([1, 2, 3, 4], [9.0, 8.0, 7.0, 6.5]), ([1, 2, 3, 4], [9.0, 7.0, 7.5, 6.9])])
    assert final_bounds(2, 10.0, completed) == pytest.approx((10.0 - 1.5, 10.0))
    assert final_bounds(0, 10.0, completed) == (-np.inf, 10.0)
    nothing = CompletedCurves.of([])
    assert final_bounds(2, 10.0, nothing) == (-np.inf, 10.0)
    assert final_bounds(2, 10.0, nothing, best=False) == (-np.inf, np.inf)


CURVE = st.dictionaries(st.integers(0, 5), st.floats(-9, 9) | st.just(math.nan), max_size=4)


@given(st.lists(CURVE, max_size=5), st.integers(0, 5), st.booleans())
def test_gains_after_a_step_are_those_of_each_curve_alone(curves, step, best):
    def gain(points):
        finite = [(at, value) for at, value in points if not math.isnan(value)]
        early = [value for at, value in finite if at <= step]
        every = [value for _, value in finite]
        return min(early) - min(every) if best else early[-1] - every[-1]

    curves = [sorted(points.items()) for points in curves]
    reached = [points for points in curves if any(at <= step and not math.isnan(value) for at, value in points)]
    steps_and_values = [([at for at, _ in points], [value for _, value in points]) for points in curves]
    found = CompletedCurves.of(steps_and_values).gains_after(step, best=best)
    assert sorted(found) == sorted(gain(points) for points in reached)


def test_imputed_values_keep_their_bounds_and_known_ones_stay():
    x, y = search()
    known = y.copy()
    known[:10] = np.nan
    low, high = y - 0.2, y + 0.2
    generator = np.random.default_rng(0)
    filled = impute(known, low, high, lambda r: forest_regression(x, r, generator, num_trees=8))
    assert (filled[10:] == y[10:]).all()
    assert ((low - 1e-12 <= filled) & (filled <= high + 1e-12)).all()


def test_imputing_bad_trials_that_were_pruned_keeps_what_dropping_them_loses():
    # A harmful level is pruned at sight. Without its trials the factor cannot be seen to matter at all.
    levels = np.repeat([0.0, 1.0], 20)
    generator = np.random.default_rng(0)
    y = levels + 0.05 * generator.normal(size=40)
    censored = np.where(levels == 1, np.nan, y)
    points = levels[:, None]
    filled = impute(censored, y - 0.1, y + 0.1, lambda r: forest_regression(points, r, generator, num_trees=8))
    (kept,) = fanova(points, filled, [(-0.5, 1.5)], generator, num_trees=8)
    assert kept.share > 0.99
    (dropped,) = fanova(points[:20], y[:20], [(-0.5, 1.5)], generator, num_trees=8) or (None,)
    assert dropped is None


def test_nothing_censored_is_left_as_it_is():
    values = np.array([1.0, 2.0])
    assert impute(values, values, values, lambda r: (r, r)).tolist() == [1.0, 2.0]


def test_bounds_without_width_are_the_value():
    values = np.array([np.nan, 2.0])
    assert impute(values, [1.5, 0], [1.5, 0], lambda r: (r, np.ones(2))).tolist() == [1.5, 2.0]


def test_a_value_far_from_its_bounds_becomes_the_nearer_one():
    # The truncated normal's own mean underflows there.
    far = np.array([1e6, 1e6, -1e6])
    filled = impute([np.nan, 3.0, np.nan], [1.0, 0.0, 1.0], [2.0, 0.0, 2.0], lambda r: (far, np.full(3, 1e-3)))
    assert filled.tolist() == [2.0, 3.0, 1.0]


def test_imputing_goes_on_until_nothing_moves():
    # Predicted is the mean of all, without doubt: its fixed point for the third is the mean of the two known.
    seen = []

    def regress(response):
        seen.append(response[2])
        return np.full(3, response.mean()), np.zeros(3)

    filled = impute([0.0, 10.0, np.nan], [0.0, 0.0, 0.0], [0.0, 0.0, 16.0], regress)
    assert seen[0] == 8.0  # the middle of its bounds
    assert filled[2] == pytest.approx(5.0, abs=0.01)
    assert len(seen) < 10


def test_fanova_weighs_levels_equally_however_often_they_were_tried():
    points = np.repeat([[0.0], [1.0]], [90, 10], axis=0)
    (found,) = fanova(points, points[:, 0], [(-0.5, 1.5)], np.random.default_rng(0), num_trees=8)
    assert found.share == pytest.approx(1.0)
    assert found.spread == pytest.approx(0.0, abs=1e-9)
