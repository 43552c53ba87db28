"""Learning curves say what their trials count."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reports.sections.blocks import Paragraph, Plot
from reports.sections.context import make_context
from reports.sections.learning import learning
from sweeper.store.reading.reader import Curve, TrialRow
from tests.reports.studies import Phase, factor, falling, study_data

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SCRIPT = {"command": ["python", "train.py"]}


def drawn(
    *phases: Phase, curves: Callable[[TrialRow], Curve | None], program: Any = SCRIPT
) -> tuple[str, str, list[str]]:
    """The caption of the figure, its alternative text, and the labels of its x axes."""
    data = study_data({"a": factor(0, 1)}, *phases, curves=curves, program=program)
    section = learning(make_context(data, NOW))
    assert section is not None
    (plot,) = section.blocks
    assert isinstance(plot, Plot)
    labels = [word for word in ("step", "epoch", "tokens") if f">{word}</text>" in plot.drawing.svg]
    return "".join(run.text for run in plot.caption), plot.drawing.alternative, labels


def phase(unit: str, amount: int, *, name: str = "screen", state: str | float = 90.0) -> Phase:
    return Phase(name, "grid", [{"a": 0}, {"a": 1}], lambda levels, seed: state, seeds=(0,), unit=unit, steps=amount)


def until(last: int) -> Callable[[TrialRow], Curve]:
    """Curves that end so far."""
    return lambda row: falling(90.0, steps=last, points=min(last, 10))


def test_trials_that_count_epochs_have_epochs_on_their_axis() -> None:
    caption, words, labels = drawn(phase("epochs", 6), curves=until(6))
    assert "over epochs, one panel for each budget" in caption
    assert "over epochs." in words
    assert labels == ["epoch"]


@pytest.mark.parametrize(
    ("unit", "amount", "state", "last", "label"),
    [
        ("steps", 100, 90.0, 100, "step"),
        ("tokens", 5000, 90.0, 5000, "tokens"),
        ("epochs", 6, 90.0, 5, "epoch"),  # counted from 0
        ("epochs", 6, "running", 2, "epoch"),  # so far
        ("epochs", 6, "pruned", 2, "epoch"),
        ("epochs", 6, 90.0, 1200, "step"),  # batches
        ("tokens", 5000, 90.0, 50, "step"),
    ],
)
def test_a_script_counts_its_budget_s_unit_unless_where_it_ended_says_otherwise(
    unit: str, amount: int, state: str | float, last: int, label: str
) -> None:
    assert drawn(phase(unit, amount, state=state), curves=until(last))[2] == [label]


def test_the_trainer_counts_steps_whatever_its_budget() -> None:
    caption, _, labels = drawn(phase("tokens", 5000, state="running"), curves=until(30), program="trainer")
    assert "over steps, one panel" in caption
    assert labels == ["step"]


def test_phases_that_count_differently_are_distinguished() -> None:
    phases = (phase("epochs", 6), phase("steps", 100, name="long"))
    caption, words, labels = drawn(*phases, curves=lambda row: until(int(next(iter(row.budget.values()))))(row))
    assert "over epochs or steps, one panel" in caption
    assert "over epochs or steps." in words
    assert labels == ["step", "epoch"]


def test_trials_that_reported_once_have_a_line_instead_of_empty_axes() -> None:
    data = study_data({"a": factor(0, 1)}, phase("steps", 1), curves=until(1), program=SCRIPT)
    section = learning(make_context(data, NOW))
    assert section is not None
    (only,) = section.blocks
    assert isinstance(only, Paragraph)
    assert only.text[0].text == "Each trial reported the metric once, so there are no curves."


def test_the_title_names_the_budget_that_it_speaks_of() -> None:
    def title(*phases: Phase) -> str:
        data = study_data({"a": factor(0, 1)}, *phases, curves=lambda row: falling(row.value or 0.0, points=5))
        section = learning(make_context(data, NOW))
        assert section is not None
        (plot,) = section.blocks
        assert isinstance(plot, Plot)
        return plot.drawing.title

    def of(levels: Any, seed: int) -> float:
        return 100.0 - 50.0 * float(levels["a"]) + 0.1 * seed

    short = Phase("short", "list", [{"a": 0}, {"a": 1}], of, steps=100)
    long = Phase("long", "list", [{"a": 1}], of, steps=300)  # without a baseline
    assert title(short) == "a = 1 leads the baseline throughout"
    assert title(short, long) == "a = 1 leads the baseline throughout (100 steps)"
