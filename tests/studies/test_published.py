"""Published results: whole, with sources, and beside the studies that name them alone."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reports.sections.blocks import Table
from reports.sections.context import Context, make_context
from reports.sections.costs import costs
from studies.published import available, marks
from sweeper.evidence.data.load import StudyData
from tests.reports.studies import Phase, factor, study_data

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FACTORS = {"a": factor(0, 1)}


def data(*, published: list[str], metric: str = "valid_perplexity", claims: Any = ()) -> StudyData:
    phase = Phase("p", "grid", [{"a": 0}, {"a": 1}], lambda levels, seed: 90.0 + seed - levels["a"])
    found = study_data(FACTORS, phase, metric=metric, claims=claims)
    return replace(found, study=replace(found.study, published=tuple(published)))


def published_table(context: Context) -> Table | None:
    """The table in the section on costs."""
    section = costs(context)
    assert section is not None
    tables = [block for block in section.blocks if isinstance(block, Table)]
    return next((table for table in tables if table.name == "published"), None)


@pytest.mark.parametrize("name", available())
def test_every_mark_has_a_source_and_plausible_numbers(name: str) -> None:
    found = marks(name)
    assert any(mark.drawn for mark in found)
    for mark in found:
        assert mark.source
        assert mark.read in {"paper", "repository", "thread", "leaderboard"}
        assert 10 < mark.test < 150
        assert mark.valid is None or mark.test < mark.valid < 1.1 * mark.test
    assert len({mark.model for mark in found}) == len(found)
    assert all(len(mark.drawn) < 32 for mark in found if mark.drawn is not None)  # or figures cut it


def test_the_thread_s_and_the_recipe_s_figures_are_among_them() -> None:
    tests = {mark.test for mark in marks("wikitext-2")}
    assert {97.0, 63.358, 65.8} <= tests
    assert 54.52 in {mark.test for mark in marks("ptb")}


def test_only_drawn_marks_are_in_the_figure_and_all_are_in_the_table() -> None:
    context = make_context(data(published=["ptb"]), NOW)
    drawn = [mark for mark in marks("ptb") if mark.drawn]
    assert context.published == {mark.drawn: mark.test for mark in drawn}
    table = published_table(context)
    assert table is not None
    assert [row[1].text for row in table.rows] == [mark.model for mark in marks("ptb")]
    assert [row[6].text for row in table.rows] == [mark.source for mark in marks("ptb")]


def test_a_published_value_that_a_claim_names_is_drawn_once() -> None:
    constant = {"phase": "p", "levels": {}, "value": 63.358}
    claim = {"id": "c9", "text": "", "constant": constant, "expect": "equal", "within": "2%", "at_least": 0}
    context = make_context(data(published=["wikitext-2"], claims=[claim]), NOW)
    assert list(context.published.values()).count(63.358) == 1
    assert make_context(data(published=[], claims=[claim]), NOW).published == {"c9": 63.358}


@pytest.mark.parametrize("changes", [{"published": []}, {"published": ["ptb"], "metric": "accuracy"}])
def test_other_studies_show_none(changes: dict[str, Any]) -> None:
    context = make_context(data(**changes), NOW)
    assert context.published == {}
    assert published_table(context) is None


def test_the_studies_that_name_them_are_those_of_the_corpora_themselves() -> None:
    folder = Path(__file__).resolve().parents[2] / "studies"
    named = {path.stem for path in folder.glob("*.yaml") if "\npublished:" in path.read_text(encoding="utf-8")}
    assert named == {"dettmers-339", "dettmers-wt2-recipe", "wt2-gpu"}
