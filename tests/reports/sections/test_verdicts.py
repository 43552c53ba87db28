"""The card of each claim: its verdict, what it rests on, and the runs that diverged."""

from pathlib import Path

import pytest

from reports.rendering.html import render_html
from reports.rendering.pdf import render_pdf
from reports.sections.blocks import Report, Ruling, Rulings, Table
from reports.sections.report import study_report
from sweeper.evidence.data.load import load
from tests.reports.builders import CLAIMS, Ending, Plot, screen, store_of_one_seed, store_with
from tests.reports.conftest import NOW


def cards(report: Report) -> tuple[Ruling, ...]:
    return next(block.items for part in report.sections for block in part.blocks if isinstance(block, Rulings))


def table(report: Report, name: str) -> Table:
    tables = [block for part in report.sections for block in part.blocks if isinstance(block, Table)]
    return next(each for each in tables if each.name == name)


def column(found: Table, title: str) -> list[str]:
    place = [each.title for each in found.columns].index(title)
    return [row[place].text for row in found.rows]


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return study_report(load(store_of_one_seed(tmp_path_factory.mktemp("fragile")), "quickstart"), NOW)


def test_a_card_says_what_a_fragile_verdict_rests_on_and_lists_the_checks(fragile: Report) -> None:
    (card,) = cards(fragile)
    assert (card.verdict, card.fragile) == ("supported", "Fragile: rests on seed 1.")
    checks = dict(card.checks)
    assert list(checks) == ["Same verdict", "Too little power", "Breaks the verdict"]
    assert checks["Same verdict"].endswith("last value for best")
    assert checks["Too little power"].startswith("own pairs only")
    assert checks["Breaks the verdict"] == "each seed left out (seed 1)"


def test_the_page_and_the_pdf_have_the_checks(fragile: Report) -> None:
    page = render_html(fragile)
    assert '<p class="fragile">Fragile: rests on seed 1.</p>' in page
    assert "<dt>Breaks the verdict</dt><dd>each seed left out (seed 1)</dd>" in page
    assert render_pdf(fragile, NOW).startswith(b"%PDF")


def test_a_sturdy_verdict_is_not_called_anything(tmp_path: Path) -> None:
    store = store_with(tmp_path, Plot([screen()], claims=CLAIMS[:1]))
    report = study_report(load(store, "quickstart"), NOW)
    (card,) = cards(report)
    assert card.fragile == ""
    assert card.checks
    assert 'class="fragile"' not in render_html(report)


def test_the_tables_count_what_diverged_only_where_something_did(report: Report, fragile: Report) -> None:
    assert column(table(report, "effects-screen-table"), "Diverged") == ["0/3, 0/3", "0/3, 0/3", "0/3, 1/3", "0/3, 0/3"]
    for name in ("effects-screen-table", "claims"):
        assert "Diverged" not in [each.title for each in table(fragile, name).columns]


def test_the_table_of_claims_counts_both_sides(tmp_path: Path) -> None:
    def ending(lease):
        diverges = (lease.configuration or {})["input_dropout"] == 0.3 and lease.seed == 1
        return Ending("diverged", stop=0.3, last_is_nan=True) if diverges else Ending()

    report = study_report(load(store_with(tmp_path, Plot([screen()]), ending), "quickstart"), NOW)
    found = table(report, "claims")
    assert column(found, "Diverged") == ["0/3, 1/3", "0/3, 0/3"]
    assert [row[-1].data for row in found.rows] == [(1, 6), (0, 6)]


def test_a_claim_on_divergence_shows_how_a_share_changes_and_not_the_metric(tmp_path: Path) -> None:
    def ending(lease):
        diverges = (lease.configuration or {})["input_dropout"] == 0.3 and lease.seed == 1
        return Ending("diverged", stop=0.3, last_is_nan=True) if diverges else Ending()

    contrast = dict(CLAIMS[0]["contrast"])
    del contrast["where"]
    fails = {"id": "fails", "text": "It fails.", "metric": None, "divergence": contrast, "expect": "increase"}
    data = load(store_with(tmp_path, Plot([screen()], claims=(CLAIMS[1], fails)), ending), "quickstart")
    report = study_report(data, NOW)
    assert column(table(report, "claims"), "Effect")[1] == "+0.3333"
    (drawing,) = [each for each in report.drawings() if each.name == "verdicts"]
    assert "change of the share of failed runs" in drawing.svg
    rows = drawing.data.set_index("identifier")
    assert rows.loc["fails", "estimate"] == pytest.approx(1 / 3)
