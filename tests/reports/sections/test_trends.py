"""A claim on a trend has its figure, with a title that says what its verdict does."""

import math
from typing import Any

import numpy as np
import pytest

from reports.paper.tables import Source, tables
from reports.sections.blocks import Plot, Table
from reports.sections.context import Context, make_context
from reports.sections.methods import TRENDS, WORTH, methods
from reports.sections.titles import trend_title
from reports.sections.trends import trends
from reports.sections.verdicts import claims_headline
from sweeper.evidence.claims.evidence import Verdict
from tests.reports.conftest import NOW
from tests.reports.studies import Levels, Phase, factor, study_data

SHARES = (0.25, 0.5, 1.0)
FACTORS = {"dropout": factor(0.0, 0.2), "data_share": factor(1.0, 0.25, 0.5)}
ROWS = [{"dropout": dropout, "data_share": share} for dropout in (0.0, 0.2) for share in SHARES]
CLAIM: dict[str, Any] = {
    "id": "fades", "text": "The gain fades.", "metric": None, "expect": "shrinks", "at_least": 0,
    "trend": {"phase": "p", "factor": "dropout", "from": 0.0, "to": 0.2, "over": "data_share"},
}  # fmt: skip
AT_ONE: dict[str, Any] = {
    "id": "hurts", "text": "It makes it worse with all data.", "metric": None, "expect": "increase", "at_least": 0,
    "contrast": {"phase": "p", "factor": "dropout", "from": 0.0, "to": 0.2, "where": {"data_share": 1.0}},
}  # fmt: skip


def value(levels: Levels, seed: int) -> float:
    place = math.log2(levels["data_share"])
    draw = np.random.default_rng([seed, round(100 * levels["data_share"]), levels["dropout"] > 0]).normal()
    return math.exp(4.0 - 0.1 * place + (levels["dropout"] > 0) * (0.02 + 0.04 * place) + 0.004 * float(draw))


def context_of(*claims: dict[str, Any]) -> Context:
    phase = Phase("p", "grid", ROWS, value, seeds=(0, 1, 2, 3))
    return make_context(study_data(FACTORS, phase, claims=claims), NOW)


def test_a_supported_trend_has_a_figure_with_its_line_and_where_it_leads() -> None:
    section = trends(context_of(CLAIM))
    assert section is not None
    plot, table = section.blocks
    assert isinstance(plot, Plot)
    assert isinstance(table, Table)
    assert plot.drawing.title.startswith("The gain of dropout from 0 to 0.2 shrinks with data_share (+3.")
    assert plot.drawing.title.endswith("% per doubling)")
    data = plot.drawing.data
    assert data["level"].tolist() == [0.25, 0.5, 1.0, 2.0]
    assert data["extrapolated"].tolist() == [False, False, False, True]
    expected = [100 * math.expm1(0.02 + 0.04 * math.log2(level)) for level in (0.25, 0.5, 1.0, 2.0)]
    assert data["line"].tolist() == pytest.approx(expected, abs=1.0)
    assert data["estimate"].tolist()[-1] == data["line"].tolist()[-1]
    assert (data["low"] < data["estimate"]).all()
    assert "2 at" not in plot.drawing.alternative.split(".")[0]
    assert len(table.rows) == 4
    for width in (plot.drawing.wide, plot.drawing.narrow):
        assert "the line continued, 95% prediction interval" in width.svg


def test_the_effect_at_a_level_has_the_interval_of_the_claim_on_it() -> None:
    context = context_of(CLAIM, AT_ONE)
    section = trends(context)
    assert section is not None
    plot = section.blocks[0]
    assert isinstance(plot, Plot)
    at_one = plot.drawing.data[plot.drawing.data["level"] == 1.0].iloc[0]
    claim = context.verdicts[1]
    assert at_one["low"] == pytest.approx(100 * math.expm1(claim.low))
    assert at_one["high"] == pytest.approx(100 * math.expm1(claim.high))


def test_without_a_claim_on_a_trend_there_is_no_section() -> None:
    assert trends(context_of(AT_ONE)) is None


@pytest.mark.parametrize(
    ("expect", "verdict", "title"),
    [
        ("persists", "supported", "The gain of a persists over size (+1% per doubling)"),
        ("grows", "supported", "The gain of a grows with size (+1% per doubling)"),
        ("shrinks", "refuted", "The gain of a does not shrink with size as claimed (+1% per doubling)"),
        ("grows", "undecided", "Whether the gain of a grows with size is undecided (+1% per doubling)"),
    ],
)
def test_a_title_says_no_more_than_the_verdict(expect: str, verdict: Verdict, title: str) -> None:
    assert trend_title("a", "size", expect, verdict, "+1% per doubling") == title


def test_the_methods_say_how_trends_and_worth_are_computed() -> None:
    def said(context: Context) -> str:
        return repr(methods(context, ()))

    with_trend = said(context_of(CLAIM, AT_ONE))
    assert TRENDS in with_trend
    assert WORTH in with_trend.replace("\\u2019", "\u2019")
    assert "Fieller (1954)" in with_trend
    assert TRENDS not in said(context_of(AT_ONE))


def test_two_claims_on_one_trend_share_its_figure() -> None:
    persists = {**CLAIM, "id": "lasts", "expect": "persists", "at_least": None, "within": "1%"}
    section = trends(context_of(CLAIM, persists))
    assert section is not None
    plot, table = section.blocks
    assert isinstance(plot, Plot)
    assert isinstance(table, Table)
    assert "shrinks with data_share (+3." in plot.drawing.title
    assert plot.drawing.title.endswith("; it does not persist over data_share as claimed")
    assert "".join(run.text for run in plot.caption).startswith("Claims fades and lasts: the effect of dropout")


def test_a_slope_is_a_change_per_doubling_in_the_figure_of_all_claims() -> None:
    (plot,) = [block for block in claims_headline(context_of(CLAIM)) if isinstance(block, Plot)]
    assert plot.drawing.data["unit"].tolist() == ["change per doubling of data_share (%)"]
    assert "change per doubling of data_share (%)" in plot.drawing.wide.svg
    (table,) = [each for each in tables(source(context_of(CLAIM))) if each.name == "claims"]
    assert "The effect is a change per doubling of data_share: The gain fades." in table.notes


def source(context: Context) -> Source:
    return Source(data=context.data, standings=context.standings, verdicts=context.verdicts)


def test_a_mean_of_opposite_effects_is_marked_as_none_that_there_is() -> None:
    average = {**AT_ONE, "id": "mean", "contrast": {**AT_ONE["contrast"], "where": {}}}

    def of(levels: Levels, seed: int) -> float:
        sign = 1 if levels["data_share"] == 1.0 else -1
        draw = np.random.default_rng([seed, round(100 * levels["data_share"]), levels["dropout"] > 0]).normal()
        return math.exp(4.0 + sign * 0.1 * (levels["dropout"] > 0) + 0.004 * float(draw))

    phase = Phase("p", "grid", ROWS, of, seeds=(0, 1, 2, 3), blocks=("data_share",))
    context = make_context(study_data(FACTORS, phase, claims=[average, AT_ONE]), NOW)
    (plot,) = [block for block in claims_headline(context) if isinstance(block, Plot)]
    assert dict(zip(plot.drawing.data["identifier"], plot.drawing.data["mark"], strict=True))["mean"] == "varies"
    assert "Varies: the effect differs between strata or levels" in "".join(run.text for run in plot.caption)
    (table,) = [each for each in tables(source(context)) if each.name == "claims"]
    noted = [note for note in table.notes if note.startswith("Differs between strata or levels")]
    assert noted == [
        "Differs between strata or levels, whose mean is that of none of them: It makes it worse with all data."
    ]


def test_a_trend_that_differs_between_strata_has_a_figure_of_each() -> None:
    def opposite(levels: Levels, seed: int) -> float:
        found = value(levels, seed)
        return 60.0**2 / found if levels["corpus"] == "wiki" else found

    rows = [{"corpus": corpus, **row} for corpus in ("ptb", "wiki") for row in ROWS]
    phase = Phase("p", "grid", rows, opposite, seeds=(0, 1, 2, 3), blocks=("corpus",))
    data = study_data({"corpus": factor("ptb", "wiki"), **FACTORS}, phase, claims=[CLAIM])
    section = trends(make_context(data, NOW))
    assert section is not None
    plots = [block for block in section.blocks if isinstance(block, Plot)]
    begin = "Whether the gain of dropout from 0 to 0.2 shrinks with data_share is undecided"
    assert [plot.drawing.title.startswith(begin) for plot in plots] == [True, True]
    assert "doubling at corpus = ptb)" in plots[0].drawing.title
    assert "doubling at corpus = wiki)" in plots[1].drawing.title
    assert len({plot.drawing.name for plot in plots}) == 2
    expected = [100 * math.expm1(0.02 + 0.04 * math.log2(level)) for level in SHARES]
    assert plots[0].drawing.data["estimate"].tolist()[:3] == pytest.approx(expected, abs=1.0)
    mirrored = [100 * math.expm1(-0.02 - 0.04 * math.log2(level)) for level in SHARES]
    assert plots[1].drawing.data["estimate"].tolist()[:3] == pytest.approx(mirrored, abs=1.0)
