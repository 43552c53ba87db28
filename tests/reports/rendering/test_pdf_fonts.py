"""Nothing in the PDF is a box: characters take fonts that have them, or are written as their code points."""

import io
import logging
from pathlib import Path

import pikepdf
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from reports.rendering.pdf import render_pdf
from reports.rendering.pdf_fonts import EVERYDAY, fonts_for, spelled
from reports.sections.blocks import Report, Section
from tests.reports.conftest import NOW
from tests.reports.rendering.test_pdf import needs_poppler, text_of


def font(path: Path, characters: str, family: str, *, named: bool = True) -> Path:
    """A font file with a square for each of some characters."""
    pen = TTGlyphPen(None)
    for step, point in enumerate(((0, 0), (0, 700), (700, 700), (700, 0))):
        (pen.lineTo if step else pen.moveTo)(point)
    pen.closePath()
    names = [".notdef", *(f"u{ord(each):04X}" for each in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(each): f"u{ord(each):04X}" for each in characters})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(
        {"familyName": family, "styleName": "Regular", **({"psName": f"{family}-Regular"} if named else {})}
    )
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(path)
    return path


def report_of(text: str) -> Report:
    return Report(title=text, subtitle="", byline="", sections=(Section(anchor="a", title="A", blocks=()),))


def fonts_in(content: bytes) -> set[str]:
    with pikepdf.open(io.BytesIO(content)) as document:
        return {
            str(item.BaseFont).split("+")[-1]
            for item in document.objects
            if isinstance(item, pikepdf.Dictionary) and "/BaseFont" in item
        }


def test_greek_cyrillic_and_mathematics_need_no_other_font() -> None:
    def never() -> list[Path]:
        raise AssertionError("this machine's fonts were looked through")

    text = "ββΩ Жук ≤ ∑ → × – “ ” … é ß ł א ع ⟨⟩"  # noqa: RUF001 - what studies are named with
    with fonts_for(text, never) as fonts:
        assert fonts.missing == frozenset()
    assert not [name for name in fonts_in(render_pdf(report_of(text), NOW, installed=never)) if "LastResort" in name]


@needs_poppler
def test_what_no_font_has_is_named_in_the_text_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        content = render_pdf(report_of("模型 β 🧪"), NOW, installed=list)
    text = " ".join(text_of(content).split())
    assert "[U+6A21 U+578B] β [U+1F9EA]" in text
    assert "which are shown as code points: [U+578B], [U+6A21], [U+1F9EA]. They are in report.html." in text
    assert not [name for name in fonts_in(content) if "LastResort" in name]
    assert "Install a font that has them, or read report.html." in caplog.text
    with pikepdf.open(io.BytesIO(content)) as document:
        assert document.open_metadata()["dc:title"] == "模型 β 🧪"


@needs_poppler
def test_a_font_of_this_machine_is_taken_where_it_has_a_character(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    paths = [
        tmp_path / "broken.ttf",
        font(tmp_path / "a.ttf", "模", "TestHan"),
        font(tmp_path / "b.ttf", "é", "Unneeded"),
    ]
    content = render_pdf(report_of("模型"), NOW, installed=lambda: paths)
    assert any("TestHan" in name for name in fonts_in(content))
    assert not any("Unneeded" in name for name in fonts_in(content))
    assert "模[U+578B]" in text_of(content)
    assert "U+6A21" not in caplog.text


def test_a_font_of_boxes_is_no_font(tmp_path: Path) -> None:
    path = font(tmp_path / "LastResort-Regular.ttf", "模", "LastResort")
    with fonts_for("模", lambda: [path]) as fonts:
        assert fonts.missing == {"模"}


def test_a_font_that_typst_does_not_take_is_no_font(tmp_path: Path) -> None:
    path = font(tmp_path / "nameless.ttf", "模", "Nameless", named=False)
    with fonts_for("模", lambda: [path]) as fonts:
        assert fonts.missing == {"模"}


def test_runs_are_spelled_together_and_what_can_be_shown_stays() -> None:
    assert spelled("a模型]b^", frozenset("模型]^")) == "a[U+6A21 U+578B U+005D]b[U+005E]"
    assert spelled("plain", frozenset("模")) == "plain"


def test_our_everyday_font_is_there() -> None:
    with fonts_for("plain", list) as fonts:
        assert "DejaVu Sans" in fonts.fonts.families()
        assert EVERYDAY.startswith("DejaVuSans")
