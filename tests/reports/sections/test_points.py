"""Which point of a curve is the value of a run, said wherever a budget stands beside values."""

import math
from typing import Any

import pytest

from reports.sections.best import best, best_sentences
from reports.sections.blocks import Paragraph, Plot, Section, Table
from reports.sections.context import Context, make_context
from reports.sections.costs import costs
from reports.sections.effects import effects
from reports.sections.points import after, counted, evaluation, heading
from reports.sections.verdicts import claims_headline
from sweeper.spec.metric import metric_named
from tests.reports.conftest import NOW
from tests.reports.studies import Levels, Phase, factor, falling, study_data

FACTORS = {"a": factor(0, 1)}
ROWS = [{"a": 0}, {"a": 1}]
COUNTED = " Each run counts with its best evaluation."
CLAIM = {"id": "c", "text": "a helps.", "metric": None, "expect": "decrease", "at_least": 0,
         "contrast": {"phase": "p", "factor": "a", "from": 0, "to": 1, "where": None}}  # fmt: skip


def value(levels: Levels, seed: int) -> float:
    return 100.0 - 5.0 * float(levels["a"]) + seed


def context_of(point: Any = "best", *, points: int = 10, **options: Any) -> Context:
    phase = Phase("p", "list", ROWS, value, steps=3000)
    data = study_data(
        FACTORS, phase, curves=lambda row: falling(row.value or math.nan, steps=3000, points=points),
        metric_options={"value": point}, **options,
    )  # fmt: skip
    return make_context(data, NOW)


def captions(section: Section | None) -> list[str]:
    assert section is not None
    return ["".join(run.text for run in block.caption) for block in section.blocks if isinstance(block, Plot | Table)]


def summary(context: Context) -> str:
    return " ".join("".join(run.text for run in text) for text in best_sentences(context))


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("best", "its best evaluation"),
        ("best_length", "its best evaluation"),
        ({"mean_of_last": 3}, "the mean of its last 3 evaluations"),
        ("last", ""),
    ],
)
def test_the_point_of_a_curve_is_named_unless_it_is_the_end(point: Any, said: str) -> None:
    data = context_of(point).data
    assert evaluation(data, data.study.metric) == said
    assert after(data, data.study.metric, '{"steps": 3000}') == (
        " in runs of 3\u202f000 steps" if said else " after 3\u202f000 steps"
    )
    assert heading(data, data.study.metric, '{"steps": 3000}').endswith("3\u202f000 steps")
    assert after(data, data.study.metric, '{"runs": 1}') == heading(data, data.study.metric, '{"runs": 1}') == ""


def test_runs_that_were_evaluated_once_have_no_other_point() -> None:
    context = context_of(points=1)
    assert counted(context.data, context.metric) == ""
    assert summary(context).startswith("The best configuration after 3\u202f000 steps is a = 1")


@pytest.mark.parametrize(
    ("program", "said"),
    [("trainer", "its best evaluation by validation perplexity"), ({"command": ["x"], "metrics": {}}, "")],
)
def test_a_test_that_is_reported_once_is_that_of_the_trainers_best_weights(program: Any, said: str) -> None:
    context = context_of(program=program, results=lambda row: {"test_perplexity": 1.1 * row.value})
    test = metric_named("test_perplexity", context.metric, is_trainer=True)
    assert evaluation(context.data, test) == said
    assert ("in runs of" in summary(context)) == bool(said)


def test_no_section_shows_the_best_of_a_run_as_its_end() -> None:
    context = context_of(claims=[CLAIM])
    assert summary(context).startswith("The best configuration in runs of 3\u202f000 steps is a = 1")
    assert summary(context).endswith(COUNTED)
    found = best(context)
    assert all(COUNTED in caption for caption in captions(found))
    assert found is not None
    (plot,) = (block for block in found.blocks if isinstance(block, Plot))
    assert set(plot.drawing.data["group"]) == {"runs of 3\u202f000 steps"}
    section = effects(context)
    assert section is not None
    assert isinstance(section.blocks[0], Paragraph)
    assert "".join(run.text for run in section.blocks[0].text).endswith(COUNTED)
    (headline,) = (block for block in claims_headline(context) if isinstance(block, Plot))
    assert "".join(run.text for run in headline.caption).endswith(COUNTED)


def test_claims_that_name_their_length_say_nothing_of_other_points() -> None:
    context = context_of(claims=[{**CLAIM, "at": "same_length"}])
    (headline,) = (block for block in claims_headline(context) if isinstance(block, Plot))
    assert "Each run" not in "".join(run.text for run in headline.caption)
    both = context_of(claims=[{**CLAIM, "at": "same_length"}, {**CLAIM, "id": "d", "at": None}])
    (headline,) = (block for block in claims_headline(both) if isinstance(block, Plot))
    text = "".join(run.text for run in headline.caption)
    assert "Where a claim names no length, each run counts with its best evaluation." in text


def test_with_last_values_nothing_is_added() -> None:
    context = context_of("last", claims=[CLAIM])
    shown = [summary(context), *captions(best(context)), *captions(effects(context))]
    assert not any("Each run" in text or "runs of" in text for text in shown)
    assert costs(context) is None or "the last of each run" in captions(costs(context))[0]
