"""The figure of all claims: what is drawn where, and in which words."""

import math
import re
from dataclasses import replace

import pytest

from reports.figures.claims import SIGNS, ClaimRow, claims_figures
from reports.figures.rows import MARK
from reports.figures.sheet import SKY

NAN = math.nan


def row(identifier: str, estimate: float, *, verdict: str = "supported", half: float = 1.0) -> ClaimRow:
    return ClaimRow(
        identifier=identifier, text=f"Claim {identifier} holds.", verdict=verdict, unit="change of loss (%)",
        percent=True,
        estimate=estimate, low=estimate - half, high=estimate + half, simultaneous_low=estimate - 2 * half,
        simultaneous_high=estimate + 2 * half, claimed_low=NAN, claimed_high=-0.5,
    )  # fmt: skip


def test_each_claim_has_its_text_its_verdict_in_a_sign_and_a_word_and_its_numbers() -> None:
    rows = [row("a", -3.0), row("b", 2.0, verdict="refuted"), row("c", 0.0, verdict="undecided")]
    (drawing,) = claims_figures("Title", rows, at_once=True)
    for picture in (drawing.wide, drawing.narrow):
        for each in rows:
            assert f">{each.identifier}: Claim {each.identifier} holds</text>" in picture.svg
            assert f">{SIGNS[each.verdict]} {each.verdict}</text>" in picture.svg
        assert ">\u22123.0% (\u22124.0 to \u22122.0%); claimed &lt; \u22120.5%</text>" in picture.svg
    assert drawing.data["claimed"].tolist() == ["below \u22120.5%"] * 3
    assert "b, Claim b holds: refuted; +2.0% (+1.0 to +3.0%)" in drawing.alternative


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (NAN, -0.5, "below \u22120.5%"), (2.0, NAN, "above +2%"), (0.0, NAN, "above 0"), (-1.0, 1.0, "\u22121 to +1%"),
        (NAN, NAN, ""),
    ],
)  # fmt: skip
def test_the_claimed_region_is_said_in_the_effects_unit(low: float, high: float, text: str) -> None:
    assert replace(row("a", 1.0), claimed_low=low, claimed_high=high).claimed == text


def shaded(svg: str) -> list[tuple[float, float]]:
    """The left edge and the width of each shaded region that is one of a row, by its height."""
    boxes = re.findall(rf'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="([\d.]+)" fill="{SKY}"', svg)
    return [(float(x), float(width)) for x, width, height in boxes if float(height) > MARK]


def test_the_region_is_shaded_from_its_bound_to_the_edge() -> None:
    below, above = row("a", -3.0), replace(row("b", -3.0), claimed_low=0.5, claimed_high=NAN)
    (drawing,) = claims_figures("Title", [below, above], at_once=False)
    (left, first), (right, second) = shaded(drawing.svg)
    assert left < right
    assert first > 0 < second
    assert left + first < right  # from -0.5 down, and from 0.5 up


def test_claims_of_different_units_have_axes_of_their_own() -> None:
    other = replace(row("b", 20.0), unit="change of accuracy", percent=False)
    (drawing,) = claims_figures("Title", [row("a", -3.0), other], at_once=True)
    assert ">change of loss (%)</text>" in drawing.svg
    assert ">change of accuracy</text>" in drawing.svg


def test_small_effects_have_a_scale_of_their_own_beside_large_ones() -> None:
    rows = [row("a", -40.0), row("b", 30.0), row("c", -1.0, half=0.3), row("d", 0.5, half=0.3)]
    (drawing,) = claims_figures("Title", rows, at_once=True)
    assert drawing.svg.count(">change of loss (%)</text>") == 2
    assert drawing.data["identifier"].tolist() == ["a", "b", "c", "d"]
    (alike,) = claims_figures("Title", rows[:2], at_once=True)
    assert alike.svg.count(">change of loss (%)</text>") == 1


def test_a_claim_without_an_estimate_has_its_row_and_no_point() -> None:
    lost = replace(row("a", NAN, verdict="untested"), low=NAN, high=NAN, simultaneous_low=NAN, simultaneous_high=NAN)
    (drawing,) = claims_figures("Title", [lost], at_once=True)
    assert ">\u2013 untested</text>" in drawing.svg
    assert "<use" not in drawing.svg
    assert claims_figures("Title", [], at_once=True) == ()


def test_more_claims_than_a_page_holds_take_several_figures_and_none_is_lost() -> None:
    rows = [row(f"c{place}", -3.0) for place in range(60)]
    drawings = claims_figures("Title", rows, at_once=True)
    assert len(drawings) > 1
    assert [name for drawing in drawings for name in drawing.data["identifier"]] == [each.identifier for each in rows]
    assert all(float(re.findall(r'height="([\d.]+)pt"', drawing.svg)[0]) < 680 for drawing in drawings)
