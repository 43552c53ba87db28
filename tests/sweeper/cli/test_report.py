"""`sweeper report`: where it writes, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reports.builders import Plot, screen, store_with
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("store")
    store_with(folder, Plot([screen()], name="first"))
    return store_with(folder, Plot([screen()], name="../second"))


def test_a_report_lies_in_a_folder_named_like_the_study(
    sweeper: Sweeper, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = sweeper("report", "first", "--store", store, "--format", "html")
    assert answer.code == 0
    assert answer.out == "sweeper-reports/first/report.html\n"
    assert (tmp_path / "sweeper-reports" / "first" / "report.html").is_file()


def test_two_studies_are_compared_whatever_they_are_called(
    sweeper: Sweeper, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = sweeper("report", "first", "../second", "--store", store)
    assert answer.code == 0
    folder = "sweeper-reports/first-and--second"
    assert answer.out.splitlines() == [f"{folder}/report.html", f"{folder}/report.pdf"]


@pytest.mark.parametrize("formats", ["docx", "html,docx", ""])
def test_other_formats_are_refused(sweeper: Sweeper, store: str, formats: str) -> None:
    answer = sweeper("report", "first", "--store", store, "--format", formats)
    assert answer.code == 2
    assert "is not a list of formats. Use html, pdf or html,pdf." in answer.err
