"""The axis of effects shows estimates, and intervals as far as they do not squeeze those."""

import pytest

from reports.figures.effects_axis import effect_scale


@pytest.mark.parametrize("estimate", [0.0, 0.016, -0.016, 0.4])
def test_the_interval_of_an_effect_near_0_is_whole(estimate: float) -> None:
    scale = effect_scale([estimate], [-0.524, 0.527], "change (%)")
    assert scale.low < -0.524
    assert scale.high > 0.527


def test_an_interval_that_would_squeeze_the_others_is_cut() -> None:
    scale = effect_scale([1.0, 2.0, 1.5], [0.5, 1.5, 1.4, 2.6, -900.0, 903.0], "change (%)")
    assert 2.6 < scale.high < 15.0
    assert -15.0 < scale.low < 0.5


def test_an_axis_without_any_interval_is_that_of_the_estimates() -> None:
    scale = effect_scale([2.0], [float("nan"), float("nan")], "change (%)")
    assert scale.low <= 0.0
    assert scale.high >= 2.0
