"""The first sentence of a report: the best trial, and the baseline that it compares with."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from reports.sections.context import make_context
from reports.sections.summary import summary
from tests.reports.conftest import NOW
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"corpus": factor("small", "large"), "a": factor(0.0, 0.2), "b": factor(0.0, 0.3)}
ROWS = [
    {"corpus": corpus, **row} for corpus in ("small", "large") for row in ({"a": 0.0, "b": 0.0}, {"a": 0.2, "b": 0.0})
]


def first_sentence(gain_on_large: float, blocks: list[str]) -> str:
    def value(levels: Mapping[str, Any], seed: int) -> float:
        large = levels["corpus"] == "large"
        gain = gain_on_large if large else 0.1
        return math.exp(4.0 - 0.5 * large - gain * (levels["a"] > 0) + 0.01 * seed)

    data = study_data(FACTORS, Phase("sizes", "list", ROWS, value, blocks=blocks))
    return "".join(run.text for run in summary(make_context(data, NOW)).blocks[0].text)  # type: ignore[union-attr]


def test_the_best_is_compared_with_the_baseline_of_its_own_block() -> None:
    found = first_sentence(0.2, ["corpus"])
    assert "with corpus = large, a = 0.2, seed 0" in found
    assert found.endswith("The baseline with the same corpus, seed and budget has 33.12 (\u221218.1%).")


def test_without_blocks_there_is_one_baseline() -> None:
    assert first_sentence(0.2, []).endswith("The baseline with the same seed and budget has 54.60 (\u221250.3%).")


@pytest.mark.parametrize(
    ("blocks", "words"), [(["corpus"], "the baseline with corpus = large"), ([], "with corpus = large")]
)
def test_a_block_s_baseline_that_is_best_is_called_so(blocks: list[str], words: str) -> None:
    found = first_sentence(-0.1, blocks)
    assert f"sizes 6, {words}, seed 0" in found
    assert ("The baseline with" in found) == (not blocks)
