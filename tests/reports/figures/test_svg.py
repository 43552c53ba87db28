import re
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from reports.figures.drawing import Canvas, Drawing

USE = "{http://www.w3.org/2000/svg}use"
PATH = "{http://www.w3.org/2000/svg}path"


def drawn(name: str = "some", label: str = "x") -> Drawing:
    with Canvas(name, 2.0) as canvas:
        (axes,) = canvas.axes()
        canvas.points(axes, [1.0, 2.0, float("nan"), 3.0], [1.0, 4.0, 1.0, 2.0], [11, 12, 13, 14], marker="o")
        canvas.curve(axes, [1, 2, 3], [3.0, 2.0, 1.0], 15)
        axes.set_xlabel(label)
        return canvas.finish("A title", "Some words", pd.DataFrame({"x": [1.0]}))


def test_points_and_curves_name_their_trials() -> None:
    root = ET.fromstring(drawn().svg)
    points = [(element.get("data-trial"), float(element.get("x", ""))) for element in root.iter(USE)]
    tagged = [(trial, x) for trial, x in points if trial is not None]
    assert [trial for trial, _ in tagged] == ["11", "12", "14"]
    assert [x for _, x in tagged] == sorted(x for _, x in tagged)
    assert [element.get("data-trial") for element in root.iter(PATH) if element.get("data-trial")] == ["15"]


def test_the_same_data_give_the_same_bytes() -> None:
    assert drawn().svg == drawn().svg


def test_nothing_is_styled_by_attribute_and_nothing_is_dated() -> None:
    svg = drawn().svg
    assert " style=" not in svg
    assert "<style" not in svg
    assert "<metadata" not in svg


def test_every_id_begins_with_the_figures_name_and_every_reference_has_its_id() -> None:
    svg = drawn("other").svg
    ids = set(re.findall(r' id="([^"]+)"', svg))
    references = {*re.findall(r'href="#([^"]+)"', svg), *re.findall(r"url\(#([^)]+)\)", svg)}
    assert all(name.startswith("other-") for name in ids)
    assert references == ids


def test_text_stays_text_whatever_it_says() -> None:
    svg = drawn(label="a $x^2$ <b>&amp;").svg
    assert "a $x^2$ &lt;b&gt;&amp;amp;" in svg


def test_title_and_words_are_in_the_figure() -> None:
    svg = drawn().svg
    assert "<title>A title</title><desc>Some words</desc>" in svg


def test_points_that_a_log_axis_cannot_show_are_left_out() -> None:
    with Canvas("log", 2.0) as canvas:
        (axes,) = canvas.axes()
        axes.set_xscale("log")
        canvas.points(axes, [0.0, 1.0, 10.0], [1.0, 2.0, 3.0], [1, 2, 3], marker="o")
        svg = canvas.finish("t", "w", pd.DataFrame()).svg
    assert re.findall(r'data-trial="(\d+)"', svg) == ["2", "3"]


def test_characters_that_no_font_of_matplotlib_has_do_not_disturb() -> None:
    assert "\u4f60\u597d" in drawn(label="\u4f60\u597d").svg


@pytest.mark.parametrize("name", ["one", "two"])
def test_matplotlibs_settings_are_left_as_they_were(name: str) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn(name)
    assert dict(mpl.rcParams) == before
