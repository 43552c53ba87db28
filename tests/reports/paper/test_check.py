"""A paper against its study: stale and missing numbers with their places, inputs, and comments."""

from pathlib import Path

import pandas as pd
import pytest

from reports.figures.drawing import make_drawing
from reports.paper.check import NUMBERS, check_paper
from reports.paper.figures import figure_files
from reports.paper.kit import text_files
from reports.paper.numbers import origin
from sweeper.errors import UsageError
from tests.reports.paper.papers import claim, two_strata, value

MEAN = r"\swSScreenABaselineMean"


@pytest.fixture(scope="module")
def source():
    return two_strata()


@pytest.fixture
def paper(source, tmp_path: Path) -> Path:
    for name, text in text_files(source).items():
        (tmp_path / name).write_text(text)
    main = tmp_path / "paper.tex"
    main.write_text("\\input{numbers}\n\\begin{document}\nIt is \\swSTrials{}.\n\\end{document}\n")
    return main


def add(paper: Path, *lines: str) -> None:
    paper.write_text(paper.read_text().replace("\\end{document}", "\n".join([*lines, "\\end{document}"])))


def found(paper: Path, source) -> list[tuple[str, str, str]]:
    return [(Path(each.place).name, each.kind, each.text) for each in check_paper(paper, source).findings]


def test_a_paper_that_follows_its_study_is_fine(paper: Path, source) -> None:
    add(
        paper,
        rf"Here {MEAN} and {MEAN}.",
        r"\input{table-configurations-steps-100.tex}",
        r"\includegraphics{figures/x}",
    )
    checked = check_paper(paper, source)
    assert (checked.used, checked.tables, checked.findings) == (3, 1, ())


def test_stale_and_missing_numbers_are_named_with_their_lines(paper: Path, source) -> None:
    add(paper, MEAN, r"\swSNoSuchThing", rf"twice {MEAN}", r"\swSTrialsCompleted")
    numbers = paper.with_name(NUMBERS)
    lines = [line for line in numbers.read_text().splitlines() if "TrialsCompleted}" not in line]
    numbers.write_text("\n".join(lines).replace(f"{{{MEAN}}}{{", f"{{{MEAN}}}{{1"))
    assert [(place, kind) for place, kind, _ in found(paper, source)] == [
        ("paper.tex:4", "stale"), ("paper.tex:5", "missing"), ("paper.tex:6", "stale"), ("paper.tex:7", "missing"),
    ]  # fmt: skip
    assert [text for _, _, text in found(paper, source)][1::2] == [
        r"\swSNoSuchThing: s has no such number", r"\swSTrialsCompleted: numbers.tex lacks it"
    ]  # fmt: skip


def test_a_study_that_changed_makes_the_numbers_and_tables_in_use_stale(paper: Path) -> None:
    add(paper, MEAN, r"\swSClaimDropoutHelpsVerdict", r"\input{table-configurations-steps-100}")
    changed = two_strata(lambda levels, seed: 1.1 * value(levels, seed))
    stale = found(paper, changed)
    assert [(place, kind) for place, kind, _ in stale] == [("paper.tex:4", "stale"), ("paper.tex:6", "stale")]
    assert "the study's table differs" in stale[1][2]
    elsewhere = two_strata(results=lambda row: {"notes": "of no table"})
    assert found(paper, elsewhere) == []
    renamed = two_strata(claims=[claim("other-name")])
    assert next((place, text) for place, _, text in found(paper, renamed)) == (
        "paper.tex:5", r"\swSClaimDropoutHelpsVerdict: supported in numbers.tex, but s no longer has it"
    )  # fmt: skip


def test_figures_of_an_earlier_content_are_stale(paper: Path, source) -> None:
    folder = paper.with_name("figures")
    folder.mkdir()
    drawing = make_drawing("cost", "Cost", "Cost.", pd.DataFrame(), lambda sheet: 20.0)
    for name, content in figure_files([drawing], origin(source), 0).items():
        (folder / name).write_bytes(content)
    (folder / "photo.pdf").write_bytes(b"%PDF-1.7 nothing of ours")
    add(paper, r"\includegraphics{figures/cost-column.pdf}", r"\graphicspath{{other/}{figures/}}")
    add(paper, r"\includegraphics[width=\linewidth]{cost-page}", r"\includegraphics{photo}", r"\includegraphics{#1}")
    checked = check_paper(paper, source)
    assert (checked.figures, checked.findings) == (2, ())
    changed = two_strata(lambda levels, seed: 1.1 * value(levels, seed))
    assert [(place, text) for place, _, text in found(paper, changed)] == [
        ("paper.tex:4", f"{folder / 'cost-column.pdf'}: drawn from an earlier content of s"),
        ("paper.tex:6", f"{folder / 'cost-page.pdf'}: drawn from an earlier content of s"),
    ]


def test_comments_and_verbatim_text_are_no_uses(paper: Path, source) -> None:
    add(paper, rf"% \swSNoSuch {MEAN}", r"100\% \swSAlsoNot", r"\\% \swSNo", r"\verb|\swSNeither|")
    add(paper, r"\begin{verbatim}", r"\swSNorThis", r"\end{verbatim}", r"\begin{comment} \swSNot \end{comment}", MEAN)
    assert [place for place, _, _ in found(paper, source)] == ["paper.tex:5"]
    assert check_paper(paper, source).used == 3


def test_files_that_a_paper_takes_in_are_followed(paper: Path, source) -> None:
    folder = paper.parent / "parts"
    folder.mkdir()
    (folder / "one.tex").write_text("fine\n\\swSOne\n\\input{parts/two}\n\\endinput\n\\swSNotRead\n")
    (folder / "two.tex").write_text("\\swSTwo\n\\input{one}\n\\input two\n")
    add(paper, r"\include{parts/one}", r"\input{lost}", r"\input{\jobname-x}")
    assert [(place, kind) for place, kind, _ in found(paper, source)] == [
        ("one.tex:2", "missing"), ("two.tex:1", "missing"), ("paper.tex:5", "missing")
    ]  # fmt: skip
    assert "lost: no such file" in found(paper, source)[2][2]


@pytest.mark.parametrize(
    "line", [r"\renewcommand{\swSTrials}{999}", r"\def\swSTrials{999}", r"\renewcommand*\swSTrials{999}"]
)
def test_a_number_of_the_study_that_is_defined_again_by_hand_is_stale(paper: Path, source, line: str) -> None:
    add(paper, line)
    assert found(paper, source) == [
        ("paper.tex:4", "stale", r"\swSTrials: defined again by hand. Remove that, or give it a name of its own")
    ]


def test_numbers_of_other_studies_and_own_macros_are_not_ours(paper: Path, source) -> None:
    other = '% study "s-bigger", content sha256 ' + "0" * 64
    paper.with_name("other.tex").write_text(f"{other}\n\\newcommand{{\\swSBiggerTrials}}{{3}} % trials\n")
    add(paper, r"\newcommand{\swSMine}{4} \swSMine", r"\swSMine", r"\input{other}", r"\swSBiggerTrials \swSBiggerLost")
    assert found(paper, source) == []


def test_without_its_numbers_every_number_is_missing(paper: Path, source) -> None:
    paper.with_name(NUMBERS).unlink()
    assert [kind for _, kind, _ in found(paper, source)] == ["missing", "missing"]


def test_a_paper_that_cannot_be_read_is_named(tmp_path: Path, source) -> None:
    with pytest.raises(UsageError, match=r"nothing\.tex: cannot be read: .* Name the main file of a paper"):
        check_paper(tmp_path / "nothing.tex", source)
    with pytest.raises(UsageError, match="cannot be read"):
        check_paper(tmp_path, source)
    (tmp_path / "latin.tex").write_bytes(b"caf\xe9 \\swSTrials")
    assert check_paper(tmp_path / "latin.tex", source).used == 1
