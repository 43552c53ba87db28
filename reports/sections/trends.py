"""Claims on trends, each in a figure: the effects over a size, a share of the data or a budget, and their line."""

import math
from collections.abc import Sequence
from dataclasses import replace

from reports import wording
from reports.figures.trend import TrendPoint, trend_figure
from reports.sections.blocks import Block, Cell, Column, Plot, Section, Table, plain
from reports.sections.context import Context
from reports.sections.estimates import ESTIMATE_COLUMNS, effect_text, estimate_cells, in_unit, number_cell
from reports.sections.points import counted_for
from reports.sections.titles import trend_title
from sweeper.evidence.claims.compared import sides_of
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.claims.trends import TrendFit
from sweeper.evidence.data.comparison import infer


def trends(context: Context) -> Section | None:
    """Return the section; None without a claim on a trend that can be tested."""
    same: dict[str, list[tuple[int, ClaimVerdict, TrendFit]]] = {}
    for place, verdict in enumerate(context.verdicts):
        fit = verdict.trend
        if fit is not None:
            drawn = (_change(verdict), fit.over, verdict.metric.name, _points(context, verdict, fit))
            same.setdefault(repr(drawn), []).append((place, verdict, fit))
    blocks: list[Block] = []
    for (place, first, fit), *rest in same.values():
        name = f"trend-{place + 1}-{wording.slug(first.id)[:40]}"
        claims = [first, *(verdict for _, verdict, _ in rest)]
        apart = fit.by_stratum  # a mean over strata that differ is the effect in none of them
        for number, (stratum, each) in enumerate((apart or {"": fit}).items(), 1):
            blocks += _trend(context, claims, each, f"{name}-{number}" if apart else name, wording.clean(stratum))
    return Section(anchor="trends", title="How effects change", blocks=tuple(blocks)) if blocks else None


def _change(verdict: ClaimVerdict) -> str:
    return wording.clean(verdict.evidence.label.partition(" over ")[0])


def _trend(context: Context, claims: Sequence[ClaimVerdict], fit: TrendFit, name: str, stratum: str) -> list[Block]:
    """Return the figure and the table of a trend on which there may be several claims."""
    verdict, *others = claims
    percent = verdict.is_relative
    change, over, where = _change(verdict), wording.clean(fit.over), f" at {stratum}" if stratum else ""
    slope = _slope_in(verdict, fit, stratum) if stratum else _slope(verdict)
    title = trend_title(change, over, str(verdict.claim.expect), verdict.verdict, slope)
    for other in others:
        also = trend_title("it", over, str(other.claim.expect), other.verdict, "")
        title += f"; {also[0].lower()}{also[1:]}".replace("the gain of it", "it")
    points = _points(context, verdict, fit)
    metric = wording.metric_name(verdict.metric.name)
    labels = (over, f"change of {metric}" + (" (%)" if percent else ""))
    drawn = [_in_unit(point, percent=percent) for point in points]
    drawing = trend_figure(name, title, drawn, labels, log=fit.is_log, percent=percent)
    caption = _caption(claims, fit, f"{change}{where}", slope)
    caption += counted_for(context.data, claims)
    return [Plot(drawing=drawing, caption=plain(caption)), _table(name, claims, points, where)]


def _slope(verdict: ClaimVerdict) -> str:
    """Return the slope as text, e.g. ``+4.2% per doubling``."""
    found = verdict.examination.tested[verdict.position].evidence
    assert found is not None
    stated = found.stated
    if not math.isfinite(stated.effect.value):
        return ""
    per = stated.per.partition(" of ")[0]
    return f"{effect_text(stated.effect.value, percent=verdict.is_relative)}{per}"


def _slope_in(verdict: ClaimVerdict, fit: TrendFit, stratum: str) -> str:
    """Return the slope in a stratum as text, e.g. ``+4.2% per doubling at corpus = ptb``."""
    value, per = infer(fit.slope).value, fit.per.partition(" of ")[0]
    size = f"{effect_text(value, percent=verdict.is_relative)}{per} " if math.isfinite(value) else ""
    return f"{size}at {stratum}"


def _points(context: Context, verdict: ClaimVerdict, fit: TrendFit) -> list[TrendPoint]:
    """Return the effects on the metric's scale, with the intervals that they have elsewhere, and that of the line."""
    points = []
    for point in fit.points:
        effect = point.effect
        known = context.compared.get(sides_of(verdict.metric.name, point.pairs))
        low, high = effect.interval() if known is None else (known.low, known.high)
        line = fit.line_at(point.position)
        points.append(TrendPoint(level=point.level, estimate=effect.value, low=low, high=high, line=line, n=effect.n))
    beyond = fit.extrapolation
    if beyond is not None:
        ends = {"low": beyond.low, "high": beyond.high}
        points.append(
            TrendPoint(level=beyond.level, estimate=beyond.value, line=beyond.value, n=0, extrapolated=True, **ends)
        )
    return points


def _in_unit(point: TrendPoint, *, percent: bool) -> TrendPoint:
    values = (point.estimate, point.low, point.high, point.line)
    estimate, low, high, line = (in_unit(each, percent=percent) for each in values)
    return replace(point, estimate=estimate, low=low, high=high, line=line)


def _named(claims: Sequence[ClaimVerdict]) -> str:
    names = wording.listed([wording.clean(each.id) for each in claims])
    return f"claim{'s' if len(claims) > 1 else ''} {names}"


def _caption(claims: Sequence[ClaimVerdict], fit: TrendFit, change: str, slope: str) -> str:
    text = (
        f"{wording.capital(_named(claims))}: the effect of {change} at each level, with 95% intervals, and the line "
        f"that least squares puts through the effects{f' ({slope})' if slope else ''}."
    )
    if fit.is_log:
        text += " The axis of levels is logarithmic."
    if fit.extrapolation is not None:
        text += " Where the line is dashed nothing was run; whether it continues is not known."
    if fit.is_curved:
        text += " The effects do not lie on a line."
    return text


def _table(name: str, claims: Sequence[ClaimVerdict], points: list[TrendPoint], where: str) -> Table:
    def cells(point: TrendPoint) -> tuple[Cell, ...]:
        return (
            number_cell(point.level, f"{point.level:g}"),
            *estimate_cells(point.estimate, point.low, point.high, percent=claims[0].is_relative),
            Cell("extrapolated") if point.extrapolated else number_cell(point.n),
        )

    return Table(
        name=f"{name}-table",
        caption=plain(f"The effects of {_named(claims)} at each level{where}, and that of the line beyond."),
        columns=(Column(title="Level", number=True), *ESTIMATE_COLUMNS, Column(title="n", number=True)),
        rows=tuple(map(cells, points)),
        folded="All numbers by level",
    )
