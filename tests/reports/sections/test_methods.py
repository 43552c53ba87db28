"""What the methods say of the test text, by what the trials did."""

from collections.abc import Sequence
from typing import Any

import pytest

from reports.sections.blocks import Paragraph
from reports.sections.context import make_context
from reports.sections.methods import methods
from tests.reports.conftest import NOW
from tests.reports.studies import Phase, factor, study_data

ONCE = "Test text is evaluated once, with the weights that were best on validation text."
ALWAYS = "Test text is read at every evaluation, and nothing is chosen by it"


def text(options: Sequence[Any], program: Any = "trainer") -> str:
    """The methods of a study of which the trials, in turn, resolved these options to read the test text."""

    def result(row: Any) -> dict[str, Any]:
        if not options:
            return {}
        evaluation = options[row.number % len(options)]
        return {"config": {} if evaluation is None else {"evaluation": {"test": evaluation}}}

    phase = Phase("p", "list", [{"a": 0}, {"a": 1}], lambda levels, seed: 10.0 + seed)
    data = study_data({"a": factor(0, 1)}, phase, results=result, program=program)
    found = methods(make_context(data, NOW), ())
    paragraphs = (block for block in found.blocks if isinstance(block, Paragraph))
    return " ".join("".join(run.text for run in paragraph.text) for paragraph in paragraphs)


@pytest.mark.parametrize("options", [[True], [], [None], [True, False]])
def test_a_test_at_the_end_is_that_of_the_best_weights(options: list[Any]) -> None:
    assert ONCE in text(options)
    assert ALWAYS not in text(options)


def test_a_test_at_each_evaluation_is_not_called_one() -> None:
    assert ALWAYS in text(["each_look"])
    assert "evaluated once" not in text(["each_look"])


def test_both_kinds_are_counted() -> None:
    said = text(["each_look", "each_look", True])
    assert "In 4 trials, test text is read at every evaluation" in said
    assert "In 2 others, test text is evaluated once, with the weights that were best" in said


@pytest.mark.parametrize(("options", "program"), [([False], "trainer"), ([True], {"command": ["x"], "metrics": {}})])
def test_without_a_test_or_the_trainer_nothing_is_said_of_it(options: list[Any], program: Any) -> None:
    assert "est text is" not in text(options, program)
