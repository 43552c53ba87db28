"""What figures and sentences of the best show besides it: what may be as good, and what ran elsewhere only."""

import dataclasses
import math

import pytest

from reports.sections.best import best, best_sentences, largest
from reports.sections.blocks import Plot, Section
from reports.sections.context import Context, make_context
from reports.sections.titles import Leading, best_title
from tests.reports.conftest import NOW
from tests.reports.studies import Levels, Phase, factor, study_data


def standings_of(section: Section | None) -> Plot:
    assert section is not None
    return next(block for block in section.blocks if isinstance(block, Plot) and block.drawing.name == "standings")


def caption(plot: Plot) -> str:
    return "".join(run.text for run in plot.caption)


def many(number: int, noise: float) -> Context:
    """Return a study of configurations, whose last one is far behind by its mean, but varies as much as the others."""
    factors = {"a": factor(*range(number))}

    def of(levels: Levels, seed: int) -> float:
        return 2.0 + 0.01 * levels["a"] + noise * ((seed * 7 + levels["a"] * 3) % 5)

    phase = Phase("p", "list", [{"a": level} for level in range(number)], of, seeds=(0, 1, 2, 3))
    return make_context(study_data(factors, phase, metric="loss"), NOW)


def test_all_that_may_be_best_are_shown() -> None:
    context = many(9, 0.05)
    (group,) = largest(context)
    assert len(group.possible) > 6
    kinds = standings_of(best(context)).drawing.data["kind"].tolist()
    assert kinds.count("best") + kinds.count("tied") + kinds.count("baseline") >= len(group.possible)


def test_of_very_many_that_may_be_best_the_number_that_is_left_out_is_said() -> None:
    context = many(26, 0.5)
    (group,) = largest(context)
    left = len(group.possible) - 20
    assert left > 0
    assert f"Left out: {left} more that may be the best; the table has all." in caption(standings_of(best(context)))


def test_what_was_not_tested_is_not_called_behind() -> None:
    rows = [{"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 0, "b": 1}]
    factors = {"a": factor(0, 1), "b": factor(0, 1)}
    context = make_context(
        study_data(factors, Phase("p", "list", rows, lambda levels, seed: 2.0 + levels["b"]), metric="loss"), NOW
    )
    drawing = standings_of(best(context)).drawing
    assert dict(zip(drawing.data["name"], drawing.data["kind"], strict=True)) == {
        "baseline": "best",
        "a = 1": "same",
        "b = 1": "untested",
    }
    assert "behind the best" not in drawing.svg
    assert "has the same mean as the best" in drawing.wide.svg


def test_a_better_mean_at_a_budget_at_which_the_best_did_not_run_is_named() -> None:
    def of(levels: Levels, seed: int) -> float:
        return math.exp(4.0 - 0.2 * levels["a"] - 0.3 * levels["b"] + 0.001 * ((seed + levels["a"]) % 3))

    short = Phase("short", "list", [{"a": a, "b": b} for a in (0, 1) for b in (0, 1)], of)
    long = Phase("long", "list", [{"a": 0, "b": 0}, {"a": 1, "b": 0}], of, steps=200)
    data = study_data({"a": factor(0, 1), "b": factor(0, 1)}, short, long)
    (sentence,) = best_sentences(make_context(data, NOW))
    said = "".join(run.text for run in sentence)
    assert said.endswith(" Not run at this budget: a = 1, b = 1, with a better mean of 33.15 after 100 steps.")
    worse = dataclasses.replace(long, value=lambda levels, seed: 0.5 * of(levels, seed))
    (other,) = best_sentences(make_context(study_data({"a": factor(0, 1), "b": factor(0, 1)}, short, worse), NOW))
    assert "Not run" not in "".join(run.text for run in other)


@pytest.mark.parametrize(
    ("strata", "expected"),
    [
        (["a", "b"], "X = 1 is best on a and b"),
        (["a", "b", "c", "d", "e"], "X = 1 is best in all 5 strata"),
    ],
)
def test_the_same_in_all_strata_is_said_once(strata: list[str], expected: str) -> None:
    assert best_title([Leading(stratum, "x = 1", 1, 4, True, 1) for stratum in strata]).lower() == expected.lower()
