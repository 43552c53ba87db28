"""What is drawn is what the data say: the CSV of a figure, its words, and its points."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reports.figures.cost import MANY, SHOWN_OF_MANY, CostPlot, configurations, cost_figure
from reports.figures.curves import FEW, PANELS, ArmCurves, CurvePanel, curves_figures
from reports.figures.drawing import LEAST, MOST, Drawing, drawable
from reports.figures.effects_axis import Row
from reports.figures.forest import forest_figures
from reports.figures.heat import Triangle, interaction_figures
from reports.figures.ladder import Rung, ladder_figure
from reports.figures.progress import anytime_figure, expectation_figure, expectation_frames
from reports.figures.rows import PAGE
from reports.figures.scales import clamped, metric_scale, tick_texts, ticks
from reports.figures.shares import attribution_figures, importance_figures
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


def costs(values: list[float], states: list[str] | None = None, **changes: object) -> CostPlot:
    """Each trial a configuration of its own, at twice the cost of the one before."""
    frame = trials(values, states)
    shown = pd.DataFrame(
        {
            "trial_id": frame["trial_id"], "stratum": "", "arm": [f"a = {place}" for place in frame["number"]],
            "budget": "{}", "seed": 0, "state": frame["state"], "at_baseline": frame["number"] == 0,
            "cost": [1e12 * 2.0 ** min(place, 900) for place in range(len(values))], "value": values,
        }
    ).assign(**changes)  # fmt: skip
    return CostPlot(trials=shown, metric=METRIC, is_time=False)


def cost_drawing(plot: CostPlot) -> Drawing:
    found = cost_figure("Cost", plot)
    assert found is not None
    return found


def test_the_front_is_of_configurations_that_no_other_beats() -> None:
    plot = costs([100.0, 120.0, 90.0, 95.0, 80.0])
    assert configurations(plot)["on_front"].tolist() == [True, False, True, False, True]
    drawing = cost_drawing(plot)
    assert set(marked(drawing.svg)) == {str(trial) for trial in range(1, 6)}
    assert "The front has 3 configurations: a = 0, 100.00 at 1" in drawing.alternative


def test_the_front_is_of_means_over_seeds_and_not_of_the_best_seed() -> None:
    plot = costs([100.0, 40.0, 250.0, 90.0], arm=["a", "b", "b", "c"], seed=[0, 0, 1, 0], cost=[1.0, 1.0, 1.0, 2.0])
    found = configurations(plot).set_index("arm")
    assert found.loc["b", "value"] == pytest.approx(100.0)  # the geometric mean of a log metric
    assert found.loc["b", "n"] == 2
    assert bool(found.loc["c", "on_front"])
    assert (found.loc["b", "low"], found.loc["b", "high"]) == (40.0, 250.0)


def test_long_names_of_the_front_are_shown_only_where_they_tell_configurations_apart() -> None:
    same, other = "dropout = 0.3, " * 9, "width = 2, " * 9
    plot = costs([100.0, 90.0, 80.0, 70.0, 60.0], arm=["base", f"{same}a", f"{same}b", other, other])
    svg = cost_drawing(plot).svg.partition("</desc>")[2]
    assert (svg.count("dropout = 0.3"), svg.count(">width = 2, ")) == (0, 1)


def test_where_costs_are_alike_there_is_no_front_and_the_figure_says_so() -> None:
    plot = replace(costs([100.0, 90.0]), has_front={"": False}, is_time=True)
    drawing = cost_drawing(plot)
    assert not drawing.data["on_front"].fillna(False).astype(bool).any()
    assert "All runs cost the same but for the machine\u2019s noise: no front." in drawing.svg
    assert "on the Pareto front" not in drawing.svg


def test_each_stratum_has_its_panel_its_front_and_its_published_values() -> None:
    plot = costs([100.0, 90.0, 60.0, 50.0], stratum=["ptb", "ptb", "wiki", "wiki"])
    drawing = cost_drawing(replace(plot, published={"ptb": {"zaremba": 78.4}, "wiki": {}}))
    for width in (drawing.wide, drawing.narrow):
        assert width.svg.count(">ptb</text>") == width.svg.count(">wiki</text>") == 1
        assert width.svg.count(">zaremba</text>") == 1
    assert drawing.data.groupby("stratum")["on_front"].sum().to_dict() == {"ptb": 2, "wiki": 2}


def test_a_failed_trial_is_drawn_but_is_no_part_of_the_front() -> None:
    plot = costs([100.0, 50.0, 90.0], ["completed", "failed", "completed"])
    assert configurations(plot)["arm"].tolist() == ["a = 0", "a = 2"]
    assert "2" in marked(cost_drawing(plot).svg)


def test_a_mean_over_survivors_is_drawn_and_not_on_the_front() -> None:
    plot = costs(
        [100.0, 50.0, math.nan, 90.0], ["completed", "completed", "failed", "completed"],
        arm=["a", "b", "b", "c"], seed=[0, 0, 1, 0], cost=[1.0, 1.5, 1.5, 2.0],
    )  # fmt: skip
    found = configurations(plot).set_index("arm")
    assert found["on_front"].to_dict() == {"a": True, "b": False, "c": True}
    assert found["is_partial"].to_dict() == {"a": False, "b": True, "c": False}
    drawing = cost_drawing(plot)
    assert "2" in marked(drawing.svg)
    assert "runs of it were lost" in drawing.svg


def test_what_a_trial_needs_for_its_point_may_be_missing() -> None:
    plot = costs([100.0, math.nan, 90.0], cost=[math.nan, 1.0, 2.0])
    assert set(marked(cost_drawing(plot).svg)) == {"3"}
    assert cost_figure("Cost", costs([math.nan])) is None


def test_a_value_far_off_is_drawn_at_the_edge_and_kept_in_the_data() -> None:
    drawing = cost_drawing(costs([100.0, 101.0, 1e9, 99.0, 100.5]))
    assert 1e9 in drawing.data["value"].tolist()
    assert not re.search(r'y="-\d', drawing.svg)
    assert "3" in marked(drawing.svg)


def test_of_many_trials_the_best_and_the_front_are_points() -> None:
    number = MANY + 500
    values = list(100 + 10 * np.random.default_rng(0).normal(size=number))
    plot = costs(values, cost=np.linspace(1.0, 2.0, number))
    drawing = cost_drawing(plot)
    points = len(set(marked(drawing.svg)))
    assert SHOWN_OF_MANY <= points <= SHOWN_OF_MANY + configurations(plot)["on_front"].sum()
    assert (drawing.data["kind"] == "trial").sum() == number
    assert len(drawing.svg) < 300_000


def panel_of(number: int, seeds: int = 1) -> CurvePanel:
    generator = np.random.default_rng(1)
    arms = [
        ArmCurves(
            name=f"a = {place}",
            role={0: "best", 1: "baseline"}.get(place, "other"),
            state="completed",
            curves={
                10 * place + seed: curve(
                    [100.0 + place + 50 / step + float(generator.normal()) for step in range(1, 11)]
                )
                for seed in range(seeds)
            },
        )
        for place in range(number)
    ]
    return CurvePanel(heading="p", arms=arms)


def test_a_configuration_is_one_line_the_mean_of_its_seeds_between_their_ends() -> None:
    panel = panel_of(3, seeds=4)
    (drawing,) = curves_figures("Curves", [panel], METRIC)
    assert sorted(set(marked(drawing.svg))) == ["0", "10", "20"]
    own = drawing.data[drawing.data["configuration"] == "a = 2"]
    values = np.array([each.values for each in panel.arms[2].curves.values()])
    assert own["value"].tolist() == pytest.approx(np.exp(np.log(values).mean(axis=0)))
    assert own["low"].tolist() == pytest.approx(values.min(axis=0))
    assert own["high"].tolist() == pytest.approx(values.max(axis=0))
    assert set(drawing.ghosts) == {10 * place + seed for place in range(3) for seed in range(4)}


def test_many_curves_are_bands_with_the_best_and_the_baseline_and_the_others_at_hand() -> None:
    panel = panel_of(FEW + 10)
    (drawing,) = curves_figures("Curves", [panel], METRIC)
    assert set(marked(drawing.svg)) == {"0", "10"}
    assert len(drawing.ghosts) == FEW + 10
    last = drawing.data[(drawing.data["step"] == 10) & drawing.data["quantile"].notna()].set_index("quantile")["value"]
    ends = [found.values[-1] for arm in panel.arms for found in arm.curves.values()]
    for quantile in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert last[quantile] == pytest.approx(np.quantile(ends, quantile))


def test_a_curve_of_nothing_but_nan_is_no_figure() -> None:
    lost = ArmCurves(name="a", role="other", state="failed", curves={1: curve([math.nan, math.nan])})
    assert curves_figures("Curves", [CurvePanel(heading="p", arms=[lost])], METRIC) == ()


def test_an_axis_that_leaves_out_the_first_steep_part_is_marked_as_cut() -> None:
    def figure(first: float) -> str:
        arm = ArmCurves(name="a", role="best", state="completed", curves={1: curve([first, 110.0, 100.0])})
        return curves_figures("Curves", [CurvePanel(heading="p", arms=[arm])], METRIC)[0].svg

    assert figure(1e6).count("<path") == figure(120.0).count("<path") + 2  # the two strokes of the mark
    assert "clip-path" in figure(1e6)


def test_more_panels_than_a_page_holds_take_several_figures() -> None:
    panels = [replace(panel_of(2), heading=f"p{place}") for place in range(PANELS + 5)]
    drawings = curves_figures("Curves", panels, METRIC)
    assert [drawing.name for drawing in drawings] == ["learning-curves", "learning-curves-2"]
    shown = [list(drawing.data["panel"].unique()) for drawing in drawings]
    assert [name for names in shown for name in names] == [panel.heading for panel in panels]
    assert max(map(len, shown)) <= PANELS
    assert curves_figures("Curves", [], METRIC) == ()


def test_effects_are_in_the_words_and_the_data() -> None:
    rows = [
        Row(group="", label="dropout", estimate=-5.0, low=-8.0, high=-2.0, n=3, finding="better"),
        Row(group="", label="depth", estimate=1.0, low=math.nan, high=math.nan, n=1, finding="unclear"),
    ]
    (drawing,) = forest_figures("effects", "Effects", rows, "change (%)", percent=True)
    assert "dropout: \u22125.0% (95% interval \u22128.0 to \u22122.0%)" in drawing.alternative
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
    assert all(float(re.findall(r'height="([\d.]+)pt"', drawing.svg)[0]) <= PAGE for drawing in drawings)
    for drawing in drawings:
        assert "change of loss" in drawing.svg
        assert re.search(r"(worse|unclear): the interval", drawing.svg)
    ticks_of = [set(re.findall(r'text-anchor="middle">([^<]+)<', drawing.svg)) for drawing in drawings]
    assert ticks_of[0] == ticks_of[1] != set()


def test_blocks_stand_beside_each_other_where_there_is_room_and_below_where_there_is_not() -> None:
    rows = [
        Row(group=block, label=name, estimate=1.0, low=-1.0, high=3.0, n=3, finding="unclear")
        for name in ("dropout", "depth")
        for block in ("corpus = a", "corpus = b")
    ]
    (drawing,) = forest_figures("effects", "Effects", rows, "change", percent=True)
    for block in ("corpus = a", "corpus = b"):
        assert f">{block}</text>" in drawing.svg
        assert f">{block}</text>" in drawing.narrow.svg
    assert drawing.svg.count(">dropout</text>") == 1
    assert drawing.narrow.svg.count(">dropout</text>") == 2


def test_a_ladder_has_the_geometric_mean_of_each_rung() -> None:
    rungs = [Rung(label="baseline", trials=[1, 2], values=[100.0, 121.0]), Rung(label="+ a", trials=[3], values=[90.0])]
    drawing = ladder_figure("ladder", "Ladder", rungs, METRIC)
    assert drawing is not None
    assert "baseline: 110.00; + a: 90.00" in drawing.alternative
    assert marked(drawing.svg) == ["1", "2", "3"]


def test_interactions_that_are_confounded_are_said() -> None:
    effects: dict[tuple[str, ...], float] = {("a",): -2.0, ("b",): 1.0}
    (drawing,) = interaction_figures(
        "heat", "Effects", [Triangle(heading="", factors=["a", "b"], effects=effects)], percent=True
    )
    assert ">aliased<" in drawing.svg
    assert drawing.data["effect"].tolist() == [-2.0, 1.0]


def test_a_rounding_error_is_not_coloured_as_an_effect() -> None:
    def drawn(size: float) -> str:
        effects: dict[tuple[str, ...], float] = {("a",): size, ("b",): 0.0, ("a", "b"): 0.0}
        triangle = Triangle(heading="", factors=["a", "b"], effects=effects)
        (drawing,) = interaction_figures("heat", "Effects", [triangle], percent=False)
        return drawing.svg

    assert drawn(4e-16) == drawn(0.0)
    assert drawn(0.5) != drawn(0.0)


def test_best_so_far_counts_what_failed_and_not_its_value() -> None:
    frame = trials([100.0, 10.0, 90.0, 95.0, 80.0], ["completed", "failed", "completed", "completed", "completed"])
    drawing = anytime_figure("Best so far", {"": frame}, METRIC)
    assert drawing is not None
    assert drawing.data["trial_id"].tolist() == [1, 3, 5]
    assert drawing.data["device_seconds"].tolist() == [10.0, 60.0, 150.0]


def test_best_so_far_of_nothing_is_no_figure() -> None:
    assert anytime_figure("Best so far", {"": trials([math.nan])}, METRIC) is None


def test_the_expected_best_of_one_is_the_mean_and_failures_are_worst() -> None:
    drawing = expectation_figure("E", expectation_frames({"search": [1.0, 2.0, math.nan, 3.0]}, ACCURACY), ACCURACY)
    assert drawing is not None
    assert drawing.data["expected"].iloc[0] == pytest.approx(np.mean([1.0, 2.0, 1.0, 3.0]))
    assert expectation_figure("E", expectation_frames({"search": [1.0]}, ACCURACY), ACCURACY) is None


def test_spending_adds_up() -> None:
    spent = pd.DataFrame(
        {"phase": ["a", "a", "b"], "fate": ["completed", "pruned", "completed"], "device_seconds": [60.0, 30.0, 90.0]}
    )
    drawing = spending_figure(spent)
    assert drawing is not None
    assert drawing.alternative.startswith("3\u202fmin of device time in all.")
    assert spending_figure(spent.iloc[:0]) is None


def test_importances_and_shares_are_in_their_data() -> None:
    factors = [("a", 0.7, 0.1, 0.6), ("b", 0.2, 0.1, math.nan)]
    (first,) = importance_figures("importance", "Importance", {"": factors})
    assert "a 70% of the variance and 100% of the weight among the best" in first.alternative
    assert "b 20% of the variance and an unknown part" in first.alternative
    shares = {"a": {"Shapley": 3.0, "added alone": 2.0, "left out of all": None}}
    (second,) = attribution_figures("attribution", "Shares", {"": shares}, "gain", percent=True)
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


@pytest.mark.parametrize("value", [2.0, 0.0, -3.5, 1e17, 1e-12])
def test_an_axis_of_equal_values_has_labels_that_differ(value: float) -> None:
    for metric in (ACCURACY, METRIC):
        scale = metric_scale(metric, [value] * 3)
        assert len(scale.texts) == len(set(scale.texts)) > 0
        assert scale.low < value < scale.high


def test_ticks_have_as_many_digits_as_it_takes_to_tell_them_apart() -> None:
    assert tick_texts([1.9, 1.95, 2.0]) == ["1.9", "1.95", "2"]
    assert tick_texts([0.1, 0.1000001]) == ["0.1", "0.1000001"]
    assert tick_texts([1e17, 1e160]) == ["1e17", "1e160"]
    assert tick_texts([1e6, 2e6]) == ["1\u202fM", "2\u202fM"]


def test_a_curve_of_one_value_is_a_dot_and_a_longer_one_is_not() -> None:
    arms = [
        ArmCurves(name="a", role="other", state="completed", curves={1: curve([3.0])}),
        ArmCurves(name="b", role="other", state="completed", curves={2: curve([3.0, 2.0, 1.0])}),
    ]
    (drawing,) = curves_figures("Curves", [CurvePanel(heading="p", arms=arms)], ACCURACY)
    paths = dict(re.findall(r'<path d="([^"]+)"[^>]*data-trial="(\d)"', drawing.svg))
    assert {trial: path.endswith("h.01") for path, trial in paths.items()} == {"1": True, "2": False}


def test_extreme_values_are_drawn_at_the_ends_of_what_axes_can_compute_with() -> None:
    found = drawable([1e308, -1e308, 5e-324, -5e-324, 0.0, 7.5, math.inf])
    assert found.tolist() == [MOST, -MOST, LEAST, -LEAST, 0.0, 7.5, MOST]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", [METRIC, ACCURACY])
@pytest.mark.parametrize("values", [[2.4, 1e308], [5e-324, 1.7e308], [1e160, 1e160], [-1e308, 1e308], [3e-320, 2e-320]])
def test_figures_of_extreme_values_are_drawn_without_a_warning(metric: Metric, values: list[float]) -> None:
    frame = trials(values * 4)
    for drawing in (
        cost_figure("Cost", replace(costs(values * 4), metric=metric)),
        anytime_figure("Best so far", {"": frame}, metric),
        expectation_figure("Expected", expectation_frames({"p": values}, metric), metric),
    ):
        if drawing is not None:
            assert not re.search(r">[^<]*\d{20}[^<]*<", drawing.svg)
