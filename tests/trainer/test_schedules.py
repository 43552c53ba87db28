"""Test the learning rate over a run."""

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.config import ConfigError, parse
from trainer.config.optimizer import Schedule
from trainer.schedules import learning_rate


def rate(step: int, *, num_steps: int = 125_000, warmup: float = 0.024, schedule: Schedule = "cosine") -> float:
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


def test_a_linear_rate_falls_from_the_end_of_the_warm_up_to_nothing_after_the_last_step() -> None:
    found = [rate(step, num_steps=100, warmup=0.2, schedule="linear") for step in range(100)]
    assert found[:20] == pytest.approx([3.5e-4 * (step + 1) / 20 for step in range(20)])
    assert found[20:] == pytest.approx([3.5e-4 * (1 - (step - 20) / 80) for step in range(20, 100)])


def test_wsd_is_constant_between_warm_up_and_its_last_steps() -> None:
    found = [
        learning_rate(step, 100, peak=2.0, warmup_fraction=0.1, schedule="wsd", cooldown_fraction=0.3)
        for step in range(100)
    ]
    assert found[:10] == pytest.approx([2.0 * (step + 1) / 10 for step in range(10)])
    assert found[10:70] == [2.0] * 60
    assert found[70:] == pytest.approx([2.0 * (1 - (step - 70) / 30) for step in range(70, 100)])


@given(
    num_steps=st.integers(1, 400),
    warmup=st.floats(0, 1),
    schedule=st.sampled_from(get_args(Schedule)),
    data=st.data(),
)
def test_a_rate_is_above_nothing_and_at_most_the_peak(
    num_steps: int, warmup: float, schedule: Schedule, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, num_steps - 1))
    assert 0.0 < rate(step, num_steps=num_steps, warmup=warmup, schedule=schedule) <= 3.5e-4 * (1 + 1e-12)


def test_wsd_needs_room_for_warm_up_and_cool_down() -> None:
    with pytest.raises(ConfigError, match=r"optimizer: warmup_fraction \+ cooldown_fraction = 1\.2 exceeds 1\. Use a"):
        parse({"optimizer": {"schedule": "wsd", "warmup_fraction": 0.5, "cooldown_fraction": 0.7}})
