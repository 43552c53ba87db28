"""Each configuration at its best length: what it reaches by each amount of compute, and the claims read both ways."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from reports import wording
from reports.figures.envelopes import CrossingMark, EnvelopeLine, EnvelopePanel, envelopes_figure, worst_drawn
from reports.sections.blocks import Block, Cell, Column, Listing, Paragraph, Plot, Section, Table, plain
from reports.sections.context import Context
from reports.sections.estimates import ESTIMATE_COLUMNS, effect_text, estimate_cells, number_cell
from sweeper.evidence.claims.both_lengths import BothLengths, Reading, both_lengths
from sweeper.evidence.claims.envelopes import ArmCurve, ComputePanel, Pair, compute_panels
from sweeper.evidence.claims.length_notes import capital
from sweeper.evidence.data.arm_lengths import ArmLengths, length_text
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.formatting import listed, listed_some
from sweeper.evidence.statistics.envelope import Crossing

UNITS: Final = {"flops": "FLOPs", "reference_hours": "reference hours"}
DIGITS: Final = 2


def lengths(context: Context) -> Section | None:
    """Return the section; None if no claim compares configurations at their best lengths."""
    panels = compute_panels(context.verdicts)
    if not panels:
        return None
    blocks: list[Block] = [Paragraph(text=plain(_lead(panels)), lead=True)]
    for metric in dict.fromkeys(panel.metric.name for panel in panels):
        if own := [panel for panel in panels if panel.metric.name == metric and panel.curves]:
            blocks += _figure(own, own[0].metric)
    blocks += [_arms_table(panels), _claims_table(both_lengths(context.verdicts, context.metric_runs))]
    return Section(anchor="best-lengths", title="Each at its best length", blocks=tuple(blocks))


def _lead(panels: Sequence[ComputePanel]) -> str:
    chooser = wording.metric_name(panels[0].arms[0][1].chooser.metric.name)
    return (
        f"Each configuration is compared at the length at which its mean {chooser} over seeds is best, among all that "
        "its runs were evaluated at and all budgets that it ran with."
    )


def _figure(panels: Sequence[ComputePanel], metric: Metric) -> list[Block]:
    sentences = [_sentence(pair, panel) for panel in panels for pair in panel.pairs]
    name = f"best-lengths-{wording.slug(metric.name)}"
    title = f"Best {wording.metric_name(metric.name)} by each amount of compute"
    words = " ".join([f"{title}.", *sentences])
    drawn = [_panel(panel) for panel in panels]
    drawing = envelopes_figure(name, title, words, drawn, metric)
    caption = (
        f"A line is the {wording.metric_name(metric.name)} of a configuration at the best of its lengths that take no "
        f"more compute, its mean over seeds; band: least to largest of its seeds; dot: its best length. Nothing is "
        f"drawn beyond what was measured.{_left_out(drawn, metric)}{_fewer_seeds(panels)} The values are as measured, "
        "and not corrected for the choice of the length."
    )
    listing = [Listing(items=tuple(plain(sentence) for sentence in sentences))] if sentences else []
    return [Plot(drawing=drawing, caption=plain(caption)), *listing]


def _left_out(panels: Sequence[EnvelopePanel], metric: Metric) -> str:
    """Return what a caption says of the values that are not drawn."""
    every = (worst_drawn(panel, metric) for panel in panels)
    limits = list(dict.fromkeys(wording.number(limit, 3) for limit in every if math.isfinite(limit)))
    if not limits:
        return ""
    side, found = "above" if metric.minimizes else "below", listed(limits)
    where = " in the panels" if len(limits) > 1 else ""
    return f" Lines begin where they are near the best lengths: values {side} {found}{where} are left out."


def _fewer_seeds(panels: Sequence[ComputePanel]) -> str:
    """Return what a caption says of lines that have not all seeds of their configurations."""
    fewer = [curve for panel in panels for curve in panel.curves if len(curve.seeds) < len(curve.arm.seeds)]
    if not fewer:
        return ""
    named = listed_some([f"{wording.clean(each.name)} ({len(each.seeds)} of {len(each.arm.seeds)})" for each in fewer])
    return f" Lines have the seeds that have all lengths that are drawn, not all of {named}."


def _panel(panel: ComputePanel) -> EnvelopePanel:
    marks = [mark for pair in panel.pairs if (mark := _mark(pair)) is not None]
    lines = [_line(curve) for curve in panel.curves]
    unit = UNITS.get(panel.unit, panel.unit)
    return EnvelopePanel(heading=wording.clean(panel.heading), unit=unit, lines=lines, crossings=marks)


def _line(curve: ArmCurve) -> EnvelopeLine:
    values = curve.arm.measure.sign * curve.envelope.values
    measured = np.vectorize(curve.arm.measure.measured, otypes=[float])
    mean, low, high = (measured(each) for each in (values.mean(axis=0), values.min(axis=0), values.max(axis=0)))
    costs = curve.envelope.costs
    return EnvelopeLine(
        name=wording.clean(curve.name), costs=costs, mean=mean, low=low, high=high, best_cost=curve.best_cost
    )


def _mark(pair: Pair) -> CrossingMark | None:
    found = pair.crossing
    if found is None or found.state != "overtakes":
        return None
    measure = pair.start.arm.measure
    at = pair.start.envelope.at(np.array([found.at]))
    value = measure.measured(measure.sign * float(at.mean()))
    return CrossingMark(at=found.at, low=found.low, high=found.high, value=value)


def _sentence(pair: Pair, panel: ComputePanel) -> str:
    """Return what a pair of configurations shows of patience, in words."""
    start, to = wording.clean(pair.start.name), wording.clean(pair.to.name)
    place = f" ({wording.clean(panel.heading)})" if panel.heading else ""
    found = pair.crossing
    if found is None:
        return f"{capital(to)} and {start}{place} have no seed in common."
    last, first = (_cost_text(each, panel.unit) for each in (found.last, found.first))
    if found.state == "apart":
        return f"{capital(to)} and {start}{place} were measured at no common compute."
    if found.seeds > 1 and not found.is_shown and (found.state != "overtakes" or found.low_is_open):
        return f"Between {first} and {last}, nothing shows that {to} or {start}{place} is ahead."
    if found.state == "overtakes":
        times = wording.number(found.at / pair.start.best_cost, DIGITS)
        return (
            f"{capital(to)} overtakes {start}{place} at {_cost_text(found.at, panel.unit)}"
            f"{_interval(found, panel.unit)}: {times} times the compute of the best length of {start}."
        )
    if found.state == "ahead":
        return f"{capital(to)} is ahead of {start}{place} from {first}, the first that both were measured at."
    return f"{capital(to)} has not overtaken {start}{place} by {last}, the last that both were measured at."


def _interval(found: Crossing, unit: str) -> str:
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return ""
    low = f"{'less than ' if found.low_is_open else ''}{_amount(found.low, unit)}"
    high = f"{'more than ' if found.high_is_open else ''}{_amount(found.high, unit)}"
    return f" (95% interval {low} to {high})"


def _amount(cost: float, unit: str) -> str:
    if unit == "flops":
        return wording.si(cost)
    return wording.grouped(round(cost)) if unit in ("steps", "tokens") else wording.number(cost, 3)


def _cost_text(cost: float, unit: str) -> str:
    if unit == "steps":
        return f"step {_amount(cost, unit)}"
    return f"{_amount(cost, unit)} {UNITS.get(unit, unit)}"


def _arms_table(panels: Sequence[ComputePanel]) -> Table:
    several = len({panel.heading for panel in panels}) > 1
    rows = [(panel, name, arm) for panel in panels for name, arm in panel.arms]
    return Table(
        name="best-lengths",
        caption=plain(
            "The best length of each configuration. Value: its mean over seeds, corrected by how much the best of "
            "several lengths looks better than it is. Lengths: how many were measured. Edge: whether the best one is "
            "the shortest or the longest of them, so that the best may not have been measured."
        ),
        columns=(
            *([Column(title="Phases" if any(panel.phases for panel in panels) else "Block")] if several else []),
            Column(title="Configuration"),
            Column(title="Metric"),
            Column(title="Best length"),
            Column(title="Compute", number=True, data=("Compute", "Unit")),
            Column(title="Value", number=True),
            Column(title="Correction", number=True),
            Column(title="Seeds", number=True),
            Column(title="Lengths", number=True),
            Column(title="Edge"),
        ),
        rows=tuple(
            (*([Cell(wording.clean(panel.heading))] if several else []), *_arm_row(name, arm, panel))
            for panel, name, arm in rows
        ),
    )


def _arm_row(name: str, arm: ArmLengths, panel: ComputePanel) -> tuple[Cell, ...]:
    unit = UNITS.get(panel.unit, panel.unit)
    cost = arm.best.cost.get(panel.unit, math.nan)
    amount = f"{_amount(cost, panel.unit)} {unit}" if math.isfinite(cost) else ""
    percent = arm.measure.is_log
    return (
        Cell(wording.clean(name)),
        Cell(wording.metric_name(panel.metric.name)),
        Cell(length_text(arm, arm.best)),
        Cell(amount, cost, (cost, unit)) if amount else Cell("", None, (None, None)),
        number_cell(arm.value, wording.perplexity(arm.value)),
        number_cell(arm.choice.optimism, effect_text(arm.measure.sign * arm.choice.optimism, percent=percent)),
        number_cell(len(arm.at_best)),
        number_cell(len(arm.lengths)),
        Cell(arm.edge),
    )


def _claims_table(found: Sequence[BothLengths]) -> Table:
    effect, interval = (column.title for column in ESTIMATE_COLUMNS)
    return Table(
        name="claims-at-both-lengths",
        caption=plain(
            "The claims read both ways: runs of the same length, and each configuration at its own best length. The "
            "verdict rests on the reading that the study declares; the other one is not tested. Intervals are 95%, "
            "and not adjusted for the number of claims."
        ),
        columns=(
            Column(title="Claim"),
            Column(title="Declared"),
            Column(title="Same length", number=True, data=(f"Same length: {effect}", "Same length: unit")),
            Column(title=interval, number=True, data=("Same length: low", "Same length: high")),
            Column(title="Best length", number=True, data=(f"Best length: {effect}", "Best length: unit")),
            Column(title=interval, number=True, data=("Best length: low", "Best length: high")),
            Column(title="Lengths"),
        ),
        rows=tuple(_claim_row(each) for each in found),
    )


def _claim_row(each: BothLengths) -> tuple[Cell, ...]:
    shown = "; ".join(f"{wording.clean(name)} {length}" for name, length in each.lengths[:2])
    more = f"; {len(each.lengths) - 2} more" if len(each.lengths) > 2 else ""
    return (
        Cell(wording.clean(each.claim)),
        Cell(each.declared.replace("_", " ")),
        *_cells(each.same, percent=each.is_log),
        *_cells(each.best, percent=each.is_log),
        Cell(f"{shown}{more}"),
    )


def _cells(reading: Reading, *, percent: bool) -> tuple[Cell, Cell]:
    return estimate_cells(reading.estimate, reading.low, reading.high, percent=percent)
