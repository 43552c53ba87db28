"""Margins in percent of a linear metric: the mean that they are a share of is as uncertain as its runs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sweeper

CONTRAST = {"factor": "a", "from": 0, "to": 1}


def frame_of(start, end):
    return pd.DataFrame(
        [
            {"a": a, "seed": seed, "loss": value}
            for a, values in enumerate((start, end))
            for seed, value in enumerate(values)
        ]
    )


def judged(frame, **claim):
    (found,) = sweeper.judge(frame, metric="loss", claims=[{"id": "c", "contrast": CONTRAST, **claim}])
    return found


START, END = np.array([30.0, 190.0, 85.0, 150.0, 45.0]), np.array([31.5, 191.4, 86.1, 151.9, 46.2])


def test_a_share_of_a_mean_that_seeds_change_is_no_sure_margin():
    frame = frame_of(START, END)
    in_units = judged(frame, expect="no_worse", within=2.0)
    share = judged(frame, expect="no_worse", within="2%")
    assert (in_units.verdict, share.verdict) == ("supported", "undecided")
    assert share.estimate == in_units.estimate
    assert share.low < in_units.low and share.high > 2.0 > in_units.high
    assert "2% (2)" in share.sentence


def test_the_error_is_that_of_the_end_minus_the_share_of_the_start():
    """Fieller's test is Student's of these differences; here with the variance that both sides have in common."""
    generator = np.random.default_rng(3)
    common = 100.0 + 30.0 * generator.normal(size=200)
    start, end = (common + generator.normal(size=200) for _ in range(2))
    found = judged(frame_of(start, end), expect="no_worse", within="1%")
    error = stats.sem(end - 1.01 * start)
    assert found.high - found.low == pytest.approx(2 * stats.t(200).ppf(0.975) * error, rel=0.03)


def test_a_margin_against_a_figure_or_in_units_or_of_nothing_has_no_error():
    frame = frame_of(START, END)
    constant = {"id": "k", "constant": {"value": 100.0}}
    (share,) = sweeper.judge(frame, metric="loss", claims=[{**constant, "expect": "equal", "within": "2%"}])
    (units,) = sweeper.judge(frame, metric="loss", claims=[{**constant, "expect": "equal", "within": 2.0}])
    assert (share.low, share.high, share.p_adjusted) == (units.low, units.high, units.p_adjusted)
    plain, none = judged(frame, expect="increase"), judged(frame, expect="increase", at_least="0%")
    assert (plain.low, plain.high) == (none.low, none.high)


def test_one_seed_does_not_show_what_a_percentage_is_worth():
    frame = pd.DataFrame(
        [
            {"a": a, "b": b, "seed": seed, "loss": 10.0 + a + 3 * b + 0.1 * np.sin(7 * seed + 3 * b + a)}
            for a, b, seeds in ((0, 0, 1), (1, 0, 1), (0, 1, 3), (0, 2, 3))
            for seed in range(seeds)
        ]
    )
    found = judged(frame, expect="increase", at_least="1%")
    assert (found.verdict, found.p_adjusted) == ("undecided", 1.0)
    assert "one seed does not show" in found.sentence
