"""`sweeper report`: where it writes, and its errors."""

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


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is an empty one."""
    monkeypatch.chdir(tmp_path)


def test_a_report_is_written_to_a_directory_named_like_the_study(
    sweeper: Sweeper, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = sweeper("report", "first", "--store", store, "--format", "html")
    assert answer.code == 0
    assert answer.out == "sweeper-reports/first/report.html\n"
    assert (tmp_path / "sweeper-reports" / "first" / "report.html").is_file()


def test_two_studies_are_compared_whatever_their_names(
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
    assert "is not a list of formats. Use html, pdf, tex and md, e.g. html,pdf." in answer.err


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_report_can_be_written_from_an_exported_directory(
    sweeper: Sweeper, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = sweeper("export", "first", "--all", "--format", form, "--out", "kept", "--store", store)
    assert answer.code == 0
    names = ["study.json", *(f"{name}.{form}" for name in ("trials", "attempts", "measurements", "claims"))]
    assert answer.out.splitlines() == [f"kept/{name}" for name in names]
    answer = sweeper("report", "--from", "kept", "--format", "html")
    assert (answer.code, answer.out) == (0, "sweeper-reports/first/report.html\n")


def test_an_export_in_another_format_replaces_the_tables(sweeper: Sweeper, store: str, tmp_path: Path) -> None:
    for form in ("csv", "parquet"):
        sweeper("export", "first", "--all", "--format", form, "--out", str(tmp_path), "--store", store)
    assert list(tmp_path.glob("*.csv")) == []
    assert len(list(tmp_path.glob("*.parquet"))) == 4


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["report"], "Name a study in the store or a study file, or give --from DIRECTORY."),
        (["report", "first", "--from", "."], "the directory already names the study. Leave one of them out."),
        (["report", "--from", "."], "Write the directory with `sweeper export STUDY --all`."),
        (["export", "first"], "Choose one of trials, attempts, measurements, claims, or give --all."),
        (["export", "first", "--all"], "needs --out DIRECTORY and --format csv or parquet."),
        (["export", "first", "--all", "--format", "json", "--out", "x"], "needs --out DIRECTORY"),
        (["export", "first", "--all", "--table", "trials", "--out", "x"], "Leave one of them out."),
        (["export", "first", "--table", "trials", "--out", "."], "is a directory. Name a file, or give --all."),
    ],
)
def test_a_refused_report_or_export_says_what_to_do(
    sweeper: Sweeper, store: str, elsewhere: None, arguments: list[str], remedy: str
) -> None:
    answer = sweeper(*arguments, "--store", store)
    assert answer.code == 2
    assert remedy in " ".join(answer.err.split())
