"""The best configuration of each stratum: a mean over seeds, chosen by validation, with what may be as good."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reports.sections.best import best, best_sentences, largest
from reports.sections.blocks import Plot, Section, Table
from reports.sections.context import Context, make_context
from reports.sections.costs import costs_differ
from reports.sections.gains import gain_over_baseline
from tests.reports.conftest import NOW
from tests.reports.studies import Levels, Phase, factor, study_data

FACTORS = {"corpus": factor("small", "large"), "a": factor(0.0, 0.2), "b": factor(0.0, 0.3)}
ROWS = [{"corpus": corpus, "a": a, "b": b} for corpus in ("small", "large") for a in (0.0, 0.2) for b in (0.0, 0.3)]
NOISE = (0.002, -0.001, 0.0, 0.003, -0.002)


def value(levels: Levels, seed: int) -> float:
    """b costs 10% and a gains 20% on either corpus; of a alone, seed 0 is worse than all seeds of the baseline."""
    gain = 0.2 * (levels["a"] > 0) - 0.1 * (levels["b"] > 0)
    place = 2 * (levels["a"] > 0) + (levels["b"] > 0)
    return math.exp(4.0 + (levels["corpus"] == "large") - gain + NOISE[(seed + place) % 5])


def context_of(*, blocks: Any = ("corpus",), rows: Any = ROWS, of: Any = value, seeds: Any = (0, 1, 2, 3)) -> Context:
    return make_context(study_data(FACTORS, Phase("grid", "list", rows, of, blocks=blocks, seeds=seeds)), NOW)


def text(context: Context) -> list[str]:
    return ["".join(run.text for run in sentence) for sentence in best_sentences(context)]


def plot(section: Section | None, name: str) -> Plot:
    assert section is not None
    return next(block for block in section.blocks if isinstance(block, Plot) and block.drawing.name == name)


def test_each_stratum_has_its_best_with_its_gain_over_its_own_baseline() -> None:
    first, second = text(context_of())
    assert first.startswith("On small, the best configuration after 100 steps is a = 0.2, with a mean validation")
    assert "4 seeds). That is 18.1% (" in first
    assert "lower than the baseline, over 4 pairs of seeds. The other 3 are behind." in first
    assert second.startswith("On large, the best configuration")


def test_without_strata_there_is_one_best_of_all() -> None:
    (only,) = text(context_of(blocks=()))
    assert only.startswith("The best configuration after 100 steps is a = 0.2")


def test_the_best_is_that_of_the_mean_and_not_of_the_best_single_run() -> None:
    def lucky(levels: Levels, seed: int) -> float:
        return (
            10.0
            if levels["b"] > 0 and levels["a"] == 0 and seed == 3
            else value({**levels, "corpus": "small"}, seed) * (2.0 if levels["b"] > 0 and levels["a"] == 0 else 1.0)
        )

    context = context_of(of=lucky, rows=ROWS[:4], blocks=())
    assert context.best is not None
    assert float(context.best["value"]) == 10.0
    assert largest(context)[0].chosen is not None
    assert "is a = 0.2" in text(context)[0]


def test_gains_are_paired_by_seed_and_the_baseline_against_itself_is_none() -> None:
    context = context_of()
    gain = gain_over_baseline(context, largest(context)[0])
    assert gain is not None
    assert gain.n == 4
    assert gain.low < gain.estimate < gain.high
    assert gain.estimate == pytest.approx(-0.2, abs=0.005)
    assert gain.shown == "lower"
    worse = context_of(of=lambda levels, seed: 1.0 / value(levels, seed))
    assert all(gain_over_baseline(worse, group) is None or group.chosen for group in largest(worse))


def test_the_figure_has_a_part_for_each_stratum_and_always_the_baseline() -> None:
    drawing = plot(best(context_of()), "standings").drawing
    assert drawing.data.groupby("stratum")["kind"].apply(set).to_dict() == {
        "small": {"best", "baseline", "behind"}, "large": {"best", "baseline", "behind"},
    }  # fmt: skip
    assert drawing.title == "a = 0.2 is best on small and large"
    assert set(plot(best(context_of()), "gains").drawing.data["group"]) == {"small", "large"}


def claim(where: Any, start: Any = 0.0, to: Any = 0.2) -> dict[str, Any]:
    contrast = {"phase": "grid", "factor": "a", "from": start, "to": to, "where": where}
    return {
        "id": f"a-{to}",
        "text": "a helps.",
        "metric": None,
        "contrast": contrast,
        "expect": "decrease",
        "at_least": 0,
    }


@pytest.mark.parametrize("seeds", [(0, 1), (0, 1, 2, 3)])
def test_a_comparison_with_a_claim_has_its_interval_in_the_summary_and_in_all_figures(seeds: tuple[int, ...]) -> None:
    """Two seeds whose own t shows nothing, where the claim is supported by the noise of all runs."""
    rows = [row for row in ROWS[:4] if row["b"] == 0] + [
        {"corpus": "small", "a": 0.0, "b": level} for level in (1, 2, 3)
    ]

    def of(levels: Levels, seed: int) -> float:
        return value(levels, seed) * math.exp(0.05 * (levels["a"] > 0) * (seed == 0))

    phase = Phase("grid", "list", rows, of, seeds=seeds)
    factors = {**FACTORS, "b": factor(0.0, 1, 2, 3)}
    context = make_context(study_data(factors, phase, claims=[claim(None)]), NOW)
    (verdict,) = context.verdicts
    assert verdict.verdict == "supported"
    gain = gain_over_baseline(context, largest(context)[0])
    assert gain is not None
    assert (gain.estimate, gain.low, gain.high) == (verdict.estimate, verdict.low, verdict.high)
    assert gain.claim == "a-0.2"
    effect = next(each for each in context.effects if each.factor == "a")
    assert (effect.estimate, effect.low, effect.high) == pytest.approx((verdict.estimate, verdict.low, verdict.high))
    (said,) = text(context)
    assert "lower than the baseline" in said
    assert "cannot be distinguished from the baseline" not in said


def test_a_comparison_without_a_claim_has_one_interval_too() -> None:
    context = context_of(rows=ROWS[:4], blocks=())
    gain = gain_over_baseline(context, largest(context)[0])
    phase = Phase("grid", "list", ROWS[:4], value, seeds=(0, 1, 2, 3))
    (verdict,) = make_context(study_data(FACTORS, phase, claims=[claim({"b": 0.0})]), NOW).verdicts
    assert gain is not None
    assert (gain.low, gain.high) == pytest.approx((verdict.low, verdict.high))


def test_the_best_of_many_that_noise_may_have_made_is_not_called_better() -> None:
    rows = [{"a": 0.0, "b": float(place)} for place in range(40)]

    def luck(levels: Levels, seed: int) -> float:
        draw = np.random.default_rng([seed, int(levels["b"])]).normal()
        return 2.0 + 0.05 * float(draw) - 0.02 * (levels["b"] == 0)

    phase = Phase("p", "one_at_a_time", rows, luck)
    data = study_data({"a": factor(0.0, 0.2), "b": factor(*map(float, range(40)))}, phase, metric="loss")
    context = make_context(data, NOW)
    gain = gain_over_baseline(context, largest(context)[0])
    assert gain is not None
    assert gain.high < 0
    assert gain.shown == ""
    assert (
        "lower than the baseline, over 3 pairs of seeds, which may be chance in the best of 40 configurations."
        in (text(context)[0])
    )


def among_strata(strata: int, shift: float) -> Context:
    """A gain on the first stratum that is clear of the noise there, and none on the others."""
    corpora = [f"c{place}" for place in range(strata)]
    rows = [{"corpus": corpus, "a": a} for corpus in corpora for a in (0.0, 0.2)]

    def luck(levels: Levels, seed: int) -> float:
        draw = np.random.default_rng([50 + seed, corpora.index(levels["corpus"]), int(levels["a"] > 0)]).normal()
        return 2.0 + 0.01 * float(draw) - shift * (levels["a"] > 0) * (levels["corpus"] == "c0")

    phase = Phase("p", "list", rows, luck, seeds=range(4), blocks=("corpus",))
    factors = {"corpus": factor(*corpora), "a": factor(0.0, 0.2)}
    return make_context(study_data(factors, phase, metric="loss"), NOW)


def test_a_gain_that_only_its_own_stratum_shows_is_not_called_one_of_many() -> None:
    alone, many = among_strata(1, 0.018), among_strata(6, 0.018)
    assert "lower than the baseline, over 4 pairs of seeds. The other one is behind." in text(alone)[0]
    shown = [(gain_over_baseline(each, largest(each)[0]) or pytest.fail()).shown for each in (alone, many)]
    assert shown == ["lower", ""]
    assert (
        "may be chance in the best of 2 configurations in each of 6 strata. The other one is behind when only"
        in (text(many)[0])
    )
    title = plot(best(many), "gains").drawing.title
    assert title == "In none of 6 strata is the best measurably better than the baseline"


def test_long_names_are_cut_in_the_summary_and_whole_in_the_table() -> None:
    name = "a_name_of_letters_" + "x" * 200
    data = study_data(
        {name: factor(0, 1)}, Phase("p", "list", [{name: 0}, {name: 1}], lambda row, seed: 9.0 - row[name])
    )
    context = make_context(data, NOW)
    (said,) = text(context)
    assert len(said) < 400
    assert "a_name_of_letters_" in said
    found = best(context)
    assert found is not None
    table = found.blocks[-1]
    assert isinstance(table, Table)
    assert any(f"{name} = 1" in cell.text for row in table.rows for cell in row)


def test_equal_means_have_no_best() -> None:
    (said,) = text(context_of(rows=ROWS[:4], blocks=(), of=lambda levels, seed: 2.0))
    assert "All configurations have the same mean." in said


def test_nothing_completed_has_no_best() -> None:
    assert best(context_of(of=lambda levels, seed: "failed")) is None


def test_one_seed_does_not_say_what_may_be_as_good() -> None:
    found = text(context_of(seeds=(0,)))
    assert all("Without repeats, it cannot be said which others may be as good." in each for each in found)


def test_costs_differ_only_beyond_the_noise_of_the_machine() -> None:
    def frame(costs: list[list[float]], budgets: list[str] | None = None) -> pd.DataFrame:
        rows = [
            {
                "arm": str(arm),
                "budget": budgets[arm] if budgets else "{}",
                "state": "completed",
                "value": 1.0,
                "cost": cost,
            }
            for arm, seeds in enumerate(costs)
            for cost in seeds
        ]
        return pd.DataFrame(rows)

    noisy = [[10.0, 14.0, 12.0], [13.0, 10.5, 11.0], [12.0, 15.0, 11.5]]
    apart = [[10.0, 10.2, 10.1], [14.0, 14.1, 14.4]]
    assert not costs_differ(frame(noisy), is_time=True)
    assert costs_differ(frame(apart), is_time=True)
    assert costs_differ(frame([[10.0], [11.0]]), is_time=False)  # FLOPs have no noise
    assert not costs_differ(frame([[10.0], [13.0]]), is_time=True)
    assert costs_differ(frame([[10.0], [20.0]], ["{1}", "{2}"]), is_time=True)
    assert not costs_differ(frame([[10.0]]), is_time=True)
    # Runs of other lengths that a process's start takes longer than: what differs is the start.
    starts = [[cost / 200 for cost in seeds] for seeds in apart]
    assert not costs_differ(frame(starts, ["{1}", "{2}"]), is_time=True)
    assert not costs_differ(frame(noisy, ["{1}", "{2}", "{3}"]), is_time=True)


def test_the_best_by_validation_is_not_called_best_where_the_test_shows_another_one() -> None:
    def test(row: Any) -> dict[str, float]:
        change = 0.3 if row.configuration["a"] > 0 else 0.0
        return {"test_perplexity": value(row.configuration, row.seed) * math.exp(change)}

    phase = Phase("grid", "list", ROWS[:4], value, seeds=(0, 1, 2, 3))
    context = make_context(study_data(FACTORS, phase, results=test), NOW)
    (only,) = text(context)
    assert only.startswith("The best configuration after 100 steps is a = 0.2, with a mean test perplexity of")
    assert only.endswith("It was chosen by validation perplexity; 1 other one may be the best here, but not it.")
    found = best(context)
    assert plot(found, "standings").drawing.title == "baseline is best"


def test_the_best_of_some_phases_is_not_called_that_of_the_study() -> None:
    short = Phase("short", "list", ROWS[:4], value, steps=100)
    long = Phase("long", "list", [{**row, "c": 1} for row in ROWS[:4]], value, steps=300)
    context = make_context(study_data({**FACTORS, "c": factor(0, 1)}, short, long), NOW)
    (only,) = text(context)
    assert only.startswith("The best configuration of phase long after 300 steps is a = 0.2")
    found = plot(best(context), "standings")
    assert found.drawing.title == "a = 0.2, c = 1 is best in long"
    caption = "".join(run.text for run in found.caption)
    assert " Other phases ran at other budgets: short (100 steps); the table has them." in caption


def test_phases_of_one_budget_are_not_told_apart() -> None:
    halves = [Phase(name, "list", rows, value) for name, rows in (("one", ROWS[:2]), ("two", ROWS[2:4]))]
    context = make_context(study_data(FACTORS, *halves), NOW)
    (only,) = text(context)
    assert only.startswith("The best configuration after 100 steps is a = 0.2")
    assert plot(best(context), "standings").drawing.title == "a = 0.2 is best"


def test_of_many_phases_the_number_is_named() -> None:
    phases = [Phase(f"a-long-name-{place}", "list", [row], value, steps=300) for place, row in enumerate(ROWS[:4])]
    context = make_context(study_data(FACTORS, Phase("short", "list", [{"a": 0.4}], lambda *_: 20.0), *phases), NOW)
    (only,) = text(context)
    assert only.startswith("The best configuration of 4 phases after 300 steps is a = 0.2")


def test_strata_are_in_the_order_of_their_levels_whichever_ran_at_other_budgets_too() -> None:
    phases = [
        Phase("short", "list", ROWS[4:], value, blocks=("corpus",), seeds=range(4), steps=50),
        Phase("grid", "list", ROWS, value, blocks=("corpus",), seeds=range(4)),
    ]
    context = make_context(study_data(FACTORS, *phases), NOW)
    assert context.standings[0].name == "corpus = large"
    assert [context.stratum_label(group) for group in largest(context)] == ["small", "large"]
    assert [sentence.partition(",")[0] for sentence in text(context)] == ["On small", "On large"]
