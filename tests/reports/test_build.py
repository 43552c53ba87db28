import csv
import io
import os
from pathlib import Path

import pandas as pd
import pytest

from reports.build import build_comparison, build_from, build_report
from reports.sections.blocks import Report, Table
from reports.wording import UNKNOWN
from sweeper.errors import UsageError
from sweeper.evidence.data.load import StudyData
from tests.reports.builders import Plot, screen, store_with
from tests.reports.conftest import NOW
from tests.sweeper.store.builders import Budget, phase


@pytest.fixture(scope="module")
def folder(store: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("report")
    assert build_report(store, "quickstart", found, now=NOW) == [found / "report.html", found / "report.pdf"]
    return found


def test_each_figure_lies_beside_the_report_with_its_data(folder: Path, report: Report) -> None:
    for drawing in report.drawings():
        assert (folder / "figures" / f"{drawing.name}.svg").read_text() == drawing.svg
        saved = pd.read_csv(folder / "figures" / f"{drawing.name}.csv")
        expected = pd.read_csv(io.StringIO(drawing.data.to_csv(index=False)))
        pd.testing.assert_frame_equal(saved, expected)
        assert len(saved) == len(drawing.data)


def test_each_table_lies_beside_the_report(folder: Path, report: Report) -> None:
    for part in report.sections:
        for block in part.blocks:
            if isinstance(block, Table):
                text = (folder / "figures" / f"{block.name}.csv").read_text()
                rows = list(csv.reader(io.StringIO(text)))
                assert rows[0] == [title for column in block.columns for title in column.data or (column.title,)]
                assert {len(row) for row in rows} == {len(rows[0])}
                assert len(rows) == len(block.rows) + 1


def test_numbers_in_the_table_of_trials_are_saved_in_full(folder: Path, data: StudyData) -> None:
    saved = pd.read_csv(folder / "figures" / "trials.csv")
    values = pd.to_numeric(saved["Validation perplexity"], errors="coerce")
    assert values.dropna().tolist() == pytest.approx(data.trials["value"].dropna().tolist(), rel=1e-12)


def test_a_table_of_effects_says_the_same_as_its_figure_in_one_unit_with_both_ends(folder: Path) -> None:
    table = pd.read_csv(folder / "figures" / "effects-screen-table.csv")
    assert set(table["Unit"]) == {"%"}
    drawn = pd.read_csv(folder / "figures" / "effects-screen.csv")
    saved = table[["Effect", "95% interval, low", "95% interval, high", "n"]]
    expected = drawn[["estimate", "low", "high", "n"]]
    assert sorted(map(tuple, saved.round(9).to_numpy())) == sorted(map(tuple, expected.round(9).to_numpy()))
    assert (folder / "figures" / "effects-screen-table.csv").read_text().count(".0,") == 0


def test_a_claim_that_has_no_data_has_no_numbers(folder: Path) -> None:
    claims = pd.read_csv(folder / "figures" / "claims.csv").set_index("Claim")
    ended = claims[claims["Verdict"] != "untested"]
    assert (ended["95% interval, low"] < ended["Effect"]).all()
    assert (ended["Effect"] < ended["95% interval, high"]).all()
    assert claims.loc[claims["Verdict"] == "untested", "Effect"].isna().all()


def test_the_same_study_and_time_give_the_same_bytes(folder: Path, store: str, tmp_path: Path) -> None:
    build_report(store, "quickstart", tmp_path, now=NOW)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


def test_nothing_temporary_is_left_and_an_earlier_report_is_replaced(folder: Path, store: str) -> None:
    (folder / "report.html").write_text("old")
    build_report(store, "quickstart", folder, formats=("html",), now=NOW)
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert not list(folder.rglob(".*"))


def test_a_report_needs_no_store(data: StudyData, tmp_path: Path, folder: Path) -> None:
    build_from(data, tmp_path, formats=("html",), now=NOW)
    assert (tmp_path / "report.html").read_bytes() == (folder / "report.html").read_bytes()


def test_two_studies_are_one_report(tmp_path: Path) -> None:
    store_with(tmp_path, Plot([screen()], name="one"))
    url = store_with(tmp_path, Plot([screen()], name="two"))
    paths = build_comparison(url, ("one", "two"), tmp_path / "out", now=NOW)
    assert [path.name for path in paths] == ["report.html", "report.pdf"]
    assert "one and two" in paths[0].read_text()


@pytest.mark.skipif(os.name != "posix", reason="a folder under a file")
def test_a_directory_that_cannot_be_written_to_is_reported(data: StudyData, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be written to: Not a directory\. Choose another directory"):
        build_from(data, tmp_path / "file" / "report", formats=("html",), now=NOW)


def test_nothing_is_written_of_an_unknown_study(store: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no study 'other'"):
        build_report(store, "other", tmp_path / "out", now=NOW)
    assert not (tmp_path / "out").exists()


def test_what_a_spreadsheet_would_run_is_text_in_every_file(tmp_path: Path) -> None:
    formula = "=1+1"
    levels = {"path": "regularization.input_dropout", "levels": ["+0", formula], "baseline": "+0"}
    rows = [{"x": level} for level in ("+0", formula)]
    spec = {"seeds": [0, 1], "budget": {"steps": 300}, "design": "one_at_a_time"}
    plot = Plot(
        [phase("@screen", rows, seeds=(0, 1), design="one_at_a_time", budget=Budget(300), spec=spec)],
        factors={"x": levels},
        claims=(),
    )
    build_report(store_with(tmp_path, plot), "quickstart", tmp_path / "out", formats=("html",), now=NOW)
    for file in (tmp_path / "out" / "figures").glob("*.csv"):
        cells = [cell for row in csv.reader(io.StringIO(file.read_text())) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))], file
    trials = (tmp_path / "out" / "figures" / "trials.csv").read_text()
    assert f"'{formula}" in trials
    assert "'@screen" in (tmp_path / "out" / "figures" / "ledger.csv").read_text()


def test_a_missing_number_is_an_empty_cell_and_not_a_dash(folder: Path) -> None:
    texts = {file.name: file.read_text() for file in (folder / "figures").glob("*.csv")}
    assert not [name for name, text in texts.items() if UNKNOWN in text or "nan" in text]
    rows = list(csv.DictReader(io.StringIO(texts["trials.csv"])))
    lost = [row for row in rows if row["State"] == "failed (diverged)"]
    assert [row["Test perplexity"] for row in lost] == [""]
