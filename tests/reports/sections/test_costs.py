"""What the title of the cost figure says of the cheapest and the best configurations."""

from collections.abc import Mapping
from typing import Any

from reports.sections.blocks import Plot
from reports.sections.context import make_context
from reports.sections.costs import costs
from tests.reports.conftest import NOW
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"a": factor(0, 1, 2)}


def title(values: Mapping[str, Mapping[int, float]], flops: Mapping[Any, float], by: str = "phase") -> str:
    """The title where phases run levels of one factor to some values."""

    def ended(name: str) -> Any:
        return lambda levels, seed: values[name][levels["a"]] + 0.01 * seed

    phases = [
        Phase(name, "list", [{"a": level} for level in levels], ended(name), steps=100 * place)
        for place, (name, levels) in enumerate(values.items(), 1)
    ]
    data = study_data(FACTORS, *phases)
    data.trials["flops"] = data.trials[by].map(flops)
    found = costs(make_context(data, NOW))
    assert found is not None
    return next(block.drawing.title for block in found.blocks if isinstance(block, Plot))


def test_of_several_equally_cheap_ones_the_best_is_named() -> None:
    values = {"short": {0: 20.0, 1: 10.0}, "long": {2: 12.0}}
    assert title(values, {"short": 1e12, "long": 3e12}) == (
        "a = 1 has the best mean validation perplexity, and is among the cheapest"
    )


def test_what_cost_buys_between_phases_names_them() -> None:
    values = {"short": {0: 20.0, 1: 15.0}, "long": {2: 8.0}}
    assert title(values, {"short": 1e12, "long": 3e12}) == (
        "3.0 times the cost takes validation perplexity from 15.01 in short to 8.010 in long"
    )


def test_phases_are_not_named_where_one_ran_both() -> None:
    assert title({"only": {0: 20.0, 1: 15.0, 2: 8.0}}, {0: 1e12, 1: 1e12, 2: 3e12}, by="a") == (
        "3.0 times the cost takes validation perplexity from 15.01 to 8.010"
    )
