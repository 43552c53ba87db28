"""Each configuration at its best length: what it reaches by each amount of compute, and the claims read both ways."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reports import wording
from reports.figures.envelopes import (
    MOST,
    CrossingMark,
    EnvelopeLine,
    EnvelopePanel,
    envelopes_figure,
    named,
    worst_drawn,
)
from reports.sections.blocks import Block, Cell, Column, Listing, Paragraph, Plot, Section, Table, plain
from reports.sections.context import Context
from reports.sections.estimates import ESTIMATE_COLUMNS, effect_text, estimate_cells, number_cell
from reports.sections.patience import UNITS, amount, overtakes, sentence
from sweeper.evidence.claims.both_lengths import BothLengths, Reading, both_lengths
from sweeper.evidence.claims.envelopes import ArmCurve, ComputePanel, Pair, compute_panels
from sweeper.evidence.claims.length_notes import BASELINE
from sweeper.evidence.data.arm_lengths import ArmLengths, length_text
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.formatting import listed, listed_some


def lengths(context: Context) -> Section | None:
    """Return the section; None if no claim compares configurations at their best lengths."""
    panels = [renamed(panel, context) for panel in compute_panels(context.verdicts)]
    if not panels:
        return None
    blocks: list[Block] = [Paragraph(text=plain(_lead(panels)), lead=True)]
    for metric in dict.fromkeys(panel.metric.name for panel in panels):
        if own := [panel for panel in panels if panel.metric.name == metric and panel.curves]:
            blocks += _figure(own, own[0].metric)
    blocks += [_arms_table(panels), _claims_table(both_lengths(context.verdicts, context.metric_runs))]
    return Section(anchor="best-lengths", title="Each at its best length", blocks=tuple(blocks))


def renamed(panel: ComputePanel, context: Context) -> ComputePanel:
    """Return a panel whose configurations are called as among the best, where that is shorter than their levels."""

    def name(known: str, arm: ArmLengths) -> str:
        names = {context.arms[trial] for trials in arm.trials.values() for trial, _ in trials}
        return known if known == BASELINE else min([known, *sorted(names)], key=len)

    curves = {curve.key: replace(curve, name=name(curve.name, curve.arm)) for curve in panel.curves}
    return replace(
        panel,
        arms=tuple((name(known, arm), arm) for known, arm in panel.arms),
        curves=tuple(curves.values()),
        pairs=tuple(replace(pair, start=curves[pair.start.key], to=curves[pair.to.key]) for pair in panel.pairs),
    )


def _lead(panels: Sequence[ComputePanel]) -> str:
    chooser = wording.metric_name(panels[0].arms[0][1].chooser.metric.name)
    return (
        f"Each configuration is compared at the length at which its mean {chooser} over seeds is best, among all that "
        "its runs were evaluated at and all budgets that it ran with."
    )


def _figure(panels: Sequence[ComputePanel], metric: Metric) -> list[Block]:
    sentences = [sentence(pair, panel) for panel in panels for pair in panel.pairs]
    name = f"best-lengths-{wording.slug(metric.name)}"
    title = f"Best {wording.metric_name(metric.name)} by each amount of compute"
    words = " ".join([f"{title}.", *sentences])
    drawn = [_panel(panel) for panel in panels]
    drawing = envelopes_figure(name, title, words, drawn, metric)
    caption = (
        f"A line is the {wording.metric_name(metric.name)} of a configuration at the best of its lengths that take no "
        f"more compute, its mean over seeds; band: least to largest of its seeds; dot: its best length."
        f"{_rises(panels)} Nothing is drawn beyond what was measured.{_left_out(drawn, metric)}{_grey(drawn, metric)}"
        f"{_fewer_seeds(panels)} The values are as measured, and not corrected for the choice of the length."
    )
    listing = [Listing(items=tuple(plain(text) for text in sentences))] if sentences else []
    return [Plot(drawing=drawing, caption=plain(caption)), *listing]


def _left_out(panels: Sequence[EnvelopePanel], metric: Metric) -> str:
    """Return what a caption says of the values that are not drawn."""
    names = named(panels, metric)
    every = (worst_drawn(panel, metric, names) for panel in panels)
    limits = list(dict.fromkeys(wording.number(limit, 3) for limit in every if math.isfinite(limit)))
    if not limits:
        return ""
    side, found = "above" if metric.minimizes else "below", listed(limits)
    where = " in the panels" if len(limits) > 1 else ""
    return f" Lines begin where they are near the best lengths: values {side} {found}{where} are left out."


def _rises(panels: Sequence[ComputePanel]) -> str:
    """Return why a line may rise, if lengths are chosen on another metric than that which is drawn."""
    chooser = panels[0].arms[0][1].chooser.metric.name
    if chooser == panels[0].metric.name:
        return ""
    return f" Lengths are chosen by {wording.metric_name(chooser)}, so a line may rise a little."


def _grey(panels: Sequence[EnvelopePanel], metric: Metric) -> str:
    """Return which lines are not grey, if others are."""
    names = named(panels, metric)
    others = {line.name for panel in panels for line in panel.lines}.difference(names)
    if not others:
        return ""
    return f" In color: the baseline, what claims compare others with, and the best, {MOST} in all."


def _fewer_seeds(panels: Sequence[ComputePanel]) -> str:
    """Return what a caption says of lines that have not all seeds of their configurations."""
    fewer = [curve for panel in panels for curve in panel.curves if len(curve.seeds) < len(curve.arm.seeds)]
    if not fewer:
        return ""
    texts = [f"{wording.clean(each.name)} ({len(each.seeds)} of {len(each.arm.seeds)})" for each in fewer]
    named = listed_some(list(dict.fromkeys(texts)))  # a configuration may be in several panels
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
        name=wording.clean(curve.name), costs=costs, mean=mean, low=low, high=high, best_cost=curve.best_cost,
        is_reference=curve.is_reference,
    )  # fmt: skip


def _mark(pair: Pair) -> CrossingMark | None:
    found = pair.crossing
    if found is None or not overtakes(found):
        return None
    measure = pair.start.arm.measure
    at = pair.start.envelope.at(np.array([found.at]))
    value = measure.measured(measure.sign * float(at.mean()))
    return CrossingMark(at=found.at, low=found.low, high=found.high, value=value)


def _arms_table(panels: Sequence[ComputePanel]) -> Table:
    several = len({panel.heading for panel in panels}) > 1
    rows = [(panel, name, arm) for panel in panels for name, arm in panel.arms]
    left = sum(panel.num_left_out for panel in panels)
    return Table(
        name="best-lengths",
        caption=plain(
            "The best length of each configuration. Value: its mean over seeds, corrected by how much the best of "
            "several lengths looks better than it is. Lengths: how many were measured. Edge: whether the best one is "
            "the shortest or the longest of them, so that the best may not have been measured."
            + (f" Not shown: {left} of those that no claim compares." if left else "")
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
    compute = f"{amount(cost, panel.unit)} {unit}" if math.isfinite(cost) else ""
    percent = arm.measure.is_log
    return (
        Cell(wording.clean(name)),
        Cell(wording.metric_name(panel.metric.name)),
        Cell(length_text(arm, arm.best)),
        Cell(compute, cost, (cost, unit)) if compute else Cell("", None, (None, None)),
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
