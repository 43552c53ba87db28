import io
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pdfua
import pikepdf
import pytest
from matplotlib import font_manager

from reports.build import build_report
from reports.figures.drawing import make_drawing
from reports.rendering.pdf import MOST_ROWS, render_pdf
from reports.rendering.pdf_fonts import spelled
from reports.sections.blocks import Cell, Column, Paragraph, Report, Section, Table, plain
from reports.sections.blocks import Plot as Figure
from reports.sections.report import study_report
from sweeper.evidence.data.load import load
from tests.reports.builders import Plot, screen, store_with
from tests.reports.conftest import NOW
from tests.reports.rendering.test_html import HOSTILE, SHOWN

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="needs pdftotext (Debian: poppler-utils) to read the PDF's text"
)

MISSING = "\u4f60\u597d"  # of the hostile text: no font that we bring has them


@pytest.fixture(scope="module")
def pdf(report: Report) -> bytes:
    return render_pdf(report, NOW)


def text_of(content: bytes) -> str:
    found = subprocess.run(["pdftotext", "-raw", "-", "-"], input=content, capture_output=True, check=True)
    return found.stdout.decode()


def test_it_is_tagged_and_passes_the_checks_of_pdf_ua(pdf: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf)
    found = pdfua.validate(str(path))
    assert [finding.message for finding in found.findings] == []
    with pikepdf.open(path) as document:
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang) == "en"
        metadata = document.open_metadata()
        assert metadata["pdfuaid:part"] == "1"
        assert metadata["dc:title"] == "quickstart"


def test_every_figure_is_tagged_with_its_words(pdf: bytes, report: Report) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        found = [
            str(item.Alt)
            for item in document.objects
            if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/Figure" and "/Alt" in item
        ]
    assert sorted(found) == sorted(drawing.alternative for drawing in report.drawings())


def test_the_same_report_and_time_give_the_same_bytes(pdf: bytes, report: Report) -> None:
    assert render_pdf(report, NOW) == pdf


@needs_poppler
def test_the_numbers_are_in_its_text(pdf: bytes, report: Report) -> None:
    text = " ".join(text_of(pdf).split())
    assert "The perplexity of the unigram model is 512.25" in text
    assert "Undecided. Input dropout lowers validation perplexity." in text  # a failed trial counts as the worst
    assert "The study is not finished." in text
    for section in report.sections:
        assert section.title in text


@needs_poppler
def test_what_users_write_comes_out_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    study = Plot([screen()], name=f"s{HOSTILE}", description=f"d{HOSTILE}")
    build_report(store_with(tmp_path, study), study.name, tmp_path / "out", formats=("pdf",), now=NOW)
    text = "".join(text_of((tmp_path / "out" / "report.pdf").read_bytes()).split())
    for begin in "sd":
        assert "".join(f"{begin}{spelled(SHOWN, frozenset(MISSING))}".split()) in text


@needs_poppler
def test_a_long_table_repeats_its_header_and_ends_at_a_bound() -> None:
    rows = tuple((Cell(f"trial-{place}"), Cell("x")) for place in range(MOST_ROWS + 1))
    table = Table(name="trials", caption=plain("All."), columns=(Column(title="Name"), Column(title="Xs")), rows=rows)
    part = Section(anchor="trials", title="Trials", blocks=(table,))
    content = render_pdf(Report(title="t", subtitle="", byline="", sections=(part,)), NOW)
    text = text_of(content)
    assert f"trial-{MOST_ROWS - 1}" in text
    assert f"trial-{MOST_ROWS}" not in text.split("\n")
    assert f"The first {MOST_ROWS} of {MOST_ROWS + 1} rows" in text
    with pikepdf.open(io.BytesIO(content)) as document:
        assert text.count("Name Xs") >= len(document.pages) - 1 > 2


def test_a_wide_table_gets_pages_on_their_side(tmp_path: Path) -> None:
    columns = tuple(Column(title=f"c{place}") for place in range(13))
    table = Table(name="wide", caption=plain("Wide."), columns=columns, rows=(tuple(Cell("1") for _ in columns),))
    sections = (
        Section(anchor="a", title="First", blocks=()),
        Section(anchor="b", title="Second", blocks=(table,)),
    )
    content = render_pdf(Report(title="t", subtitle="", byline="", sections=sections), NOW)
    with pikepdf.open(io.BytesIO(content)) as document:
        boxes = [[float(value) for value in page.MediaBox] for page in document.pages]
    assert [width < height for _, _, width, height in boxes] == [True, False]


def test_a_study_that_has_not_begun_is_a_valid_pdf(tmp_path: Path) -> None:
    url = store_with(tmp_path, Plot([screen()]), lambda claim: None)
    path = tmp_path / "report.pdf"
    path.write_bytes(render_pdf(study_report(load(url, "quickstart"), NOW), NOW))
    assert [finding.message for finding in pdfua.validate(str(path)).findings] == []


@needs_poppler
def test_long_words_break_and_stay_on_the_page() -> None:
    word = "w" * 180
    columns = (Column(title="Trial"), Column(title="t"), Column(title="Loss", number=True))
    rows = ((Cell("p 0"), Cell(word), Cell("2.5", 2.5)),)
    table = Table(name="t", caption=plain("A caption."), columns=columns, rows=rows, trials=())
    section = Section(anchor="a", title="A", blocks=(Paragraph(text=plain(f"The best is t = {word}.")), table))
    content = render_pdf(Report(title="s", subtitle="", byline="", sections=(section,), trials={}), NOW)
    found = subprocess.run(
        ["pdftotext", "-bbox", "-", "-"], input=content, capture_output=True, check=True
    ).stdout.decode()
    width = float(re.findall(r'<page width="([0-9.]+)"', found)[0])
    words = re.findall(r'xMax="([0-9.]+)" yMax="[0-9.]+">([^<]*)<', found)
    assert max(float(end) for end, _ in words) < width - 50  # the margin
    pieces = [text for _, text in words if text.startswith("w")]
    assert len(pieces) >= 4
    assert sum(text.count("w") for text in pieces) == 360


@needs_poppler
@pytest.mark.parametrize("height", [500.0, 900.0, 3000.0])
def test_a_tall_figure_leaves_room_for_its_title_and_caption(height: float) -> None:
    drawing = make_drawing("tall", "A title of two lines. " * 6, "A tall figure.", pd.DataFrame(), lambda sheet: height)
    figure = Figure(drawing=drawing, caption=plain("word " * 220 + "last."))
    section = Section(anchor="a", title="A", blocks=(figure,))
    content = render_pdf(Report(title="s", subtitle="", byline="", sections=(section,)), NOW)
    found = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=content, capture_output=True, check=True)
    pages = re.split(r"<page ", found.stdout.decode())[1:]
    page = next(page for page in pages if ">last.<" in page)
    ends = [float(end) for end in re.findall(r'yMax="([0-9.]+)">(?:word|last\.)<', page)]
    footer = max(float(start) for start in re.findall(r'yMin="([0-9.]+)"', page))
    assert len(ends) == 221
    assert max(ends) < footer - 10
