"""No verdict of `sweeper.judge` is surer than its runs: what looks certain by too few digits, seeds or spread."""

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
