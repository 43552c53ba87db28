"""The SVG that figures are drawn on, and the measuring of its text."""

import math
import re
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from reports.figures.drawing import Drawing, make_drawing
from reports.figures.legend import Key, legend
from reports.figures.lettering import SMALL, fitted, text_width, wrapped
from reports.figures.panel import Axes, panel_in
from reports.figures.scales import make_scale
from reports.figures.sheet import NARROW, WIDE, Sheet, Style, path_of

SVG = "{http://www.w3.org/2000/svg}"


def drawn(name: str = "some", label: str = "x") -> Drawing:
    def paint(sheet: Sheet) -> float:
        x, y = make_scale(1.0, 10.0, log=True, label=label), make_scale(0.0, 5.0)
        panel = panel_in(sheet, (0.0, 0.0, sheet.width), 100.0, (x, y), Axes(heading="H", y_name="y"))
        panel.dots([1.0, 2.0, math.nan, 0.0, 3.0], [1.0, 4.0, 1.0, 1.0, 2.0], Style(), [11, 12, 13, 14, 15])
        panel.curve([1, 2, 3], [3.0, 2.0, 1.0], trial=16)
        return panel.bottom + 40.0

    return make_drawing(name, "A title", "Some words", pd.DataFrame({"x": [1.0]}), paint)


def test_points_and_curves_name_their_trials_and_those_that_an_axis_cannot_show_are_left_out() -> None:
    root = ET.fromstring(drawn().svg)
    points = [(each.get("data-trial"), float(each.get("x", ""))) for each in root.iter(f"{SVG}use")]
    assert [trial for trial, _ in points] == ["11", "12", "15"]
    assert [x for _, x in points] == sorted(x for _, x in points)
    assert [each.get("data-trial") for each in root.iter(f"{SVG}path") if each.get("data-trial")] == ["16"]


def test_the_same_data_give_the_same_bytes_at_every_width() -> None:
    assert drawn().svg == drawn().svg
    assert drawn().narrow.svg == drawn().narrow.svg
    for picture, width in ((drawn().wide, WIDE), (drawn().narrow, NARROW)):
        assert f'width="{width:.0f}pt"' in picture.svg


def test_nothing_is_styled_by_attribute_or_sheet() -> None:
    assert " style=" not in drawn().svg
    assert "<style" not in drawn().svg


def test_every_id_begins_with_the_figures_name_and_every_reference_has_its_id() -> None:
    svg = drawn("other").svg
    ids = set(re.findall(r' id="([^"]+)"', svg))
    references = {*re.findall(r'href="#([^"]+)"', svg), *re.findall(r"url\(#([^)]+)\)", svg)}
    assert all(name.startswith("other-") for name in ids)
    assert references == ids
    narrow = set(re.findall(r' id="([^"]+)"', drawn("other").narrow.svg))
    assert not ids & narrow  # both stand in one page


def test_text_stays_text_whatever_it_says() -> None:
    assert "a $x^2$ &lt;b&gt;&amp;amp;" in drawn(label="a $x^2$ <b>&amp;").svg
    assert "\u4f60\u597d" in drawn(label="\u4f60\u597d").svg


def test_title_and_words_are_in_the_figure() -> None:
    assert "<title>A title</title><desc>Some words</desc>" in drawn().svg


def test_a_line_is_broken_where_it_is_not_known_and_a_lone_point_is_a_dot() -> None:
    nan = math.nan
    assert path_of([(0.0, 1.0), (1.0, 2.0), (nan, nan), (3.0, 4.0), (nan, 0.0), (5.0, 5.0), (6.0, 6.0)]) == (
        "M0 1L1 2M3 4h.01M5 5L6 6"
    )
    assert path_of([(nan, 1.0)]) == ""


@pytest.mark.parametrize("text", ["short", "a_long_name_of_a_factor_" * 12, "w" * 200, "\u4e2d" * 90, ""])
def test_text_that_is_fitted_or_wrapped_is_no_wider_than_its_room(text: str) -> None:
    for width in (30.0, 120.0, 468.0):
        assert text_width(fitted(text, width)) <= width
        for most in (1, 2, 4):
            lines = wrapped(text, width, most=most)
            assert 1 <= len(lines) <= most
            assert max(map(text_width, lines)) <= width


def test_what_fits_is_not_cut_and_what_is_cut_says_so() -> None:
    assert wrapped("dropout = 0.1", 200.0) == ["dropout = 0.1"]
    assert "".join(wrapped("embedding_dropout", 50.0, most=3)) == "embedding_dropout"
    assert wrapped("one two three four five six", 40.0, most=2)[-1].endswith("\u2026")
    assert text_width("mm") == pytest.approx(2 * text_width("m"))


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_legend_takes_as_many_rows_as_it_needs_and_stays_within_its_figure(width: float) -> None:
    sheet = Sheet("x", width)
    names = [f"a rather long name of something {place}" for place in range(9)] + ["x" * 300]
    end = legend(sheet, 0.0, [Key(text=name) for name in names])
    svg = sheet.finished(end, "t", "w").svg
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" font-size="[\d.]+"[^>]*>([^<]*)<', svg)
    assert len(found) == len(names)
    assert len({y for _, y, _ in found}) >= (9 if width == NARROW else 3)
    for x, _, text in found:
        assert float(x) + text_width(text, SMALL) <= width
