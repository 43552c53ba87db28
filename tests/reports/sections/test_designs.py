"""What a report shows of each kind of design, and how it words what only some studies have."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from reports.sections.blocks import Plot, Report
from reports.sections.report import study_report
from sweeper.evidence.data.load import StudyData
from tests.reports.conftest import NOW
from tests.reports.sections.test_report import column, section, table, words
from tests.reports.studies import Levels, Phase, factor, falling, study_data

SIZES = {"a": -0.08, "b": -0.05, "c": 0.01}
FACTORS = {name: factor("off", "on") for name in SIZES}
OFF: dict[str, Any] = dict.fromkeys(SIZES, "off")
ON: dict[str, Any] = dict.fromkeys(SIZES, "on")


def perplexity(levels: Levels, seed: int) -> float:
    """Additive in the logarithm, but b gains nothing more where a is on."""
    on = [name for name in SIZES if levels[name] == "on"]
    shared = -SIZES["b"] if {"a", "b"} <= set(on) else 0.0
    place = int("".join(str(int(levels[name] == "on")) for name in SIZES), 2)
    noise = float(np.random.default_rng([seed, place]).normal(0, 0.002))
    return math.exp(4.6 + sum(SIZES[name] for name in on) + shared + 0.02 * seed + noise)


def reported(*phases: Phase, factors: Mapping[str, Any] = FACTORS, **more: Any) -> Report:
    return study_report(study_data(factors, *phases, **more), NOW)


def plot(report: Report, name: str) -> Plot:
    return next(
        block
        for each in report.sections
        for block in each.blocks
        if isinstance(block, Plot) and block.drawing.name == name
    )


def caption(found: Plot) -> str:
    return "".join(run.text for run in found.caption)


def all_levels(names: Sequence[str]) -> list[dict[str, Any]]:
    return [dict(zip(names, levels, strict=True)) for levels in product(["off", "on"], repeat=len(names))]


def test_a_ladder_is_drawn_from_the_baseline_to_its_last_step() -> None:
    rows = [OFF, {**OFF, "a": "on"}, {**OFF, "a": "on", "c": "on"}]
    found = reported(Phase("steps", "ladder", rows, perplexity))
    drawn = plot(found, "ladder-steps")
    assert list(dict.fromkeys(drawn.drawing.data["label"])) == ["baseline", "+ a = on", "+ c = on"]
    assert len(drawn.drawing.data) == 9
    assert "with components added one after another" in caption(drawn)
    assert column(table(found, "effects-steps-table"), "Factor") == ["a", "c"]
    assert [word for word in ("validation perplexity", "change", "cost") if word in drawn.drawing.svg]
    assert "\u22127.7% (" in drawn.drawing.svg  # the step's change with its interval, on its line


def test_a_ladder_without_a_completed_trial_has_no_drawing() -> None:
    rows = [OFF, {**OFF, "a": "on"}]
    found = reported(Phase("steps", "ladder", rows, lambda levels, seed: "failed"))
    assert "ladder-steps" not in [drawing.name for drawing in found.drawings()]


def test_leaving_out_begins_with_the_greatest_loss() -> None:
    rows = [ON, *({**ON, name: "off"} for name in SIZES)]
    found = reported(Phase("out", "leave_one_out", rows, lambda levels, seed: 100 - 10 * (levels["c"] == "on") + seed))
    labels = list(dict.fromkeys(plot(found, "ladder-out").drawing.data["label"]))
    assert labels[:2] == ["the whole", "\u2212 c"]
    assert plot(found, "ladder-out").drawing.title.startswith("c matters (+11.0% without it)")


def test_a_factorial_shows_which_factors_share_their_gain() -> None:
    found = reported(Phase("all", "grid", all_levels(list(SIZES)), perplexity))
    drawn = plot(found, "interactions-all")
    assert "An interaction is the change in one factor's effect when the other factor goes" in caption(drawn)
    effects = dict(zip(drawn.drawing.data["terms"], drawn.drawing.data["effect"], strict=True))
    # What b gains alone it does not gain beside a: its effect changes by 5 %, which is the interaction.
    assert effects["a x b"] == pytest.approx(100 * math.expm1(-SIZES["b"]), abs=0.2)
    assert effects["a x c"] == pytest.approx(0.0, abs=0.2)


def test_the_attribution_of_the_gain_sums_to_the_whole() -> None:
    found = reported(Phase("all", "grid", all_levels(list(SIZES)), perplexity))
    drawn = plot(found, "attribution-all")
    assert "over all orders in which the factors could be added" in caption(drawn)
    assert "fitted" not in caption(drawn)
    assert set(drawn.drawing.data["factor"]) == set(SIZES)
    gains = [-math.log1p(-share / 100) for share in drawn.drawing.data["Shapley"]]
    assert math.fsum(gains) == pytest.approx(SIZES["b"] - sum(SIZES.values()), abs=0.004)


def test_a_gain_of_what_is_maximized_is_a_rise_in_percent() -> None:
    def rate(levels: Levels, seed: int) -> float:
        return (2.0 if levels["a"] == "on" else 1.0) * (10.0 + 0.01 * seed)

    rows = all_levels(["a", "b"])
    factors = {name: FACTORS[name] for name in ("a", "b")}
    found = reported(
        Phase("all", "grid", rows, rate), factors=factors, metric="words", direction="maximize", scale="log"
    )
    data = plot(found, "attribution-all").drawing.data.set_index("factor")
    assert data.loc["a", "Shapley"] == pytest.approx(100.0)
    assert data.loc["b", "Shapley"] == pytest.approx(0.0)


def test_the_attribution_of_a_fraction_rests_on_its_fit() -> None:
    half = [row for row in all_levels(list(SIZES)) if sum(level == "on" for level in row.values()) % 2 == 0]
    found = reported(Phase("half", "fractional", half, perplexity))
    assert "come from the fitted main effects" in caption(plot(found, "attribution-half"))


def search(endings: Callable[[float, int], float | str]) -> StudyData:
    """Forty draws of a rate, of which only the rate matters, and of a width."""
    generator = np.random.default_rng(0)
    factors = {
        "rate": {"path": "a.rate", "low": 0.0, "high": 1.0, "baseline": 0.5, "levels": None},
        "width": {"path": "a.width", "low": 1, "high": 64, "log": True, "baseline": 8, "levels": None},
    }
    rows = [{"rate": float(generator.uniform()), "width": int(2 ** generator.integers(0, 7))} for _ in range(40)]
    count = iter(range(len(rows)))

    def value(levels: Levels, seed: int) -> float | str:
        return endings(100.0 + 50.0 * levels["rate"], next(count))

    return study_data(
        factors,
        Phase("search", "sampler", rows, value, seeds=(0,)),
        curves=lambda row: falling(150.0, stop=5) if row.state == "pruned" else None,
    )


def test_a_search_shows_which_factors_mattered() -> None:
    found = study_report(search(lambda value, place: value), NOW)
    drawn = plot(found, "importance-search")
    assert drawn.drawing.data["factor"].tolist()[0] == "rate"
    assert "Importance over 40 completed trials." in caption(drawn)
    assert "imputed" not in caption(drawn)
    assert "the expected best of n new trials of the search" in words(section(found, "cost"))


def test_pruned_and_failed_trials_of_a_search_are_counted_as_they_are() -> None:
    endings = {3: "pruned", 4: "pruned", 5: "failed"}
    found = study_report(search(lambda value, place: endings.get(place, value)), NOW)
    text = caption(plot(found, "importance-search"))
    assert "Importance over 37 completed trials." in text
    assert "2 trials pruned or diverged: their values are imputed within bounds." in text
    assert "1 failed trial without bounds left out." in text


def test_a_search_without_the_extra_says_how_to_get_its_importance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.extras.find_spec", lambda name: None)
    found = study_report(search(lambda value, place: value), NOW)
    text = words(section(found, "importance"))
    assert "Not computed: the importance of factors needs sklearn, which is not installed" in text
    assert "'sweeper[importance]'. Then write the report again." in text


def test_phases_of_a_search_of_ten_trials_or_less_have_no_importance() -> None:
    found = study_report(search(lambda value, place: value if place < 9 else "failed"), NOW)
    assert "importance" not in [each.anchor for each in found.sections]
