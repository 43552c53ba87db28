"""Factorial effects against Yates' algorithm, published examples and statsmodels."""

from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm

from sweeper.evidence.statistics.factorial import factorial_effects, lenth


def full(names):
    rows = np.array(list(product([-1.0, 1.0], repeat=len(names))))
    return {name: rows[:, place] for place, name in enumerate(names)}


# The filtration rate experiment, Montgomery, Design and Analysis of Experiments, example 6.2 (a 2^4 without
# replication): temperature A, pressure B, formaldehyde C, stirring D, in standard order.
RATE = [45, 71, 48, 65, 68, 60, 80, 65, 43, 100, 45, 104, 75, 86, 70, 96]
EFFECTS = {
    "A": 21.625, "B": 3.125, "C": 9.875, "D": 14.625, "A x B": 0.125, "A x C": -18.125, "A x D": 16.625,
    "B x C": 2.375, "B x D": -0.375, "C x D": -1.125,
}  # fmt: skip


def filtration():
    rows = np.array(list(product([-1.0, 1.0], repeat=4)))[:, ::-1]  # A changes fastest
    return {name: rows[:, place] for place, name in enumerate("ABCD")}


def test_montgomerys_filtration_effects_come_out():
    found = {effect.name: effect.estimate.value for effect in factorial_effects(filtration(), RATE)}
    assert found == pytest.approx(EFFECTS)


def test_montgomerys_active_effects_are_the_ones_that_are_significant():
    found = factorial_effects(filtration(), RATE)
    significant = {effect.name for effect in found if effect.estimate.p_two_sided() < 0.05}
    assert significant == {"A", "C", "D", "A x C", "A x D"}


def test_lenths_pseudo_standard_error_of_the_filtration_experiment_is_the_published_one():
    three_way = [1.875, 4.125, -1.625, -2.625, 1.375]  # ABC, ABD, ACD, BCD, ABCD, from the same table
    error, df = lenth([*EFFECTS.values(), *three_way])
    assert error == pytest.approx(2.625)
    assert df == 5


def test_errors_are_statsmodels():
    generator = np.random.default_rng(0)
    levels = full("abc")
    doubled = {name: np.tile(column, 2) for name, column in levels.items()}
    response = generator.normal(size=16)
    found = factorial_effects(doubled, response, [0] * 8 + [1] * 8)
    design = np.column_stack(
        [np.repeat([1.0, 0.0], 8), np.repeat([0.0, 1.0], 8), *doubled.values()]
        + [doubled[x] * doubled[y] for x, y in ("ab", "ac", "bc")]
    )
    fit = sm.OLS(response, design).fit()
    assert [effect.estimate.value for effect in found] == pytest.approx(list(2 * fit.params[2:]))
    assert [effect.estimate.p_two_sided() for effect in found] == pytest.approx(list(fit.pvalues[2:]))
    assert found[0].estimate.df == fit.df_resid == 8


def test_a_half_fraction_of_resolution_four_aliases_pairs_of_interactions():
    levels = full("abc")
    levels["d"] = levels["a"] * levels["b"] * levels["c"]
    found = {effect.name: effect for effect in factorial_effects(levels, np.arange(8.0))}
    assert list(found) == ["a", "b", "c", "d", "a x b", "a x c", "a x d"]
    assert found["a"].aliases == ()
    assert found["a x b"].aliases == (("c x d", 1.0),)
    assert found["a x d"].aliases == (("b x c", 1.0),)


def test_a_resolution_three_fraction_says_that_main_effects_are_aliased():
    levels = full("ab")
    levels["c"] = -levels["a"] * levels["b"]
    found = {effect.name: effect.aliases for effect in factorial_effects(levels, [1.0, 2.0, 3.0, 4.0])}
    assert found == {"a": (("b x c", -1.0),), "b": (("a x c", -1.0),), "c": (("a x b", -1.0),)}


def test_a_plackett_burman_design_spreads_interactions_by_thirds():
    first = np.array([1, 1, -1, 1, 1, 1, -1, -1, -1, 1, -1])
    rows = np.array([*(np.roll(first, shift) for shift in range(11)), -np.ones(11)], dtype=float)
    levels = {f"x{place}": rows[:, place] for place in range(4)}
    found = factorial_effects(levels, np.arange(12.0), interactions=False)
    weights = {round(abs(weight), 3) for effect in found for _, weight in effect.aliases}
    assert weights == {0.333}
    assert found[0].estimate.df == 7


def test_the_2_to_5_minus_1_of_the_flagship_study_keeps_all_main_and_two_way_effects_clear():
    levels = full("abcd")
    levels["e"] = -levels["a"] * levels["b"] * levels["c"] * levels["d"]
    truth = {"a": -0.1, "b": -0.2, "a x b": 0.05}
    response = sum(
        0.5 * effect * np.prod([levels[name] for name in terms.split(" x ")], axis=0) for terms, effect in truth.items()
    )
    found = factorial_effects(levels, response)
    assert len(found) == 15
    assert all(effect.aliases == () for effect in found)
    assert {effect.name: effect.estimate.value for effect in found if abs(effect.estimate.value) > 1e-9} == (
        pytest.approx(truth)
    )


def test_fewer_than_three_degrees_of_freedom_left_are_judged_by_lenth():
    levels = full("abc")
    response = np.array([1.0, 2.5, 3.1, 4.9, 5.2, 6.8, 7.7, 9.9])
    main = factorial_effects(levels, response, interactions=False)  # 4 are left
    both = factorial_effects(levels, response)  # 1 is left
    assert {effect.estimate.df for effect in main} == {4.0}
    assert main[0].estimate.method == "least squares, 4 df"
    twice = {name: np.tile(column, 2) for name, column in full("ab").items()}
    assert {effect.estimate.method for effect in factorial_effects(twice, response, [0] * 4 + [1] * 4)} == {
        "least squares, 3 df"
    }
    error, df = lenth([effect.estimate.value for effect in both])
    assert {(effect.estimate.standard_error, effect.estimate.df) for effect in both} == {(error, df)}
    assert both[0].estimate.method == "Lenth's pseudo standard error, 2 df"
    assert {effect.estimate.n for effect in main + both} == {4}


def test_effects_that_are_all_nothing_have_no_error():
    assert lenth([0.0, 0.0, 0.0]) == (0.0, 1.0)


def test_blocks_that_are_the_levels_leave_no_effect():
    assert factorial_effects({"a": [-1.0, -1.0, 1.0, 1.0]}, [1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1]) == ()


def test_levels_that_are_not_coded_are_refused():
    with pytest.raises(ValueError, match="coded -1 and 1"):
        factorial_effects({"a": [0.0, 1.0]}, [1.0, 2.0])


def test_a_saturated_design_of_one_or_two_effects_is_not_judged():
    for levels in ({"a": [-1, 1, -1, 1]}, {"a": [-1, 1, -1, 1], "b": [-1, -1, 1, 1]}):
        blocks = [0, 0, 1, 1] if len(levels) == 1 else None
        found = factorial_effects(levels, [1.0, 2.0, 1.5, 2.2], blocks, interactions=False)
        assert [effect.estimate.decides for effect in found] == [False] * len(levels)
        assert {effect.estimate.method for effect in found} == {"too few runs to judge by"}
        assert found[0].estimate.value == pytest.approx(0.85)
