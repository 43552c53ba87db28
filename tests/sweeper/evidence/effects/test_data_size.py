"""Effects against the amount of training text: where they are shown, and that they are those of the pairs."""

import math
from typing import Any

import numpy as np
import pytest

from reports.sections.context import make_context
from reports.sections.data_size import data_size
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects.data_size import SizeEffect, size_effects
from sweeper.store.reading.reader import TrialRow
from tests.reports.conftest import NOW
from tests.reports.studies import Phase, factor, study_data

FACTORS = {
    "tokens": factor(100, 900, path="data.max_train_tokens"),
    "a": factor(0.0, 0.2),
    "b": factor(0.0, 0.3),
}
ROWS = [
    {"tokens": size, **row}
    for size in (100, 900)
    for row in ({"a": 0.0, "b": 0.0}, {"a": 0.2, "b": 0.0}, {"a": 0.2, "b": 0.3})
]


def value(levels: Any, seed: int) -> float:
    gain = 0.1 if levels["tokens"] == 100 else 0.02
    noise = np.random.default_rng([seed, *str(sorted(levels.items())).encode()]).normal(0, 1e-4)
    return math.exp(4.0 + 0.01 * seed - gain * (levels["a"] > 0) - gain * (levels["b"] > 0) + noise)


def corpus(row: TrialRow, **changes: Any) -> dict[str, Any]:
    tokens = (row.configuration or {})["tokens"]
    return {"corpus": {"name": "c", "train_tokens": tokens * 1000, "valid_tokens": 50, "vocabulary": 20, **changes}}


def study(results: Any = corpus, **changes: Any) -> StudyData:
    return study_data(FACTORS, Phase("sizes", "list", ROWS, value, blocks=["tokens"], **changes), results=results)


def found_in(data: StudyData) -> tuple[SizeEffect, ...]:
    return size_effects(data, study_runs(data))


def test_each_configuration_is_compared_with_the_baseline_of_the_same_amount() -> None:
    found = found_in(study())
    assert [(each.label, each.tokens, each.estimate.n) for each in found] == [
        ("a 0.2", 100_000, 3), ("a 0.2", 900_000, 3), ("a 0.2, b 0.3", 100_000, 3), ("a 0.2, b 0.3", 900_000, 3),
    ]  # fmt: skip
    assert [each.estimate.value for each in found] == pytest.approx([-0.1, -0.02, -0.2, -0.04], abs=5e-4)


def test_the_section_has_a_line_a_configuration_and_a_row_an_effect() -> None:
    section = data_size(make_context(study(), NOW))
    assert section is not None
    plot, table = section.blocks
    assert "a 0.2: \u22129.5% at 100\u202f000 tokens" in plot.drawing.alternative  # type: ignore[union-attr]
    assert [row[2].sort for row in table.rows] == pytest.approx([-0.1, -0.02, -0.2, -0.04], abs=5e-4)  # type: ignore[union-attr]


@pytest.mark.parametrize("changed", ["valid_tokens", "vocabulary"])
def test_different_prediction_tasks_are_not_compared(changed: str) -> None:
    def results(row: TrialRow) -> dict[str, Any]:
        return corpus(row, **{changed: (row.configuration or {})["tokens"]})

    assert found_in(study(results)) == ()


def test_one_amount_of_text_is_no_comparison() -> None:
    assert found_in(study(lambda row: corpus(row, train_tokens=7))) == ()
    assert data_size(make_context(study(lambda row: {}), NOW)) is None


def test_what_has_not_ended_is_left_out() -> None:
    assert found_in(study_data(FACTORS, Phase("sizes", "list", ROWS, lambda *_: "waiting"), results=corpus)) == ()
