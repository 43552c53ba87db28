"""Configurations with lost runs are beside the ranked ones, without a rank; budgets are in their natural order."""

import math
from typing import Any

import pytest

from reports.sections.best import best
from reports.sections.blocks import Plot, Section
from reports.sections.context import Context, make_context
from reports.sections.costs import costs
from reports.sections.report import study_report
from tests.reports.conftest import NOW
from tests.reports.sections.test_report import column, table
from tests.reports.studies import Levels, Phase, factor, study_data

FACTORS = {"size": factor(2, 3), "a": factor("off", "low", "high")}
ROWS = [{"size": size, "a": a} for size in (2, 3) for a in ("off", "low", "high")]


def value(levels: Levels, seed: int) -> float:
    gain = {"off": 0.0, "low": 0.03, "high": 0.1}[levels["a"]]
    noise = (0.002, -0.003, 0.001)[(seed + len(levels["a"])) % 3]
    return math.exp(4.0 + levels["size"] - gain + 0.02 * seed + noise)


def context_of(lost: dict[tuple[int, str], int], **options: Any) -> Context:
    """The study whose configurations have lost their first runs, as many as is said."""

    def ending(levels: Levels, seed: int) -> float | str:
        return "failed" if seed < lost.get((levels["size"], levels["a"]), 0) else value(levels, seed)

    phase = Phase("p", "grid", ROWS, ending, seeds=(0, 1, 2, 3), blocks=("size",))
    return make_context(study_data(FACTORS, phase, **options), NOW)


def plots(section: Section | None) -> list[Plot]:
    assert section is not None
    return [block for block in section.blocks if isinstance(block, Plot)]


def test_a_configuration_with_lost_runs_is_beside_the_ranked_with_how_many_it_completed() -> None:
    context = context_of({(3, "high"): 1, (3, "low"): 4})
    found = plots(best(context))[0]
    rows = found.drawing.data[found.drawing.data["stratum"] == "size = 3"]
    assert list(zip(rows["name"], rows["kind"], rows["n"], rows["failed"], strict=True)) == [
        ("baseline", "best", 4, 0),
        ("a = high", "unranked", 3, 1),  # though the mean of three is the lowest
        ("a = low", "unranked", 0, 4),
    ]
    assert found.drawing.title == "a = high is best at size = 2; baseline is the only configuration at size = 3"
    assert [text for text in (">3 of 4<", ">0 of 4<") if text in found.drawing.svg]
    assert "n 3 of 4" in found.drawing.narrow.svg
    assert "not ranked, since runs were lost" in found.drawing.svg
    assert "flatters them, so they have no rank" in "".join(run.text for run in found.caption)


def test_a_stratum_without_any_complete_configuration_is_shown_too() -> None:
    lost = {(3, level): 1 for level in ("off", "low", "high")}
    found = plots(best(context_of(lost)))[0].drawing
    assert found.data[found.data["stratum"] == "size = 3"]["kind"].tolist() == ["unranked", "unranked", "baseline"]
    every = {(size, level): 1 for size in (2, 3) for level in ("off", "low", "high")}
    assert plots(best(context_of(every)))[0].drawing.title == "No configuration completed all its runs"


def test_without_lost_runs_nothing_is_said_of_them() -> None:
    found = plots(best(context_of({})))[0]
    assert set(found.drawing.data["kind"]) == {"best", "behind", "baseline"}
    assert "flatters" not in "".join(run.text for run in found.caption)
    assert "not ranked" not in found.drawing.svg


def test_trials_that_were_only_pruned_are_no_rows() -> None:
    rows = [{"a": "off"}, {"a": "high"}]
    pruned = Phase("s", "sampler", rows, lambda levels, seed: "pruned" if levels["a"] == "high" else 9.0, seeds=(0,))
    found = plots(best(make_context(study_data({"a": factor("off", "high")}, pruned), NOW)))[0]
    assert found.drawing.data["name"].tolist() == ["baseline"]


def test_gains_are_ordered_by_their_budgets_whatever_the_order_of_phases() -> None:
    phases = [
        Phase(f"p{steps}", "grid", rows, value, steps=steps, blocks=("size",))
        for steps, rows in ((100, ROWS), (4000, ROWS), (200, ROWS[:3]), (1000, ROWS[3:]))
    ]
    context = make_context(study_data(FACTORS, *phases), NOW)
    gains = next(found.drawing for found in plots(best(context)) if found.drawing.name == "gains")
    labels = ("100 steps", "200 steps", "1 000 steps", "4 000 steps")
    for svg in (gains.svg, gains.narrow.svg.partition(">size = 3<")[0]):
        shown = [label for label in labels if f">{label}<" in svg]
        assert shown == sorted(shown, key=lambda label: svg.index(f">{label}<"))
        assert len(shown) >= 3
    budgets = [int(group.budget.strip("{}").split(":")[1]) for group in context.standings]
    assert budgets == sorted(budgets)


@pytest.mark.parametrize("metric", ["valid_perplexity", "perplexity_of_a_metric_whose_name_is_very_long_indeed"])
def test_the_axis_of_changes_keeps_its_unit(metric: str) -> None:
    phases = [Phase(f"p{steps}", "grid", ROWS, value, steps=steps, blocks=("size",)) for steps in (100, 200)]
    report = study_report(study_data(FACTORS, *phases, metric=metric), NOW)
    drawings = [each for each in report.drawings() if each.name.startswith(("gains", "effects"))]
    assert len(drawings) > 1
    for each in drawings:
        for svg in (each.svg, each.narrow.svg):
            assert "(%)<" in svg
    assert ">change from the baseline (%)<" in drawings[0].svg


def test_tables_name_the_factor_of_their_strata_once() -> None:
    report = study_report(context_of({(3, "high"): 1}).data, NOW)
    assert set(column(table(report, "standings-table"), "size")) == {"2", "3"}
    lost = table(report, "outcomes")
    assert column(lost, "size") == ["3"]
    assert column(lost, "Configuration") == ["a = high"]


def test_crosses_are_explained_only_where_they_are_drawn() -> None:
    (plot, *_) = plots(costs(context_of({(2, "low"): 2})))
    assert "Crosses" not in "".join(run.text for run in plot.caption)
    assert ">failed<" not in plot.drawing.wide.svg
