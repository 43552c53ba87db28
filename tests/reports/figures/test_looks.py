"""The figure of claims over their looks."""

import math

from reports.figures.looks import PANELS, LookRow, Panel, looks_figures

TITLE = "Claims over their looks"


def row(seeds: int, evidence: float) -> LookRow:
    return LookRow(
        look=seeds - 1,
        seeds=seeds,
        evidence=evidence,
        supports_from=8.0 / seeds,
        refutes_from=-8.0 / seeds,
        estimate=-2.0 if math.isfinite(evidence) else math.nan,
        low=-4.5 if math.isfinite(evidence) else math.nan,
        high=-0.5 if math.isfinite(evidence) else math.nan,
    )


def panel(name: str, *evidence: float, outcome: str = "supported at 3 of 4 seeds") -> Panel:
    rows = tuple(row(seeds, each) for seeds, each in enumerate(evidence, 2))
    return Panel(claim=name, verdict="supported", outcome=outcome, most=4, rows=rows, percent=True)


def test_the_data_have_every_look_and_the_words_the_last() -> None:
    (drawing,) = looks_figures(TITLE, [panel("a", 1.0, 3.0, math.nan), panel("b", 0.5, outcome="look 1 of 3")])
    assert drawing.data["claim"].tolist() == ["a", "a", "a", "b"]
    assert drawing.data["evidence"].tolist()[:2] == [1.0, 3.0]
    assert math.isnan(drawing.data["evidence"].tolist()[2])
    assert drawing.data["supports_from"].tolist() == [4.0, 8 / 3, 2.0, 4.0]
    assert "a, supported at 3 of 4 seeds: after 3 seeds the evidence is +3.0" in drawing.alternative
    assert "the boundaries are +2.7 and \u22122.7" in drawing.alternative
    assert "the effect is \u22122.0% (repeated 95% interval \u22124.5% to \u22120.5%)" in drawing.alternative
    assert ">a</text>" in drawing.svg
    assert ">supported at 3 of 4 seeds</text>" in drawing.svg


def test_claims_without_a_look_are_left_out() -> None:
    assert looks_figures(TITLE, []) == ()
    assert looks_figures(TITLE, [panel("a")]) == ()
    assert looks_figures(TITLE, [panel("a", math.nan)]) == ()
    (drawing,) = looks_figures(TITLE, [panel("a"), panel("b", 1.0)])
    assert set(drawing.data["claim"]) == {"b"}


def test_more_claims_than_a_page_holds_take_several_figures() -> None:
    drawings = looks_figures(TITLE, [panel(f"c{place}", 1.0) for place in range(PANELS + 1)])
    assert [drawing.name for drawing in drawings] == ["looks", "looks-2"]
    assert sum(len(drawing.data) for drawing in drawings) == PANELS + 1
    assert drawings[1].title == "Claims over their looks, part 2 of 2"


def test_an_interval_that_is_unknown_is_not_mentioned() -> None:
    only = row(2, 1.0)
    bare = LookRow(look=1, seeds=2, evidence=1.0, supports_from=4.0, refutes_from=-4.0, estimate=-2.0,
                   low=-math.inf, high=math.inf)  # fmt: skip
    (drawing,) = looks_figures(
        TITLE, [Panel(claim="a", verdict="undecided", outcome="look 1", most=None, rows=(bare, only), percent=False)]
    )
    assert "interval" in drawing.alternative  # of the last look
    (drawing,) = looks_figures(
        TITLE, [Panel(claim="a", verdict="undecided", outcome="look 1", most=None, rows=(bare,), percent=False)]
    )
    assert "interval" not in drawing.alternative


def test_evidence_beyond_the_axis_of_boundaries_is_drawn() -> None:
    (drawing,) = looks_figures(TITLE, [panel("a", 8.9)])
    assert drawing.data["evidence"].tolist() == [8.9]
    assert "nan" not in drawing.svg
