"""Rows of figures: their numbers are never cut, on a phone neither."""

import html
import re

import pytest

from reports.figures.ladder import Rung, ladder_figure
from reports.figures.lettering import fitted_label, text_width
from reports.figures.rows import Row, draw_rows, finish_rows
from reports.figures.scales import make_scale
from reports.figures.sheet import NARROW, WIDE, Sheet
from sweeper.evidence.data.measures import Metric

METRIC = Metric(name="valid_perplexity", direction="minimize", scale="log")
CHANGES = ("\u22124.0% (\u22125.9 to \u22122.0%)", "+123456.7% (\u221212345.6 to +9876543.2%)")


def texts(svg: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("label", ["+ a", "+ a_component_with_a_name_that_fills_the_line = on"])
def test_a_ladder_on_a_phone_has_all_its_numbers(change: str, label: str) -> None:
    rungs = [
        Rung(label=name, trials=[place], values=[120000.0 + place], half_width=4321.5, change=said, cost="\u00d71.25",
             n=3, lost=1)
        for place, (name, said) in enumerate((("baseline", ""), (label, change), ("+ b", change)))
    ]  # fmt: skip
    drawing = ladder_figure("ladder", "Ladder", rungs, METRIC)
    assert drawing is not None
    shown = texts(drawing.narrow.svg)
    together = " ".join(shown)
    assert not any("\u2026" in text for text in shown)
    assert together.replace("; ", " ").count(f"change {change}") == 2
    assert together.count("n 3 of 4") == 3
    assert together.count("cost \u00d71.25") == 3
    assert all(text_width(text) <= NARROW * 1.15 for text in shown)


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_numbers_beside_or_below_marks_are_broken_and_not_cut(width: float) -> None:
    below = "+1234567.8% (\u22121234567.8 to +1234567.8%); claimed \u221212345678.9 to +12345678.9%; more of it"
    sheet = Sheet("x", width)
    rows = [Row(label="a claim", right="supported", below=below), Row(label="another", right="refuted", below="+1%")]
    laid = draw_rows(sheet, 0.0, rows, make_scale(0.0, 1.0))
    picture = sheet.finished(finish_rows(laid), "T", "W")
    shown = texts(picture.svg)
    assert not any("\u2026" in text for text in shown)
    assert below.replace(";", "") in " ".join(shown).replace(";", "")


def test_a_label_that_is_cut_keeps_its_unit() -> None:
    label = "change of a metric with a long name (%)"
    assert fitted_label(label, 500.0) == label
    cut = fitted_label(label, 100.0)
    assert cut.endswith("\u2026 (%)")
    assert text_width(cut) <= 100.0
    assert fitted_label("no unit in this label", 60.0).endswith("\u2026")
