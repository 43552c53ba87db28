"""Responses without strata and seeds, and factors that cannot be told apart."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from sweeper.evidence.statistics.centring import aliased_factors, centred_response
from sweeper.evidence.statistics.forest import fanova


def test_strata_and_seeds_are_taken_out_as_a_fit_would():
    generator = np.random.default_rng(0)
    rows = [(arm, seed, stratum) for stratum in "xy" for arm in range(4) for seed in range(3)]
    frame = pd.DataFrame(rows, columns=["arm", "seed", "stratum"])
    frame["value"] = generator.normal(size=len(frame)) + frame["seed"] * 3.0 + (frame["stratum"] == "y") * 100.0
    fit = smf.ols("value ~ C(stratum) * C(seed)", frame).fit()
    found = centred_response(frame["value"], frame["arm"].tolist(), frame["seed"].tolist(), frame["stratum"].tolist())
    assert found == pytest.approx(fit.resid.to_numpy())


def test_where_each_configuration_ran_once_seeds_stay():
    values = [1.0, 2.0, 6.0]
    assert centred_response(values, ["a", "b", "c"], [0, 1, 2], ["s"] * 3) == pytest.approx([-2.0, -1.0, 3.0])


def test_a_factor_explains_the_same_share_over_two_datasets_as_within_one():
    generator = np.random.default_rng(1)
    grid = list(product(range(3), range(3), (0, 1), (0, 1, 2)))
    points = np.array([(first, second) for first, second, _, _ in grid], dtype=float)
    offset = np.array([50.0 * dataset + 2.0 * seed for _, _, dataset, seed in grid])
    response = points[:, 0] + 0.7 * points[:, 1] + 0.1 * generator.normal(size=len(grid)) + offset
    bounds = [(-0.5, 2.5)] * 2
    raw = fanova(points, response, bounds, np.random.default_rng(2), num_trees=16)
    arms = [(first, second) for first, second, _, _ in grid]
    centred = centred_response(response, arms, [seed for *_, seed in grid], [dataset for _, _, dataset, _ in grid])
    fair = fanova(points, centred, bounds, np.random.default_rng(2), num_trees=16)
    truth = 1.0 / (1.0 + 0.7**2)  # variances of the two main effects, without noise
    assert fair[0].share == pytest.approx(truth, abs=0.05)
    assert abs(raw[0].share - truth) > 0.05


def test_factors_of_a_grid_are_not_aliased():
    levels = list(zip(*product((0, 1, 2), ("a", "b"), (True, False)), strict=True))
    assert aliased_factors(levels) == ()


def test_factors_that_change_together_are_aliased():
    assert aliased_factors([[0, 0, 1, 1], ["x", "x", "y", "y"], [0, 1, 0, 1]]) == (0, 1)


def test_a_factor_that_is_the_sum_of_others_is_aliased_with_them():
    # 2^(3-1) with one run lost: three factors, three runs.
    assert aliased_factors([[0, 1, 0], [0, 0, 1], [0, 1, 1]]) == (0, 1, 2)


def test_a_factor_that_never_varies_is_no_alias():
    assert aliased_factors([[0, 0, 0, 0], [0, 1, 0, 1]]) == ()
