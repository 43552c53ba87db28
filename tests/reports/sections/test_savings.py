"""How small a study would have sufficed: shown for studies that have ended, and for no others."""

from datetime import UTC, datetime
from pathlib import Path

from reports.sections.blocks import Block, Heading, Paragraph, Table
from reports.sections.context import make_context
from reports.sections.savings import savings
from sweeper.evidence.data.load import load
from tests.reports.builders import Ending, Plot, screen, store_with
from tests.reports.studies import Phase, factor, study_data

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def blocks(folder: Path, plot: Plot, num_ended: int = 1_000) -> list[Block]:
    ended: list[int] = []

    def ending(claim: object) -> Ending | None:
        ended.append(1)
        return Ending() if len(ended) <= num_ended else None

    return savings(make_context(load(store_with(folder, plot, ending), "quickstart"), NOW))


def test_what_less_would_have_cost_and_shown(tmp_path: Path) -> None:
    heading, answer, table = blocks(tmp_path, Plot([screen(seeds=(0, 1, 2, 3))]))
    assert isinstance(heading, Heading)
    assert isinstance(answer, Paragraph)
    assert isinstance(table, Table)
    assert "fixed before the study began" in "".join(run.text for run in answer.text)
    shares = [row[3].sort for row in table.rows]
    assert shares == sorted(shares, reverse=True)  # type: ignore[type-var]  # numbers
    assert [row[1].text for row in table.rows[:2]] == ["20", "12"]  # no claim is on embedding dropout
    assert [row[4].text[-5:] for row in table.rows] == [" of 2"] * 4
    assert table.rows[0][4].text == "2 of 2"


def test_nothing_is_shown_before_the_end_or_without_claims(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert blocks(tmp_path / "a", Plot([screen()]), num_ended=9) == []
    assert blocks(tmp_path / "b", Plot([screen()], claims=())) == []


def test_where_nothing_could_have_been_saved_no_share_of_all_and_no_verdict_kept_is_claimed() -> None:
    phase = Phase("p", "one_at_a_time", [{"a": 0}, {"a": 1}], lambda levels, seed: 2.0, seeds=(0, 1, 2))
    contrast = {"phase": "p", "factor": "a", "from": 0, "to": 1, "where": None}
    claim = {"id": "c", "text": "a helps.", "metric": None, "contrast": contrast, "expect": "decrease", "at_least": 0}
    data = study_data({"a": factor(0, 1)}, phase, claims=[claim], metric="loss")
    heading, answer = savings(make_context(data, NOW))
    assert isinstance(heading, Heading)
    assert isinstance(answer, Paragraph)
    said = "".join(run.text for run in answer.text)
    assert "would have taken all of its device time" in said
    assert "100%" not in said
    assert "would have been the same" not in said
