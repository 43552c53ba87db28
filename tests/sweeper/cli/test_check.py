"""`sweeper check`: its exit codes and messages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reports.builders import Plot, screen, store_with
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return store_with(tmp_path_factory.mktemp("store"), Plot([screen()], name="first"))


def test_a_kit_is_written_and_its_example_follows_the_study(sweeper: Sweeper, store: str, tmp_path: Path) -> None:
    answer = sweeper("report", "first", "--store", store, "--format", "md,tex", "--out", str(tmp_path))
    assert answer.code == 0
    assert [Path(line).name for line in answer.out.splitlines()] == [
        "tables.md", "numbers.tex", "table-configurations-steps-300.tex", "table-claims.tex", "example.tex"
    ]  # fmt: skip
    trials = (tmp_path / "paper" / "trials.csv").read_bytes()
    assert trials == (tmp_path / "figures" / "trials.csv").read_bytes()
    example = tmp_path / "paper" / "example.tex"
    answer = sweeper("check", str(example), "--study", "first", "--store", store)
    assert (answer.code, answer.err) == (0, "")
    figures = f"{len(list(example.with_name('figures').glob('*-column.pdf')))} figures"
    assert answer.out == f"{example}: 20 uses of a number, 2 tables and {figures} of first, all as in the study.\n"
    assert sweeper("export", "first", "--all", "--out", str(tmp_path / "kept"), "--store", store).code == 0
    assert sweeper("check", str(example), "--from", str(tmp_path / "kept")).code == 0
    numbers = example.with_name("numbers.tex")
    numbers.write_text(numbers.read_text().replace("swFirstTrials}{15}", "swFirstTrials}{14}"))
    answer = sweeper("check", str(example), "--study", "first", "--store", store)
    assert answer.code == 1
    assert answer.out == f"{example}:10: stale: \\swFirstTrials: 14 in numbers.tex, but 15 in first\n"
    assert "1 stale. Write them again with `sweeper report first --format tex`" in answer.err


def test_mistakes_in_the_command_name_a_remedy(sweeper: Sweeper, store: str, tmp_path: Path) -> None:
    paper = tmp_path / "paper.tex"
    paper.write_text("no number\n")
    for arguments, message in (
        ((str(paper),), "--study is missing. Name a study in the store or a study file, or give --from DIRECTORY."),
        ((str(paper), "--study", "other", "--store", store), "no study 'other'"),
        ((str(paper), "--study", "first", "--from", str(tmp_path)), "Leave one of them out"),
        ((str(paper), "--study", "first", "--store", store), r"its macros begin with \swFirst"),
        ((str(tmp_path / "x.tex"), "--study", "first", "--store", store), "cannot be read: No such file or directory"),
        ((str(paper), "--from", str(tmp_path)), str(tmp_path)),
    ):
        answer = sweeper("check", *arguments)
        assert (answer.code, answer.out) == (2, ""), arguments
        assert message in answer.err
        assert "Traceback" not in answer.err


def test_two_studies_make_no_paper(sweeper: Sweeper, store: str, tmp_path: Path) -> None:
    answer = sweeper("report", "first", "first", "--format", "tex", "--out", str(tmp_path / "out"), "--store", store)
    assert answer.code == 2
    assert "--format tex: is for one study. Use html or pdf to compare two, or name one study." in answer.err
    assert not (tmp_path / "out").exists()
