"""Frames whose designs pair nothing or not everything: fractions, searches, and failures that seeds share."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

import sweeper
from sweeper.errors import UsageError

HALF = [{"a": a, "b": b, "c": c, "d": (a + b + c) % 2} for a, b, c in product((0, 1), repeat=3)]
CLAIM = {"id": "c", "contrast": {"factor": "a", "from": 0, "to": 1}, "expect": "decrease"}


def judged(rows, claim=CLAIM):
    (found,) = sweeper.judge(pd.DataFrame(rows), metric="loss", claims=[claim])
    return found


def runs(arms, seeds, generator, varies=0.0):
    """Runs in which `a` does nothing on average, but something else with each seed."""
    by_seed, change = 3.0 * generator.normal(size=seeds), varies * generator.normal(size=seeds)
    return [
        {**arm, "seed": seed, "loss": 100 + by_seed[seed] + change[seed] * arm["a"] + generator.normal()}
        for arm in arms
        for seed in range(seeds)
    ]


@pytest.mark.parametrize("lost", [(), (3,), (3, 17, 18)])
def test_an_effect_of_a_fraction_that_varies_with_the_seed_is_judged_by_seed_though_runs_are_lost(lost):
    generator = np.random.default_rng(2)
    frames = (pd.DataFrame(runs(HALF, 5, generator, varies=2.0)).drop(list(lost)) for _ in range(120))
    found = [judged(frame) for frame in frames]
    assert np.mean([each.low <= 0.0 <= each.high for each in found]) > 0.9  # without it 62 to 69 %
    assert np.mean([each.verdict == "supported" for each in found]) <= 0.09  # without it 16 %


def test_the_difference_of_two_fitted_gains_has_fewer_degrees_of_freedom_if_one_varies_with_the_seed():
    frame = pd.DataFrame(runs(HALF, 4, np.random.default_rng(8), varies=6.0))
    claims = [
        {"id": name, "contrast": {"factor": name, "from": 0, "to": 1}, "expect": "decrease"} for name in ("a", "b")
    ]
    order = {"id": "o", "ordering": {"order": ["b", "a"]}}
    found = sweeper.judge(frame, metric="loss", claims=[*claims, order])
    varied, quiet, both = (each.examination.tested[each.position].evidence.parts[0].effect for each in found)
    assert varied.df == pytest.approx(3)
    assert quiet.df > 10
    assert 2.99 < both.df < 4.5
    assert both.standard_error == pytest.approx(np.hypot(quiet.standard_error, varied.standard_error))


GRID = [{"a": a, "b": b, "c": c} for a, b, c in product((0, 1), repeat=3)]
AT_ONE_PLACE = {"id": "c", "contrast": {**CLAIM["contrast"], "where": {"b": 0, "c": 0}}, "expect": "decrease"}
ARMS = {
    "id": "c",
    "contrast": {"from": {"a": 0, "b": 0}, "to": {"a": 1, "b": 1}, "where": {"c": 0}},
    "expect": "decrease",
}


def effect_of(found):
    return found.examination.tested[found.position].evidence.parts[0].effect


def test_one_pair_of_a_grid_is_judged_by_how_its_change_varies_with_the_seed_in_all_pairs():
    frame = pd.DataFrame(runs(GRID, 4, np.random.default_rng(5), varies=6.0))
    found = effect_of(judged(frame, AT_ONE_PLACE))
    table = frame.pivot_table(index=["b", "c", "seed"], columns="a", values="loss")
    changes = (table[1] - table[0]).unstack("seed")
    assert found.value == pytest.approx(changes.loc[(0, 0)].mean())
    assert found.standard_error**2 > changes.mean().var() / 4
    assert found.standard_error**2 == pytest.approx(changes.mean().var() / 4, rel=0.2)
    assert 3 <= found.df < 4
    assert found.method.startswith("paired t, variance by seed and pooled")


def test_pairs_that_are_no_part_of_a_grid_share_the_pool():
    arms = [{"a": 0, "b": 0, "c": 0}, {"a": 1, "b": 0, "c": 0}, {"a": 0, "b": 1, "c": 0}, {"a": 0, "b": 0, "c": 1}]
    found = effect_of(judged(runs(arms, 4, np.random.default_rng(5)), AT_ONE_PLACE))
    assert found.df == 9


def test_a_grid_that_lacks_a_run_elsewhere_leaves_out_the_pair_of_it():
    frame = pd.DataFrame(runs(GRID, 4, np.random.default_rng(5), varies=6.0))
    whole, lacking = (effect_of(judged(each, AT_ONE_PLACE)) for each in (frame, frame.drop(index=len(frame) - 1)))
    assert lacking.value == pytest.approx(whole.value)
    assert lacking.standard_error == pytest.approx(whole.standard_error, rel=0.2)
    assert lacking.df == pytest.approx(whole.df, rel=0.2)


@pytest.mark.parametrize(
    "claim",
    [
        {"contrast": {"from": {"levels": {"a": 0, "b": 0}}, "to": {"levels": {"a": 1, "b": 1}}}, "expect": "decrease"},
        {"ordering": {"largest": "a", "among": ["b"], "levels": {"a": 1, "b": 1}}},
    ],
    ids=["two arms", "ordering"],
)
@pytest.mark.parametrize("names", ["ab", "abc"])
def test_arms_of_a_grid_without_others_that_differ_alike_are_judged_by_seed_and_pool(claim, names):
    arms = [dict(zip(names, levels, strict=True)) for levels in product((0, 1), repeat=len(names))]
    generator, found = np.random.default_rng(4), []
    for _ in range(150):
        found.append(judged(runs(arms, 3, generator, varies=3.0), {"id": "c", **claim}))
    assert not any("pooled variance" in effect_of(each).method for each in found)
    assert np.mean([each.low <= 0.0 <= each.high for each in found]) > 0.9  # without it 74 to 88 %
    assert np.mean([each.verdict == "supported" for each in found]) <= 0.09  # without it 8 to 17 %


def test_a_grid_whose_other_pairs_all_lack_runs_is_judged_by_seed_and_pool():
    generator, methods = np.random.default_rng(5), []
    for _ in range(20):
        frame = pd.DataFrame(runs(GRID, 4, generator, varies=3.0))
        others = (frame["a"] == 1) & (frame["seed"] == 0) & ~((frame["b"] == 0) & (frame["c"] == 0))
        methods.append(effect_of(judged(frame[~others], AT_ONE_PLACE)).method)
    assert any(method.endswith("because the effect varies with the seed") for method in methods)
    assert not any("pooled variance" in method for method in methods)


def test_a_lost_run_changes_no_baseline():
    generator = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"a": a, "b": b, "seed": seed, "loss": 10 - 4 * a - b + 0.5 * generator.normal()}
        for seed, a, b in product(range(4), (0, 1), (0, 1))
    )
    lost = (frame["a"] == 0) & (frame["b"] == 0) & (frame["seed"] == 2)
    order = {"id": "o", "ordering": {"largest": "a", "among": ["b"]}}
    for each in (frame, frame[~lost]):
        found = judged(each, order)
        assert found.verdict == "supported"
        assert found.sentence.startswith("gain of a (1) minus gain of b (1): +3.10")


def search(trials, generator):
    """Configurations that are drawn: levels of `a`, and of three factors with six."""
    return [
        {"a": int(generator.integers(2)), **{name: int(generator.integers(6)) for name in ("lr", "wd", "do")}}
        for _ in range(trials)
    ]


def test_a_search_over_more_than_two_levels_shows_no_effect_and_says_what_would():
    generator = np.random.default_rng(4)
    found = judged([{**row, "loss": row["loss"] + row["lr"]} for row in runs(search(20, generator), 3, generator)])
    assert found.verdict == "untested"
    assert found.sentence == (
        "No two trials of phase runs share their seed and differ only in a, from 0 to 1: those with the same seed "
        "differ in lr, wd and do too, and the phase is no two-level design to fit: lr, wd and do have more than two "
        "levels; add runs in which a changes on its own."
    )


def test_a_search_over_two_levels_that_is_no_fraction_shows_no_effect():
    generator = np.random.default_rng(12)
    arms = [{name: int(generator.integers(2)) for name in "abcdefghijkl"} for _ in range(14)]
    found = judged(runs(arms, 3, generator))
    assert found.verdict == "untested"
    assert "its configurations are not a balanced fraction; add runs in which a changes" in found.sentence


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_fraction_without_a_few_of_its_configurations_still_is_one(lost):
    found = judged(runs(HALF[: len(HALF) - lost], 3, np.random.default_rng(1)))
    assert found.verdict == "undecided"
    assert found.evidence.method.startswith("least squares")


def test_an_interaction_in_a_search_is_not_fitted_either():
    generator = np.random.default_rng(4)
    arms = [{**arm, "b": place % 2} for place, arm in enumerate(search(20, generator))]
    ends = {"factor": "a", "from": 0, "to": 1, "with": {"factor": "b", "from": 0, "to": 1}}
    found = judged(runs(arms, 3, generator), {"id": "i", "interaction": ends, "expect": "increase"})
    assert (found.verdict, found.evidence.n) == ("untested", 0)
    assert "lr, wd and do have more than two levels" in found.sentence


def failing(seeds, fails):
    return [
        {"a": a, "b": b, "c": c, "seed": seed, "loss": 1.0, "state": "failed" if fails(a, seed) else "completed"}
        for a, b, c in product((0, 1), repeat=3)
        for seed in range(seeds)
    ]


FEWER = {"id": "d", "divergence": {"factor": "a", "from": 0, "to": 1}, "expect": "decrease"}


def test_many_pairs_of_one_seed_do_not_decide_how_often_runs_fail():
    found = judged(failing(1, lambda a, _: not a), FEWER)
    assert (found.verdict, found.evidence.p, found.n) == ("undecided", 0.5, 4)
    assert found.sentence == (
        "a from 0 to 1 in runs: 0/4 runs failed, against 4/4 (exact sign-flip test over 1 seed, on 4 pairs; adjusted "
        "p = 0.50). Claimed: fewer runs fail. It needs at least 5 seeds to be decided."
    )


def test_five_seeds_that_all_fail_more_often_at_one_level_decide():
    found = judged(failing(5, lambda a, _: not a), FEWER)
    assert (found.verdict, found.evidence.p) == ("supported", 1 / 32)


def test_strata_with_different_numbers_of_seeds_leave_a_degree_of_freedom():
    generator, claim = np.random.default_rng(7), {"contrast": {"factor": "a", "from": 0, "to": 1}, "id": "x"}
    arms = [{"a": a, "b": b} for a in (0, 1) for b in (0, 1)]
    for _ in range(25):
        rows = [
            {**row, "d": stratum, "loss": 100 + spread * (row["loss"] - 100)}
            for stratum, seeds, spread in (("p", 5, 1.0), ("q", 2, 5.0))
            for row in runs(arms, seeds, generator)
        ]
        (found,) = sweeper.judge(
            pd.DataFrame(rows), metric="loss", strata=["d"], claims=[{**claim, "expect": "decrease"}]
        )
        assert found.high - found.low < 100, found.evidence.method


@pytest.mark.parametrize("seeds", [3, 5, 8])
def test_failures_that_all_pairs_of_a_seed_share_are_rarely_called_an_effect(seeds):
    generator, wrong = np.random.default_rng(6), 0
    for _ in range(80):
        fate = generator.random((2, seeds)) < 0.3
        wrong += judged(failing(seeds, lambda a, seed, fate=fate: fate[a, seed]), FEWER).verdict == "supported"
    assert wrong / 80 <= 0.05


def ordering(levels):
    arms = [{"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 2, "b": 0}, {"a": 0, "b": 1}]
    rows = [{**row, "loss": row["loss"] - 9 * row["a"]} for row in runs(arms, 4, np.random.default_rng(0))]
    return judged(rows, {"id": "o", "ordering": {"order": ["a", "b"], "levels": levels}})


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ({"a": 7}, "No trial of phase runs has a = 7; its levels there: 0, 1, 2."),
        (
            {"a": 0},
            "0 is the baseline of a, so it has no gain; name another level of a, or none for the best one, or declare "
            "baselines={'a': 1}.",
        ),
    ],
)
def test_an_ordering_by_a_level_without_a_gain_is_untested(levels, reason):
    found = ordering(levels)
    assert (found.verdict, found.sentence) == ("untested", reason)


def test_an_ordering_uses_the_level_that_it_names():
    assert ordering({"a": 1}).estimate == pytest.approx(ordering({}).estimate - 9, abs=3)


@pytest.mark.parametrize(
    ("levels", "fault"),
    [
        ({"zz": 1}, "claims[0].ordering.levels.zz: 'zz' is not a factor. Factors: a, b."),
        ({"aa": 1}, "claims[0].ordering.levels.aa: 'aa' is not a factor. Did you mean 'a'? Factors: a, b."),
    ],
)
def test_an_ordering_with_a_level_of_an_unknown_factor_is_refused(levels, fault):
    with pytest.raises(UsageError) as error:
        ordering(levels)
    assert str(error.value) == fault


def test_an_ordering_with_a_level_of_a_factor_that_it_leaves_out_is_refused():
    rows = [{**row, "c": row["a"]} for row in runs([{"a": 0, "b": 0}, {"a": 1, "b": 0}], 2, np.random.default_rng(0))]
    with pytest.raises(UsageError, match=r"levels\.c: 'c' is not in the ordering\. Remove it, or add it to order"):
        judged(rows, {"id": "o", "ordering": {"order": ["a", "b"], "levels": {"c": 1}}})
