"""What the figure of each configuration at its best length draws."""

import math
import re
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from reports.figures.envelopes import (
    CrossingMark,
    EnvelopeLine,
    EnvelopePanel,
    envelopes_figure,
    legend_texts,
    named,
    near,
    worst_drawn,
)
from reports.figures.sheet import MUTED
from sweeper.spec.metric import Metric

COSTS = np.array([1.0, 10.0, 100.0, 1000.0])
AB = ("a", "b")


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
    worst = worst_drawn(whole, metric(), AB)
    # Half of log 2 beyond the worst best, 200; an eighth of log 16 is the same.
    assert worst == pytest.approx(200.0 * math.sqrt(2.0))
    first, second = near(whole, metric(), AB).lines
    assert first.mean[0] == second.mean[0] == pytest.approx(worst)
    assert second.costs[0] == pytest.approx(100.0 * 10.0**0.5)  # half of the way on both logarithms
    assert 10.0 < first.costs[0] < 100.0
    assert list(first.mean[1:]) == [110.0, 100.0]
    assert list(first.costs[1:]) == [100.0, 1000.0]
    assert first.high.max() <= worst


def test_a_maximized_metric_begins_below() -> None:
    whole = panel(line("a", 0.0, 0.52, 0.79, 0.8), line("b", 0.1, 0.2, 0.3, 0.6))
    worst = worst_drawn(whole, metric("maximize", "linear"), AB)
    assert worst == pytest.approx(0.6 - 0.1)
    first, second = near(whole, metric("maximize", "linear"), AB).lines
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
    assert worst_drawn(whole, metric(), ["0", "1"]) == math.inf
    assert [list(each.mean) for each in near(whole, metric(), ["0", "1"]).lines] == [list(each) for each in means]


def test_a_crossing_that_is_not_near_is_left_to_the_text() -> None:
    marks = tuple(CrossingMark(at=5.0, low=4.0, high=6.0, value=value) for value in (900.0, 150.0))
    whole = panel(line("a", 1600.0, 400.0, 110.0, 100.0), line("b", 1600.0, 800.0, 400.0, 200.0), crossings=marks)
    assert [mark.value for mark in near(whole, metric(), AB).crossings] == [150.0]


def many(number: int, *, references: tuple[int, ...] = ()) -> list[EnvelopeLine]:
    """Configurations of which the later ones are worse."""
    lines = [line(f"arm {place}", 1600.0, 400.0, 150.0, 100.0 + place) for place in range(number)]
    return [replace(each, is_reference=place in references) for place, each in enumerate(lines)]


def test_of_more_than_twelve_configurations_the_best_are_named_and_the_others_grey() -> None:
    lines = many(40)
    assert named([panel(*reversed(lines))], metric()) == [each.name for each in lines[:12]]
    few, all_of_them = (
        envelopes_figure("lengths", "Lengths", "Words.", [panel(*each)], metric()).wide.svg
        for each in (lines[:12], lines)
    )
    assert "28 others" in all_of_them
    greys = [text.count(f'stroke="{MUTED}"') for text in (few, all_of_them)]
    assert greys[1] - greys[0] == 28 + 1  # lines, and their key


def test_what_claims_compare_others_with_is_always_named() -> None:
    names = named([panel(*many(40, references=(7, 39)))], metric())
    assert names == [*(f"arm {place}" for place in range(11)), "arm 39"]
    assert len(named([panel(*many(40, references=tuple(range(10, 40))))], metric())) == 12


def test_the_best_of_each_panel_are_named() -> None:
    # All of the second panel are better than any of the first.
    first, second = (
        many(20),
        [replace(each, name=f"other {place}", mean=each.mean / 9.0) for place, each in enumerate(many(20))],
    )
    names = named([panel(*first), panel(*second)], metric())
    assert sorted(names) == sorted(f"{kind} {place}" for kind in ("arm", "other") for place in range(6))


def test_a_grey_line_does_not_stretch_the_axis() -> None:
    lines = [*many(12), line("far", 1600.0, 1500.0, 1400.0, 1300.0)]
    names = named([panel(*lines)], metric())
    assert worst_drawn(panel(*lines), metric(), names) < 200.0
    assert [each.name for each in near(panel(*lines), metric(), names).lines] == names
    assert "other" not in envelopes_figure("lengths", "Lengths", "Words.", [panel(*lines)], metric()).wide.svg


def test_twelve_configurations_have_lines_of_their_own_and_the_table_has_all_values() -> None:
    lines = many(12)
    svg = envelopes_figure("lengths", "Lengths", "Words.", [panel(*lines)], metric()).wide.svg
    keys = re.findall(r'<path d="M[^"]*" fill="none" (stroke="#\w+" stroke-width="1.8"[^>]*)/>', svg)
    assert len(keys) == len(set(keys)) == 12
    drawing = envelopes_figure("lengths", "Lengths", "Words.", [panel(*many(18))], metric())
    assert len(drawing.data) == 18 * 4
    assert drawing.data["value"].max() == 1600.0


def test_the_legend_cuts_long_lists_of_levels_unless_two_are_then_alike() -> None:
    long = "embedding_dropout = 0.2, input_dropout = 0.2, output_dropout = 0.2, replacement = unigram"
    assert legend_texts(["decay", long]) == ["decay", "embedding_dropout = 0.2, input_dropout = 0.2, \u2026"]
    twins = [long, long.replace("unigram", "uniform")]
    assert legend_texts(twins) == twins
    assert legend_texts(["x" * 80]) == ["x" * 59 + "\u2026"]


def test_a_figure_in_which_colours_are_used_twice_is_taller() -> None:
    drawings = (envelopes_figure("n", "T", "W.", [panel(*many(number))], metric()) for number in (6, 12))
    few, more = (float(re.findall(r'viewBox="0 0 [\d.]+ ([\d.]+)"', each.wide.svg)[0]) for each in drawings)
    assert more > few + 50.0
