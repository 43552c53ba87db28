"""What each factor does: paired effects with their intervals, ladders, and interactions, phase by phase."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from reports import wording
from reports.figures.forest import Row, finding_of, forest_figure
from reports.figures.heat import interaction_figure
from reports.figures.ladder import Rung, ladder_figure
from reports.sections.blocks import Block, Cell, Column, Heading, Inline, Paragraph, Plot, Section, Table, plain
from reports.sections.context import Context
from reports.sections.estimates import ESTIMATE_COLUMNS, effect_cell, estimate_cells, in_unit, number_cell, p_value
from sweeper.evidence.data.measures import measure
from sweeper.evidence.effects.effects import Effect
from sweeper.evidence.effects.factorial_phase import factorial_phase

KINDS: Final = {
    "contrast": "Each level against the factor's baseline, all else equal.",
    "loss when left out": "What is lost when a factor is left out of the full configuration, the greatest loss first.",
    "step": "What each step of the ladder adds to those before it.",
    "main effect": "The mean change from a factor's low to its high level over all the others' levels.",
}
FACTORIALS: Final = ("grid", "fractional")


def effects(context: Context) -> Section | None:
    """The section; None if no design of the study compares levels."""
    blocks: list[Block] = []
    for phase in context.data.phases:
        found = [effect for effect in context.effects if effect.phase == phase.name]
        if found:
            if len(context.data.phases) > 1:
                blocks.append(Heading(text=_heading(phase.name, phase.design)))
            blocks += _phase(context, phase.name, phase.design, _ordered(found))
    if not blocks:
        return None
    return Section(anchor="effects", title="The effect of each factor", blocks=(_intro(context), *blocks))


def _heading(phase: str, design: str) -> str:
    """The phase's name, and its design where the name does not say it."""
    words = design.replace("_", " ")
    same = wording.slug(phase) == wording.slug(design)
    return wording.clean(phase) if same else f"{wording.clean(phase)} ({words})"


def _ordered(found: Sequence[Effect]) -> list[Effect]:
    """As in the study, but losses when left out by their size."""
    if any(effect.kind != "loss when left out" for effect in found):
        return list(found)
    sign = 1.0 if found[0].improves == (found[0].estimate < 0) else -1.0  # of a worsening
    return sorted(found, key=lambda effect: -sign * effect.estimate if math.isfinite(effect.estimate) else math.inf)


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


def _phase(context: Context, phase: str, design: str, found: Sequence[Effect]) -> list[Block]:
    blocks: list[Block] = []
    percent = all(effect.scale == "log" for effect in found)
    title = f"Effects in {phase}"
    label = f"change of {context.metric.words}" + (" (%)" if percent else "")
    rows = [_row(effect, found, percent=percent) for effect in found]
    if design == "ladder":
        blocks += _ladder(context, phase, found)
    drawing = forest_figure(f"effects-{context.slugs[phase]}", title, rows, label, percent=percent)
    if drawing is not None:
        blocks.append(Plot(drawing=drawing, caption=_caption(found)))
    blocks.append(_table(context, phase, found, percent=percent))
    fitted = design in FACTORIALS or found[0].kind == "main effect"  # a fraction may be written as a list
    return blocks + (_interactions(context, phase, percent=percent) if fitted else [])


def _row(effect: Effect, found: Sequence[Effect], *, percent: bool) -> Row:
    shown = [in_unit(value, percent=percent) for value in (effect.estimate, effect.low, effect.high)]
    alone = sum(other.factor == effect.factor for other in found) == 1
    named = f"{effect.factor}: {effect.level_from} \u2192 {effect.level_to}"
    return Row(
        group="",
        label=effect.factor if alone and effect.kind == "loss when left out" else named,
        estimate=shown[0],
        low=shown[1],
        high=shown[2],
        n=effect.n,
        finding=finding_of(effect.low, effect.high, improves=effect.improves),
    )


def _caption(found: Sequence[Effect]) -> Inline:
    kinds = list(dict.fromkeys(effect.kind for effect in found))
    pairs = sorted({effect.n for effect in found})
    unit = "runs at each level" if kinds == ["main effect"] else "pairs"
    number = f"{pairs[0]}" if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
    return plain(
        f"{' '.join(KINDS[kind] for kind in kinds)} Points are estimates from {number} {unit}, lines their 95 % "
        "intervals; filled points are those whose interval excludes 0."
    )


def _table(context: Context, phase: str, found: Sequence[Effect], *, percent: bool) -> Table:
    aliased = any(effect.aliases for effect in found)
    columns = [
        Column(title="Factor"),
        Column(title="From"),
        Column(title="To"),
        *ESTIMATE_COLUMNS,
        Column(title="p", number=True),
        Column(title="n", number=True),
        Column(title="Detectable", number=True),
        *([Column(title="Not told from")] if aliased else []),
    ]
    return Table(
        name=f"effects-{context.slugs[phase]}-table",
        caption=plain(
            f"Effects in {wording.clean(phase)}. p is two-sided, of no effect. Detectable: the smallest effect that "
            "this design shows with probability 0.8."
        ),
        columns=tuple(columns),
        rows=tuple(_cells(effect, percent=percent)[: len(columns)] for effect in found),
    )


def _cells(effect: Effect, *, percent: bool) -> tuple[Cell, ...]:
    missing = f" ({len(effect.missing)} missing)" if effect.missing else ""
    return (
        Cell(wording.clean(effect.factor)),
        Cell(wording.clean(effect.level_from)),
        Cell(wording.clean(effect.level_to)),
        *estimate_cells(effect.estimate, effect.low, effect.high, percent=percent),
        number_cell(effect.p, p_value(effect.p)),
        number_cell(effect.n, f"{effect.n}{missing}"),
        effect_cell(effect.detectable, percent=percent),
        Cell(wording.clean(", ".join(effect.aliases))),
    )


def _ladder(context: Context, phase: str, found: Sequence[Effect]) -> list[Block]:
    """The ladder itself: a rung for the baseline and one for each step."""
    frame = context.data.phase_trials(phase)
    height = [_changed(context, int(trial), found) for trial in frame["trial_id"]]
    done = frame["state"].to_numpy() == "completed"
    labels = ["baseline", *(f"+ {effect.factor} = {effect.level_to}" for effect in found)]
    rungs = []
    for place, label in enumerate(labels):
        chosen = frame[done & (np.array(height) == place)]
        rungs.append(
            Rung(label=label, trials=[int(key) for key in chosen["trial_id"]], values=chosen["value"].tolist())
        )
    drawing = ladder_figure(f"ladder-{context.slugs[phase]}", f"Ladder {phase}", rungs, context.metric)
    if drawing is None:
        return []
    text = (
        f"The ladder: {wording.clean(context.metric.words)} as components are added one after the other, from the top."
    )
    return [Plot(drawing=drawing, caption=plain(text))]


def _changed(context: Context, trial: int, found: Sequence[Effect]) -> int:
    """How many of the ladder's factors a trial has off their baseline."""
    row = context.levels[trial]
    return sum(not wording.same_level(row.get(effect.factor), context.baseline.get(effect.factor)) for effect in found)


def _interactions(context: Context, phase: str, *, percent: bool) -> list[Block]:
    fit = factorial_phase(context.data, phase, measure(context.data))
    if fit is None or not any(len(effect.terms) == 2 for effect in fit.effects):
        return []
    shown = {effect.terms: in_unit(effect.estimate.value, percent=percent) for effect in fit.effects}
    drawing = interaction_figure(
        f"interactions-{context.slugs[phase]}", f"Main effects and interactions in {phase}", fit.factors, shown,
        percent=percent,
    )  # fmt: skip
    text = (
        "Main effects on the diagonal, and below it interactions: half of what the effect of one factor changes by "
        "when the other goes from low to high. Opposite signs of a main effect and its interactions mean that the "
        "factors share their gain."
    )
    return [Plot(drawing=drawing, caption=plain(text))]
