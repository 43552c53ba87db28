"""Responses without strata and seeds, and factors that cannot be told apart."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from sweeper.evidence.statistics.centring import aliased, block_offsets, level_columns
from sweeper.evidence.statistics.forest import fanova


def test_strata_and_seeds_are_taken_out_as_a_fit_would():
    generator = np.random.default_rng(0)
    rows = [(arm, seed, stratum) for stratum in "xy" for arm in range(4) for seed in range(3)]
    frame = pd.DataFrame(rows, columns=["arm", "seed", "stratum"])
    frame["value"] = generator.normal(size=len(frame)) + frame["seed"] * 3.0 + (frame["stratum"] == "y") * 100.0
    fit = smf.ols("value ~ C(stratum) * C(seed)", frame).fit()
    found = block_offsets(frame["value"], frame["arm"].tolist(), frame["seed"].tolist(), frame["stratum"].tolist())
    assert found == pytest.approx(fit.fittedvalues.to_numpy())


def test_runs_without_a_value_have_the_offset_of_their_stratum_and_seed():
    values = [1.0, 3.0, 2.0, np.nan, 11.0, np.nan]
    found = block_offsets(values, ["a", "a", "b", "b", "a", "c"], [0, 1, 0, 1, 0, 7], ["x"] * 4 + ["y"] * 2)
    assert found[3] == pytest.approx(found[1])
    assert found[3] - found[2] == pytest.approx(2.0)  # what the second seed adds
    assert found[5] == pytest.approx(11.0)  # an unknown seed adds nothing


def test_where_each_configuration_ran_once_seeds_stay():
    values = [1.0, 2.0, 6.0]
    assert block_offsets(values, ["a", "b", "c"], [0, 1, 2], ["s"] * 3) == pytest.approx([3.0, 3.0, 3.0])


def test_a_factor_explains_the_same_share_over_two_datasets_as_within_one():
    generator = np.random.default_rng(1)
    grid = list(product(range(3), range(3), (0, 1), (0, 1, 2)))
    points = np.array([(first, second) for first, second, _, _ in grid], dtype=float)
    offset = np.array([50.0 * dataset + 2.0 * seed for _, _, dataset, seed in grid])
    response = points[:, 0] + 0.7 * points[:, 1] + 0.1 * generator.normal(size=len(grid)) + offset
    bounds = [(-0.5, 2.5)] * 2
    raw = fanova(points, response, bounds, np.random.default_rng(2), num_trees=16)
    arms = [(first, second) for first, second, _, _ in grid]
    offsets = block_offsets(response, arms, [seed for *_, seed in grid], [dataset for _, _, dataset, _ in grid])
    fair = fanova(points, response - offsets, bounds, np.random.default_rng(2), num_trees=16)
    truth = 1.0 / (1.0 + 0.7**2)  # variances of the two main effects, without noise
    assert fair[0].share == pytest.approx(truth, abs=0.05)
    assert abs(raw[0].share - truth) > 0.05


def aliases(*levels):
    return aliased([level_columns(each) for each in levels])


def test_factors_of_a_grid_are_not_aliased():
    assert aliases(*zip(*product((0, 1, 2), ("a", "b"), (True, False)), strict=True)) == ()


def test_factors_that_change_together_are_aliased():
    assert aliases([0, 0, 1, 1], ["x", "x", "y", "y"], [0, 1, 0, 1]) == (0, 1)


def test_a_factor_that_is_the_sum_of_others_is_aliased_with_them():
    # 2^(3-1) with one run lost: three factors, three runs.
    assert aliases([0, 1, 0], [0, 0, 1], [0, 1, 1]) == (0, 1, 2)


def test_a_factor_that_never_varies_is_no_alias():
    assert aliases([0, 0, 0, 0], [0, 1, 0, 1]) == ()


def test_ranges_are_aliased_if_they_are_drawn_together():
    generator = np.random.default_rng(3)
    drawn = generator.uniform(size=(20, 2))
    assert aliased([drawn[:, :1], drawn[:, 1:], 1e6 * drawn[:, :1] + 5.0]) == (0, 2)
    assert aliased([drawn[:, :1], drawn[:, 1:]]) == ()
