"""Test the learning rate over a run."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.schedules import learning_rate


def rate(step: int, *, num_steps: int = 125_000, warmup: float = 0.024, schedule: str = "cosine") -> float:
    return learning_rate(step, num_steps, peak=3.5e-4, warmup_fraction=warmup, schedule=schedule)


def test_the_recipe_rises_for_3000_steps_and_falls_along_a_cosine_of_the_whole_run() -> None:
    assert rate(0) == pytest.approx(3.5e-4 / 3000)
    assert rate(1499) == pytest.approx(3.5e-4 / 2)
    assert rate(2999) == pytest.approx(3.5e-4)
    assert rate(3000) == pytest.approx(0.5 * 3.5e-4 * (1 + math.cos(math.pi * 3000 / 125_000)))
    assert rate(62_500) == pytest.approx(3.5e-4 / 2)
    assert rate(124_999) == pytest.approx(0.0, abs=1e-12)


def test_a_constant_rate_stays_at_its_peak_after_the_warm_up() -> None:
    assert rate(49, num_steps=100, warmup=0.5, schedule="constant") == pytest.approx(3.5e-4)
    assert rate(99, num_steps=100, warmup=0.5, schedule="constant") == 3.5e-4
    assert rate(0, num_steps=100, warmup=0.0, schedule="constant") == 3.5e-4


@given(num_steps=st.integers(1, 400), warmup=st.floats(0, 1), data=st.data())
def test_a_rate_is_above_nothing_and_at_most_the_peak(num_steps: int, warmup: float, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, num_steps - 1))
    assert 0.0 < rate(step, num_steps=num_steps, warmup=warmup) <= 3.5e-4 * (1 + 1e-12)
