"""What is drawn is what the data say: the CSV of a figure, its words, and its points."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures.cost import MANY, SHOWN_OF_MANY, cost_figure, look
from reports.figures.curves import FEW, PANELS, PhaseCurves, curves_figures
from reports.figures.drawing import LEAST, MOST, SWATCH, Canvas, drawable
from reports.figures.forest import MOST_ROWS, Row, forest_figures
from reports.figures.heat import interaction_figure
from reports.figures.ladder import Rung, ladder_figure
from reports.figures.progress import anytime_figure, expectation_figure
from reports.figures.scales import clamped, metric_axis, tick_texts, ticks
from reports.figures.shares import attribution_figure, importance_figure
from reports.figures.spending import spending_figure
from sweeper.evidence.data.measures import Metric
from sweeper.store.reading.reader import Curve

METRIC = Metric(name="valid_perplexity", direction="minimize", scale="log")
ACCURACY = Metric(name="accuracy", direction="maximize", scale="linear")


def trials(values: list[float], states: list[str] | None = None) -> pd.DataFrame:
    number = len(values)
    return pd.DataFrame(
        {
            "trial_id": range(1, number + 1),
            "phase": ["a", "b"] * (number // 2) + ["a"] * (number % 2),
            "number": range(number),
            "state": states or ["completed"] * number,
            "device_seconds": [10.0 * (place + 1) for place in range(number)],
            "ended_at": [100.0 + place for place in range(number)],
            "flops": [1e12 * (place + 1) for place in range(number)],
            "value": values,
        }
    )


def curve(values: list[float]) -> Curve:
    steps = list(range(1, len(values) + 1))
    return Curve(steps=steps, tokens=[math.nan] * len(values), device_seconds=[math.nan] * len(values),
                 flops=[math.nan] * len(values), values=values)  # fmt: skip


def marked(svg: str) -> list[str]:
    return re.findall(r'data-trial="(\d+)"', svg)


def test_the_front_is_of_trials_that_no_other_beats() -> None:
    drawing = cost_figure(trials([100.0, 120.0, 90.0, 95.0, 80.0]), METRIC, {})
    assert drawing is not None
    assert drawing.data["on_front_device_seconds"].tolist() == [True, False, True, False, True]
    assert sorted(marked(drawing.svg)) == sorted([str(trial) for trial in range(1, 6)] * 2)
    assert (
        "The front over device time has 3 trials, from 100.00 at 10\u202fs to 80.00 at 50\u202fs" in drawing.alternative
    )


def test_a_failed_trial_is_drawn_but_is_no_part_of_the_front() -> None:
    drawing = cost_figure(trials([100.0, 50.0, 90.0], ["completed", "failed", "completed"]), METRIC, {})
    assert drawing is not None
    assert drawing.data["on_front_flops"].tolist() == [True, False, True]


def test_what_a_trial_needs_for_its_point_may_be_missing() -> None:
    frame = trials([100.0, math.nan, 90.0])
    frame.loc[0, "flops"] = math.nan
    drawing = cost_figure(frame, METRIC, {})
    assert drawing is not None
    assert sorted(marked(drawing.svg)) == ["1", "3", "3"]
    assert cost_figure(trials([math.nan]), METRIC, {}) is None


def test_a_value_far_off_is_drawn_at_the_edge_and_kept_in_the_data() -> None:
    drawing = cost_figure(trials([100.0, 101.0, 1e9, 99.0, 100.5]), METRIC, {})
    assert drawing is not None
    assert drawing.data["beyond_axis"].tolist() == [False, False, True, False, False]
    assert drawing.data["value"].tolist()[2] == 1e9


def test_published_values_are_marked() -> None:
    drawing = cost_figure(trials([100.0, 90.0]), METRIC, {"dettmers": 63.358})
    assert drawing is not None
    assert ">dettmers</text>" in drawing.svg


def test_of_many_trials_the_best_and_the_front_are_points() -> None:
    number = MANY + 500
    values = list(100 + 10 * np.random.default_rng(0).normal(size=number))
    drawing = cost_figure(trials(values), METRIC, {})
    assert drawing is not None
    points = len(set(marked(drawing.svg)))
    assert SHOWN_OF_MANY <= points <= SHOWN_OF_MANY + drawing.data["on_front_flops"].sum()
    assert len(drawing.data) == number
    assert "mathdefault" not in drawing.svg  # the ticks are ours, whatever drawing the density did to the axes


def phase_of(number: int) -> PhaseCurves:
    generator = np.random.default_rng(1)
    curves = {
        trial: curve([100.0 + trial + 50 / step + float(generator.normal()) for step in range(1, 11)])
        for trial in range(number)
    }
    return PhaseCurves(phase="p", trials=list(curves), states=dict.fromkeys(curves, "completed"),
                       baseline=frozenset({0}), curves=curves)  # fmt: skip


def test_few_curves_are_lines() -> None:
    phase = phase_of(5)
    (drawing,) = curves_figures([phase], METRIC)
    assert sorted(set(marked(drawing.svg))) == ["0", "1", "2", "3", "4"]
    lines = drawing.data.groupby("trial_id")["value"].apply(list)
    assert dict(lines.items()) == {t: phase.curves[t].values for t in phase.trials}
    assert not drawing.ghosts


def test_many_curves_are_bands_with_the_best_three_and_the_others_at_hand() -> None:
    phase = phase_of(FEW + 10)
    (drawing,) = curves_figures([phase], METRIC)
    assert set(marked(drawing.svg)) == {"0", "1", "2"}
    assert len(drawing.ghosts) == FEW + 10 - 3
    last = drawing.data[(drawing.data["step"] == 10) & drawing.data["quantile"].notna()].set_index("quantile")["value"]
    ends = [found.values[-1] for found in phase.curves.values()]
    for quantile in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert last[quantile] == pytest.approx(np.quantile(ends, quantile))


def test_a_curve_of_nothing_but_nan_is_no_trouble() -> None:
    phase = PhaseCurves(phase="p", trials=[1], states={1: "failed"}, baseline=frozenset(),
                        curves={1: curve([math.nan, math.nan])})  # fmt: skip
    (drawing,) = curves_figures([phase], METRIC)
    assert marked(drawing.svg) == []


def test_more_phases_than_a_page_holds_take_several_figures() -> None:
    phases = [replace(phase_of(2), phase=f"p{place}") for place in range(PANELS + 5)]
    drawings = curves_figures(phases, METRIC)
    assert [drawing.name for drawing in drawings] == ["learning-curves", "learning-curves-2"]
    shown = [list(drawing.data["phase"].unique()) for drawing in drawings]
    assert [name for names in shown for name in names] == [phase.phase for phase in phases]
    assert max(map(len, shown)) <= PANELS
    assert curves_figures([], METRIC) == ()


def test_effects_are_in_the_words_and_the_data() -> None:
    rows = [
        Row(group="", label="dropout", estimate=-5.0, low=-8.0, high=-2.0, n=3, finding="better"),
        Row(group="", label="depth", estimate=1.0, low=math.nan, high=math.nan, n=1, finding="unclear"),
    ]
    (drawing,) = forest_figures("effects", "Effects", rows, "change (%)", percent=True)
    assert "dropout: \u22125.0% (95% interval \u22128.0% to \u22122.0%)" in drawing.alternative
    assert "depth: +1.0% (no interval)" in drawing.alternative
    assert drawing.data["estimate"].tolist() == [-5.0, 1.0]


def test_effects_without_any_estimate_are_no_figure() -> None:
    row = Row(group="", label="a", estimate=math.nan, low=math.nan, high=math.nan, n=0, finding="unclear")
    assert forest_figures("effects", "Effects", [row], "x", percent=True) == ()


def test_a_forest_plot_taller_than_a_page_is_split_each_part_with_the_same_axis() -> None:
    rows = [
        Row(group="", label=f"f{number}", estimate=number - 20.0, low=number - 22.0, high=number - 18.0, n=3,
            finding="worse" if number > 22 else "unclear")
        for number in range(50)
    ]  # fmt: skip
    drawings = forest_figures("effects", "Effects", rows, "change of loss", percent=False)
    assert [drawing.name for drawing in drawings] == ["effects", "effects-2"]
    assert [drawing.title for drawing in drawings] == ["Effects, part 1 of 2", "Effects, part 2 of 2"]
    labels = [re.findall(r">(f\d+) *<", drawing.svg) for drawing in drawings]
    assert [label for part in labels for label in reversed(part)] or labels
    assert sorted(label for part in labels for label in part) == sorted(row.label for row in rows)
    assert max(map(len, labels)) <= MOST_ROWS
    for drawing in drawings:
        assert "change of loss" in drawing.svg
        assert re.search(r"(worse|unclear): the interval", drawing.svg)
    assert len({tuple(re.findall(r">([+\u2212]\d+|0)<", drawing.svg)) for drawing in drawings}) == 1


def test_a_ladder_has_the_geometric_mean_of_each_rung() -> None:
    rungs = [Rung(label="baseline", trials=[1, 2], values=[100.0, 121.0]), Rung(label="+ a", trials=[3], values=[90.0])]
    drawing = ladder_figure("ladder", "Ladder", rungs, METRIC)
    assert drawing is not None
    assert "baseline: 110.00; + a: 90.00" in drawing.alternative
    assert marked(drawing.svg) == ["1", "2", "3"]


def test_interactions_that_are_confounded_are_said() -> None:
    effects: dict[tuple[str, ...], float] = {("a",): -2.0, ("b",): 1.0}
    drawing = interaction_figure("heat", "Effects", ["a", "b"], effects, percent=True)
    assert ">aliased<" in drawing.svg
    assert drawing.data["effect"].tolist() == [-2.0, 1.0]


def test_best_so_far_counts_what_failed_and_not_its_value() -> None:
    frame = trials([100.0, 10.0, 90.0, 95.0, 80.0], ["completed", "failed", "completed", "completed", "completed"])
    drawing = anytime_figure(frame, METRIC)
    assert drawing is not None
    assert drawing.data["trial_id"].tolist() == [1, 3, 5]
    assert drawing.data["device_seconds"].tolist() == [10.0, 60.0, 150.0]


def test_best_so_far_of_nothing_is_no_figure() -> None:
    assert anytime_figure(trials([math.nan]), METRIC) is None


def test_the_expected_best_of_one_is_the_mean_and_failures_are_worst() -> None:
    drawing = expectation_figure({"search": [1.0, 2.0, math.nan, 3.0]}, ACCURACY)
    assert drawing is not None
    assert drawing.data["expected"].iloc[0] == pytest.approx(np.mean([1.0, 2.0, 1.0, 3.0]))
    assert expectation_figure({"search": [1.0]}, ACCURACY) is None


def test_spending_adds_up() -> None:
    spent = pd.DataFrame(
        {"phase": ["a", "a", "b"], "fate": ["completed", "pruned", "completed"], "device_seconds": [60.0, 30.0, 90.0]}
    )
    drawing = spending_figure(spent)
    assert drawing is not None
    assert drawing.alternative.startswith("3\u202fmin of device time in all.")
    assert spending_figure(spent.iloc[:0]) is None


def test_importances_and_shares_are_in_their_data() -> None:
    first = importance_figure("importance", "Importance", [("a", 0.7, 0.1, 0.6), ("b", 0.2, 0.1, math.nan)])
    assert "a 70% of the variance and 100% of the weight among the best" in first.alternative
    assert "b 20% of the variance and an unknown part" in first.alternative
    shares = {"a": {"Shapley": 3.0, "added alone": 2.0, "left out of all": None}}
    second = attribution_figure("attribution", "Shares", shares, "gain", percent=True)
    assert second.data["Shapley"].tolist() == [3.0]


@pytest.mark.parametrize(("low", "high", "log"), [(80.0, 120.0, True), (1.0, 1e6, True), (0.0, 300.0, False)])
def test_axes_have_a_few_round_ticks(low: float, high: float, log: bool) -> None:
    found = ticks(low, high, log=log)
    assert 3 <= len(found) <= 8
    assert all(low <= tick <= high for tick in found)


def test_values_are_moved_only_from_the_bad_side() -> None:
    values, beyond = clamped([0.9, 0.91, 0.92, 0.9, 0.91, 0.92, 0.9, 0.91, 0.93, 0.92, -50.0], ACCURACY)
    assert beyond.tolist() == [False] * 10 + [True]
    assert values[-1] > -1


@pytest.mark.parametrize(("names", "columns"), [(("a", "b", "c"), 6), (("a long name of a phase",) * 17, 3)])
def test_a_legend_has_as_many_columns_as_fit(names: tuple[str, ...], columns: int) -> None:
    with Canvas("x", 3.0) as canvas:
        canvas.axes()
        canvas.legend([Line2D([], [], label=f"{name} {place}", linewidth=0.5) for place, name in enumerate(names)])
        (legend,) = canvas.figure.legends
        assert legend.get_window_extent().width <= canvas.figure.bbox.width
        assert legend._ncols == columns
        assert {line.get_linewidth() for line in legend.get_lines()} == {SWATCH}


def test_phases_look_different_in_the_figure_of_costs() -> None:
    assert len({look(place) for place in range(36)}) == 36


@pytest.mark.parametrize("value", [2.0, 0.0, -3.5, 1e17, 1e-12])
def test_an_axis_of_equal_values_has_labels_that_differ(value: float) -> None:
    for metric in (ACCURACY, METRIC):
        axes = Figure().subplots()
        metric_axis(axes, metric, [value] * 3)
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert len(labels) == len(set(labels))
        assert labels or (metric.is_log and value <= 0)


def test_ticks_have_as_many_digits_as_it_takes_to_tell_them_apart() -> None:
    assert tick_texts([1.9, 1.95, 2.0]) == ["1.9", "1.95", "2"]
    assert tick_texts([0.1, 0.1000001]) == ["0.1", "0.1000001"]
    assert tick_texts([1e17, 1e160]) == ["1e17", "1e160"]
    assert tick_texts([1e6, 2e6]) == ["1\u202fM", "2\u202fM"]


def test_a_curve_of_one_value_is_a_dot_and_a_longer_one_is_not() -> None:
    lone = PhaseCurves(
        phase="p", trials=[1, 2], states={1: "completed", 2: "completed"}, baseline=frozenset(),
        curves={1: curve([3.0]), 2: curve([3.0, 2.0, 1.0])},
    )  # fmt: skip
    (drawing,) = curves_figures([lone], ACCURACY)
    dots = re.findall(r'data-trial="(\d)" id=[^>]*></defs>|data-trial="(\d)" id=[^>]*/></defs>', drawing.svg)
    assert [key for pair in dots for key in pair if key] == ["1"]


def test_extreme_values_are_drawn_at_the_ends_of_what_axes_can_compute_with() -> None:
    found = drawable([1e308, -1e308, 5e-324, -5e-324, 0.0, 7.5, math.inf])
    assert found.tolist() == [MOST, -MOST, LEAST, -LEAST, 0.0, 7.5, MOST]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", [METRIC, ACCURACY])
@pytest.mark.parametrize("values", [[2.4, 1e308], [5e-324, 1.7e308], [1e160, 1e160], [-1e308, 1e308], [3e-320, 2e-320]])
def test_figures_of_extreme_values_are_drawn_without_a_warning(metric: Metric, values: list[float]) -> None:
    frame = trials(values * 4)
    for drawing in (
        cost_figure(frame, metric, {}),
        anytime_figure(frame, metric),
        expectation_figure({"p": values}, metric),
    ):
        if drawing is not None:
            assert not re.search(r">[^<]*\d{20}[^<]*<", drawing.svg)
