"""A paper against its study: stale and missing numbers with their places, inputs, and comments."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from reports.figures.drawing import make_drawing
from reports.paper.check import NUMBERS, check_paper
from reports.paper.checksums import CHECKSUMS
from reports.paper.figures import figure_files
from reports.paper.kit import latex_files, text_files
from reports.paper.numbers import numbers, origin
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
    for name, content in figure_files([drawing], origin(source)).items():
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


@pytest.fixture
def kit(source, tmp_path: Path) -> Path:
    """The directory of a whole kit with two figures."""
    drawings = [
        make_drawing(name, name, f"{name}.", pd.DataFrame(), lambda sheet: 20.0) for name in ("cost", "verdicts")
    ]
    for name, content in latex_files(source, drawings).items():
        (tmp_path / "kit" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "kit" / name).write_bytes(content)
    text = "\\input{kit/numbers}\n\\begin{document}\n\\includegraphics{kit/figures/cost-column}\n\\end{document}\n"
    (tmp_path / "paper.tex").write_text(text)
    return tmp_path / "kit"


def only(kit: Path, source) -> str:
    ((place, kind, text),) = found(kit.with_name("paper.tex"), source)
    return f"{place}: {kind}: {text.removeprefix(f'{kit}/')}"


@pytest.mark.parametrize("with_checksums", [True, False])
def test_a_figure_that_another_one_of_the_study_replaced_is_found(kit: Path, source, with_checksums: bool) -> None:
    assert found(kit.with_name("paper.tex"), source) == []
    if not with_checksums:
        (kit / CHECKSUMS).unlink()
    figures = kit / "figures"
    (figures / "cost-column.pdf").write_bytes((figures / "verdicts-column.pdf").read_bytes())
    expected = "paper.tex:3: stale: figures/cost-column.pdf: has the figure verdicts-column in place of its own"
    assert only(kit, source) == expected


def test_figures_that_were_edited_replaced_or_lost_are_found(kit: Path, source) -> None:
    figure = kit / "figures" / "cost-column.pdf"
    figure.write_bytes(figure.read_bytes() + b"% edited\n")
    edited = "paper.tex:3: stale: figures/cost-column.pdf: is not as `sweeper report` wrote it"
    assert only(kit, source) == edited
    figure.write_bytes(b"%PDF-1.7 drawn by hand")
    assert only(kit, source) == edited
    figure.unlink()
    assert only(kit, source).startswith("paper.tex:3: missing: figures/cost-column")


def test_a_figure_may_be_copied_under_a_name_of_its_own(kit: Path, source) -> None:
    (kit / "figures" / "cost-column.pdf").rename(kit.with_name("Figure1.pdf"))
    paper = kit.with_name("paper.tex")
    paper.write_text(paper.read_text().replace("kit/figures/cost-column", "Figure1"))
    checked = check_paper(paper, source)
    assert (checked.figures, checked.findings) == (1, ())


def test_numbers_that_were_swapped_are_found_even_where_no_line_uses_them(kit: Path, source) -> None:
    numbers = kit / NUMBERS
    lines = numbers.read_text().splitlines(keepends=True)
    numbers.write_text("".join(lines).replace("\n", "\r\n"))
    assert found(kit.with_name("paper.tex"), source) == []
    values = {line[line.index("}{") : line.index(" % ")] for line in lines if "BaselineMean}" in line}
    one, other = sorted(values)[:2]
    numbers.write_text("".join(lines).replace(one, "}{?}").replace(other, one).replace("}{?}", other))
    assert only(kit, source) == "paper.tex:1: stale: numbers.tex: is not as `sweeper report` wrote it"


def test_the_same_study_gives_the_same_kit(kit: Path, source) -> None:
    drawing = make_drawing("cost", "cost", "cost.", pd.DataFrame(), lambda sheet: 20.0)
    again = latex_files(source, [drawing])
    assert again["figures/cost-page.pdf"] == (kit / "figures" / "cost-page.pdf").read_bytes()
    recorded = dict(reversed(line.split("  ")) for line in again[CHECKSUMS].decode().splitlines()[1:])
    assert recorded == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in again.items()
        if name not in (CHECKSUMS, "example.tex")
    }


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
    "line",
    [
        r"\renewcommand{\swSTrials}{999}",
        r"\def\swSTrials{999}",
        r"\renewcommand*\swSTrials{999}",
        r"\let\swSTrials\swSClaims",
        r"\gdef \swSTrials{9}",
        r"\RenewDocumentCommand{\swSTrials}{}{9}",
        r"\DeclareRobustCommand\swSTrials{9}",
    ],
)
def test_a_number_of_the_study_that_is_defined_again_by_hand_is_stale(paper: Path, source, line: str) -> None:
    add(paper, line)
    assert found(paper, source) == [
        ("paper.tex:4", "stale", r"\swSTrials: defined again by hand. Remove that, or give it a name of its own")
    ]


def test_a_number_that_is_defined_twice_within_its_own_file_is_stale(paper: Path, source) -> None:
    numbers = paper.with_name(NUMBERS)
    numbers.write_text(f"{numbers.read_text()}\\renewcommand{{\\swSTrials}}{{999}}\n")
    last = len(numbers.read_text().splitlines())
    ((place, kind, text),) = found(paper, source)
    assert (place, kind) == (f"{NUMBERS}:{last}", "stale")
    assert text.startswith(r"\swSTrials: defined again by hand")


def test_numbers_of_other_studies_and_own_macros_are_not_ours(paper: Path, source) -> None:
    other = '% study "s-bigger", content sha256 ' + "0" * 64
    paper.with_name("other.tex").write_text(f"{other}\n\\newcommand{{\\swSBiggerTrials}}{{3}} % trials\n")
    add(
        paper,
        r"\newcommand{\mine}{4} \newcommand{\swing}{4} \mine",
        r"\swing",
        r"\input{other}",
        r"\swSBiggerTrials \swSBiggerLost",
    )
    assert found(paper, source) == []


def test_without_its_numbers_every_number_is_missing(paper: Path, source) -> None:
    paper.with_name(NUMBERS).unlink()
    assert [kind for _, kind, _ in found(paper, source)] == ["missing", "missing"]
    paper.write_text("\\begin{document}\n\\swSTrials\n\\end{document}\n")
    ((place, kind, text),) = found(paper, source)
    assert (place, kind) == ("paper.tex:2", "missing")
    remedy = r"\input the one that `sweeper report s --format tex` writes"
    assert text == rf"\swSTrials: the paper takes in no numbers.tex of s. {remedy}"


DEFINED = [
    r"\newcommand{\swSTrials}{999}",
    r"\newcommand\swSTrials{999}",
    r"\newcommand*{\swSTrials}[0]{999}",
    r"\DeclareRobustCommand{\swSTrials}{999}",
    r"\NewDocumentCommand{\swSTrials}{}{999}",
    r"\newrobustcmd{\swSTrials}{999}",
    r"\def\swSTrials{999}",
    r"\long\gdef\swSTrials{999}",
    r"\expandafter\def\csname swSTrials\endcsname{999}",
    r"\expandafter\newcommand\csname swSTrials\endcsname{999}",
    r"\csdef{swSTrials}{999}",
    r"\makeatletter\@namedef{swSTrials}{999}\makeatother",
    "\\newcommand\n{\\swSTrials}{999}",
]


@pytest.mark.parametrize("line", DEFINED)
@pytest.mark.parametrize("is_apart", [False, True])
def test_a_number_that_only_the_paper_defines_is_compared(paper: Path, source, line: str, is_apart: bool) -> None:
    count = next(each.value for each in numbers(source) if each.name == "swSTrials")
    paper.with_name(NUMBERS).unlink()
    paper.with_name("mine.tex").write_text(line + "\n")
    begin = r"\input{mine}" if is_apart else line
    paper.write_text(f"{begin}\n\\begin{{document}}\nIt is \\swSTrials{{}}.\n\\end{{document}}\n")
    ((place, kind, text),) = found(paper, source)
    assert place.startswith("mine.tex:" if is_apart else "paper.tex:")
    assert (kind, text) == (
        "stale", rf"\swSTrials: defined by hand as 999, but {count} in s. Take in numbers.tex instead"
    )  # fmt: skip
    for path in (paper, paper.with_name("mine.tex")):
        path.write_text(path.read_text().replace("999", count))
    assert found(paper, source) == []


@pytest.mark.parametrize("line", DEFINED)
def test_a_number_that_the_paper_defines_after_its_file_is_stale(paper: Path, source, line: str) -> None:
    add(paper, line)
    assert [(kind, text) for _, kind, text in found(paper, source)] == [
        ("stale", r"\swSTrials: defined again by hand. Remove that, or give it a name of its own")
    ]


@pytest.mark.parametrize("line", [r"\let\swSTrials\relax", r"\chardef\swSTrials=9", r"\newcommand{\swSTrials}{9"])
def test_a_definition_whose_value_cannot_be_read_is_stale(paper: Path, source, line: str) -> None:
    paper.write_text(f"{line}\n")
    ((place, kind, text),) = found(paper, source)
    assert (place, kind) == ("paper.tex:1", "stale")
    assert text.startswith(r"\swSTrials: defined by hand, but ")


def test_a_number_that_the_study_does_not_have_cannot_have_its_prefix(paper: Path, source) -> None:
    add(paper, r"\newcommand{\swSMine}{4} \swSMine")
    assert found(paper, source) == [
        ("paper.tex:4", "missing", r"\swSMine: defined by hand as 4, but s has no such number. Name it without \swS")
    ]


@pytest.mark.parametrize(
    "line",
    [
        r"\csname swSScreenABaselineMean\endcsname",
        r"\csuse{swSScreenABaselineMean}",
        "\\csname\nswSScreenABaselineMean\\endcsname",
    ],
)
def test_names_that_are_made_are_numbers_too(paper: Path, source, line: str) -> None:
    add(paper, line)
    assert (check_paper(paper, source).used, found(paper, source)) == (2, [])
    numbers_file = paper.with_name(NUMBERS)
    numbers_file.write_text(numbers_file.read_text().replace(f"{{{MEAN}}}{{", f"{{{MEAN}}}{{1"))
    ((_, kind, text),) = found(paper, source)
    assert (kind, text.partition(":")[0]) == ("stale", MEAN)


def test_names_that_are_made_of_parts_are_refused_by_place(paper: Path, source) -> None:
    add(paper, r"\csname swS\part Mean\endcsname", r"\csname @other#1\endcsname", r"\csuse{swS#1}")
    assert [(place, kind) for place, kind, _ in found(paper, source)] == [
        ("paper.tex:4", "missing"), ("paper.tex:6", "missing")
    ]  # fmt: skip
    assert r"\csname swS\part Mean\endcsname: made of parts" in found(paper, source)[0][2]


def test_a_pasted_table_is_compared_by_its_rows(paper: Path, source) -> None:
    table = paper.with_name("table-claims.tex").read_text()
    own = table.replace("[tbp]", "[t]").replace(r"\caption{", r"\caption{My words. ").replace("\n", "\n  ")
    add(paper, own)
    checked = check_paper(paper, source)
    assert (checked.tables, checked.findings) == (1, ())
    assert "supported" in own or "undecided" in own
    paper.write_text(paper.read_text().replace("undecided", "refuted").replace("supported", "refuted"))
    ((place, kind, text),) = found(paper, source)
    assert (place, kind) == ("paper.tex:5", "stale")
    assert text.startswith("the pasted table: the study has no table with these rows")
    paper.write_text("\n".join(line for line in paper.read_text().splitlines() if "content sha256" not in line))
    assert [place for place, _, _ in found(paper, source)] == ["paper.tex:4"]


def test_a_paper_that_cannot_be_read_is_named(tmp_path: Path, source) -> None:
    with pytest.raises(UsageError, match=r"nothing\.tex: cannot be read: .* Name the main file of a paper"):
        check_paper(tmp_path / "nothing.tex", source)
    with pytest.raises(UsageError, match="cannot be read"):
        check_paper(tmp_path, source)
    (tmp_path / "latin.tex").write_bytes(b"caf\xe9 \\swSTrials")
    assert check_paper(tmp_path / "latin.tex", source).used == 1
