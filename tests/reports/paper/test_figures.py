"""Figures as vector PDF: their sizes, their fonts, and text that can be read at that size."""

import re
import zlib

import pandas as pd
import pytest

from reports.figures.drawing import make_drawing
from reports.paper.figures import POINTS, WIDTHS, figure_files
from reports.sections.blocks import Report

LEAST = 6.0  # points


@pytest.fixture(scope="module")
def files(report: Report) -> dict[str, bytes]:
    return figure_files(report.drawings(), "swS 0")


def test_every_figure_has_the_width_of_a_column_and_of_a_page(report: Report, files: dict[str, bytes]) -> None:
    assert set(files) == {f"{each.name}-{width}.pdf" for each in report.drawings() for width in ("column", "page")}
    for name, content in files.items():
        (box,) = re.findall(rb"/MediaBox\s*\[([^\]]*)\]", _plain(content))
        width = float(box.split()[2])
        assert width == pytest.approx(POINTS * WIDTHS[name.removesuffix(".pdf").rpartition("-")[2]], abs=0.5)


def test_fonts_are_embedded_and_nothing_is_a_bitmap(files: dict[str, bytes]) -> None:
    for content in files.values():
        plain = _plain(content)
        assert plain.count(b"/FontDescriptor ") >= 1
        assert b"/FontFile2" in plain or b"/FontFile3" in plain
        assert b"/Subtype/Image" not in plain.replace(b" ", b"")


def test_text_can_be_read_in_print(report: Report) -> None:
    for drawing in report.drawings():
        for width in WIDTHS.values():
            sizes = re.findall(r'font-size="([\d.]+)', drawing.at(width * POINTS).svg)
            assert sizes
            assert min(map(float, sizes)) >= LEAST


def test_the_same_figure_gives_the_same_bytes_whatever_it_is_called(report: Report, files: dict[str, bytes]) -> None:
    first = report.drawings()[:1]
    assert figure_files(first, "swS 0").items() <= files.items()


def test_letters_that_our_fonts_lack_do_not_stop_a_figure() -> None:
    def paint(sheet):
        sheet.text((0.0, 10.0), "loss \u4e2d\u6587 & <5%")
        return 20.0

    drawing = make_drawing("odd", "Odd", "Odd.", pd.DataFrame(), paint)
    assert all(content.startswith(b"%PDF") for content in figure_files([drawing], "swS 0").values())


def _plain(pdf: bytes) -> bytes:
    """A PDF with its compressed streams of objects unpacked."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
    unpacked = []
    for stream in streams:
        try:
            unpacked.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return pdf + b"\n".join(each for each in unpacked if b"/" in each[:4000])
