"""What each factor does: paired effects with their intervals, a figure and a table a phase."""

import math
from collections.abc import Sequence
from typing import Final

from reports import wording
from reports.effects import Effect
from reports.figures.forest import Row, amount, finding_of, forest_figure
from reports.sections.blocks import Block, Cell, Column, Heading, Inline, Paragraph, Plot, Section, Table, plain
from reports.sections.context import Context

KINDS: Final = {
    "contrast": "Each level against the factor's baseline, all else equal.",
    "loss when left out": "What is lost when a factor is left out of the full configuration.",
    "step": "What each step of the ladder adds to those before it.",
    "main effect": "The mean change from a factor's low to its high level over all the others' levels.",
}


def effects(context: Context) -> Section | None:
    """The section; None if no design of the study compares levels."""
    blocks: list[Block] = []
    for phase in context.data.phases:
        found = [effect for effect in context.effects if effect.phase == phase.name]
        if found:
            blocks += _phase(context, phase.name, found, several=len(context.data.phases) > 1)
    if not blocks:
        return None
    return Section(anchor="effects", title="The effect of each factor", blocks=(_intro(context), *blocks))


def _intro(context: Context) -> Paragraph:
    unit = "in percent" if context.metric.log else "in the metric's unit"
    less = "negative is better" if context.metric.direction == "minimize" else "positive is better"
    return Paragraph(
        text=plain(
            f"Effects are changes of the {wording.clean(context.metric.words)} {unit} ({less}) with 95 % confidence "
            "intervals, from differences paired by seed and by the levels of all other factors. The intervals are not "
            "adjusted for how many there are; the verdicts on the claims are."
        )
    )


def _phase(context: Context, phase: str, found: Sequence[Effect], *, several: bool) -> list[Block]:
    blocks: list[Block] = [Heading(text=wording.clean(phase))] if several else []
    percent = all(effect.scale == "log" for effect in found)
    title = f"Effects in {phase}"
    rows = [_row(effect, found, percent=percent) for effect in found]
    label = f"change of {context.metric.words}" + (" (%)" if percent else "")
    drawing = forest_figure(f"effects-{wording.slug(phase)}", title, rows, label, percent=percent)
    if drawing is not None:
        blocks.append(Plot(drawing=drawing, caption=_caption(found)))
    blocks.append(_table(phase, found, percent=percent))
    return blocks


def _row(effect: Effect, found: Sequence[Effect], *, percent: bool) -> Row:
    values = [effect.estimate, effect.low, effect.high]
    shown = [100 * math.expm1(value) if percent else value for value in values]
    single = sum(other.factor == effect.factor for other in found) == 1
    levels = f"{effect.level_from} \u2192 {effect.level_to}"
    return Row(
        group="",
        label=f"{effect.factor}: {levels}" if not single or effect.kind != "loss when left out" else effect.factor,
        estimate=shown[0],
        low=shown[1],
        high=shown[2],
        n=effect.n,
        finding=finding_of(effect.low, effect.high, improves=effect.improves),
    )


def _caption(found: Sequence[Effect]) -> Inline:
    kinds = list(dict.fromkeys(effect.kind for effect in found))
    text = " ".join(KINDS[kind] for kind in kinds)
    pairs = sorted({effect.n for effect in found})
    unit = "runs at each level" if kinds == ["main effect"] else "pairs"
    number = f"{pairs[0]}" if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
    return plain(
        f"{text} Points are estimates from {number} {unit}, lines their 95 % intervals; filled points are those whose "
        "interval excludes no effect."
    )


def _table(phase: str, found: Sequence[Effect], *, percent: bool) -> Table:
    columns = (
        Column(title="Factor"),
        Column(title="From"),
        Column(title="To"),
        Column(title="Effect", number=True),
        Column(title="95 % interval", number=True),
        Column(title="p", number=True),
        Column(title="n", number=True),
        Column(title="Detectable", number=True),
    )
    return Table(
        name=f"effects-{wording.slug(phase)}-table",
        caption=plain(
            f"Effects in {wording.clean(phase)}. p is two-sided, of no effect. Detectable: the smallest effect that "
            "this design shows with probability 0.8."
        ),
        columns=columns,
        rows=tuple(_cells(effect, percent=percent) for effect in found),
    )


def _cells(effect: Effect, *, percent: bool) -> tuple[Cell, ...]:
    def shown(value: float) -> str:
        if not math.isfinite(value):
            return wording.UNKNOWN
        return amount(100 * math.expm1(value) if percent else value, percent=percent)

    interval = f"{shown(effect.low)} to {shown(effect.high)}" if math.isfinite(effect.low) else wording.UNKNOWN
    missing = f" ({len(effect.missing)} missing)" if effect.missing else ""
    return (
        Cell(wording.clean(effect.factor)),
        Cell(wording.clean(effect.level_from)),
        Cell(wording.clean(effect.level_to)),
        Cell(shown(effect.estimate), effect.estimate),
        Cell(interval, effect.low),
        Cell(p_value(effect.p), effect.p),
        Cell(f"{effect.n}{missing}", effect.n),
        Cell(shown(abs(effect.detectable)).lstrip("+"), effect.detectable),
    )


def p_value(p: float) -> str:
    """A p-value as it is printed: never as 0."""
    if not math.isfinite(p):
        return wording.UNKNOWN
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
