"""What the figure of each configuration at its best length draws."""

import math
from typing import Literal

import numpy as np
import pytest

from reports.figures.envelopes import (
    CrossingMark,
    EnvelopeLine,
    EnvelopePanel,
    envelopes_figure,
    named,
    near,
    worst_drawn,
)
from reports.figures.sheet import MUTED
from sweeper.spec.metric import Metric

COSTS = np.array([1.0, 10.0, 100.0, 1000.0])


def metric(direction: Literal["minimize", "maximize"] = "minimize", scale: Literal["log", "linear"] = "log") -> Metric:
    return Metric(name="perplexity", direction=direction, scale=scale, value="last")


def line(name: str, *means: float) -> EnvelopeLine:
    mean = np.array(means)
    return EnvelopeLine(
        name=name, costs=COSTS[: len(mean)], mean=mean, low=mean * 0.9, high=mean * 1.1, best_cost=COSTS[len(mean) - 1]
    )


def panel(*lines: EnvelopeLine, crossings: tuple[CrossingMark, ...] = ()) -> EnvelopePanel:
    return EnvelopePanel(heading="", unit="steps", lines=lines, crossings=crossings)


def test_lines_begin_where_they_come_near_the_best_lengths() -> None:
    whole = panel(line("a", 1600.0, 400.0, 110.0, 100.0), line("b", 1600.0, 800.0, 400.0, 200.0))
    worst = worst_drawn(whole, metric())
    # Half of log 2 beyond the worst best, 200; an eighth of log 16 is the same.
    assert worst == pytest.approx(200.0 * math.sqrt(2.0))
    first, second = near(whole, metric()).lines
    assert first.mean[0] == second.mean[0] == pytest.approx(worst)
    assert second.costs[0] == pytest.approx(100.0 * 10.0**0.5)  # half of the way on both logarithms
    assert 10.0 < first.costs[0] < 100.0
    assert list(first.mean[1:]) == [110.0, 100.0]
    assert list(first.costs[1:]) == [100.0, 1000.0]
    assert first.high.max() <= worst


def test_a_maximized_metric_begins_below() -> None:
    whole = panel(line("a", 0.0, 0.52, 0.79, 0.8), line("b", 0.1, 0.2, 0.3, 0.6))
    worst = worst_drawn(whole, metric("maximize", "linear"))
    assert worst == pytest.approx(0.6 - 0.1)
    first, second = near(whole, metric("maximize", "linear")).lines
    assert 1.0 < first.costs[0] < 10.0
    assert list(first.costs[1:]) == [10.0, 100.0, 1000.0]
    assert second.mean[0] == pytest.approx(0.5)
    assert second.low.min() >= worst


@pytest.mark.parametrize(
    "means",
    [
        ((110.0, 100.0), (150.0, 145.0)),
        ((100.0,), (100.0,)),
        ((math.inf, 100.0), (120.0, 110.0)),
        ((0.0, -1.0), (2.0, 1.0)),
    ],
)
def test_lines_that_are_all_near_or_no_numbers_on_the_scale_are_drawn_whole(
    means: tuple[tuple[float, ...], ...],
) -> None:
    whole = panel(*(line(str(place), *each) for place, each in enumerate(means)))
    assert worst_drawn(whole, metric()) == math.inf
    assert [list(each.mean) for each in near(whole, metric()).lines] == [list(each) for each in means]


def test_a_crossing_that_is_not_near_is_left_to_the_text() -> None:
    marks = tuple(CrossingMark(at=5.0, low=4.0, high=6.0, value=value) for value in (900.0, 150.0))
    whole = panel(line("a", 1600.0, 400.0, 110.0, 100.0), line("b", 1600.0, 800.0, 400.0, 200.0), crossings=marks)
    assert [mark.value for mark in near(whole, metric()).crossings] == [150.0]


def test_of_more_than_eighteen_configurations_the_best_are_named_and_the_others_grey() -> None:
    lines = [line(f"arm {place}", 1600.0, 400.0, 150.0, 100.0 + 7 * place % 40) for place in range(40)]
    shown = named([panel(*lines)], metric())
    assert shown == [each.name for each in lines if each.mean[-1] < 118.0]
    few, many = (
        envelopes_figure("lengths", "Lengths", "Words.", [panel(*each)], metric()).wide.svg
        for each in (lines[:18], lines)
    )
    assert "22 others" in many
    greys = [text.count(f'stroke="{MUTED}"') for text in (few, many)]
    assert greys[1] - greys[0] == 22 + 1  # lines, and their key
    assert named([panel(*lines[:18])], metric()) == [each.name for each in lines[:18]]


def test_eighteen_configurations_have_lines_of_their_own_and_the_table_has_all_values() -> None:
    lines = [line(f"arm {place}", 1600.0, 400.0, 110.0 + place, 100.0 + place) for place in range(18)]
    drawing = envelopes_figure("lengths", "Lengths", "Words.", [panel(*lines)], metric())
    assert len(drawing.data) == 18 * 4
    assert drawing.data["value"].max() == 1600.0
