"""No verdict of `sweeper.judge` is surer than its runs: what looks certain by too few digits, seeds or spread."""

import numpy as np
import pandas as pd

import sweeper


def frame_of(*arms):
    """A frame of the levels 0, 1, ... of a factor x, each with the values of its seeds 0, 1, ..."""
    return pd.DataFrame(
        [(x, seed, value) for x, values in enumerate(arms) for seed, value in enumerate(values)]
    ).set_axis(["x", "seed", "loss"], axis=1)


def judged(frame, expect="decrease", low=0, high=1):
    claim = {"id": "c", "contrast": {"factor": "x", "from": low, "to": high}, "expect": expect}
    (found,) = sweeper.judge(frame, metric="loss", claims=[claim])
    return found


def test_an_arm_with_huge_values_changes_no_verdict_on_others():
    arms = [1.0, 1.3, 1.1], [0.9, 1.1, 1.05]
    alone = judged(frame_of(*arms))
    for huge in (1e6, 1e9, 1e17):
        beside = judged(frame_of(*arms, [1.0, 1.1, huge]))
        assert (beside.verdict, round(beside.p_adjusted, 6)) == ("undecided", round(alone.p_adjusted, 6))


def test_shares_of_few_questions_have_an_interval():
    found = judged(frame_of(*([each / 30 for each in right] for right in ([23, 23, 24], [24, 24, 25]))), "increase")
    assert found.p_adjusted > 0.01
    assert found.high - found.low > 1 / 30


def test_an_arm_that_ignores_its_seed_decides_nothing():
    frame = frame_of([1.1234] * 3, [1.1012] * 3, [0.9991, 1.0003, 1.0012], [0.9, 0.901, 0.9009])
    for low, high in ((0, 1), (2, 1), (0, 3)):
        found = judged(frame, low=low, high=high)
        assert found.verdict == "undecided"
        assert "the seed changes nothing in what is compared: 1 run, not 3" in found.sentence
    assert judged(frame, low=2, high=3).verdict == "supported"


def test_an_arm_that_ignores_its_seed_says_nothing_of_the_spread_of_others():
    arms = [1.0012, 1.3034, 1.1056], [0.9078, 1.1091, 1.0502]
    beside = judged(frame_of(*arms, [0.71234567] * 3, [0.81234567] * 3))
    assert beside.p_adjusted == judged(frame_of(*arms)).p_adjusted


def test_values_of_few_digits_may_be_equal():
    assert judged(frame_of([1.0] * 3, [0.6] * 3, [0.8, 0.9, 0.9])).verdict == "supported"
    assert judged(frame_of([0.5] * 3, [0.1234, 0.1275, 0.1311], [0.6, 0.7, 0.61])).verdict == "supported"


def test_other_factors_are_no_repeats_of_a_single_seed():
    def grid(seeds):
        noise = np.random.default_rng(4).normal(0, 0.01, size=(2, 3, 4))
        cells = [(x, y, seed) for x in (0, 1) for y in range(3) for seed in seeds]
        rows = [(*cell, 1.2345 - 0.2 * cell[0] + noise[cell]) for cell in cells]
        return pd.DataFrame(rows).set_axis(["x", "y", "seed", "loss"], axis=1)

    found = judged(grid([0]))
    assert (found.verdict, found.n) == ("undecided", 1)
    assert "one seed does not show how runs vary" in found.sentence
    assert judged(grid([0, 1, 2])).verdict == "supported"
    mixed = pd.concat([grid([0]), grid([1, 2, 3]).query("y == 0")])
    assert judged(mixed).verdict == "supported"  # three seeds of a pair show how runs vary
