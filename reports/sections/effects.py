"""The effect of each factor, phase by phase: paired effects with intervals, ladders and interactions."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from reports import wording
from reports.figures.forest import Row, finding_of, forest_figures
from reports.figures.heat import interaction_figure
from reports.figures.ladder import Rung, ladder_figure
from reports.sections.blocks import Block, Cell, Column, Heading, Inline, Paragraph, Plot, Section, Table, plain
from reports.sections.context import Context
from reports.sections.estimates import (
    DIVERGED,
    ESTIMATE_COLUMNS,
    effect_cell,
    estimate_cells,
    failed_cell,
    in_unit,
    number_cell,
    p_value,
)
from sweeper.evidence.effects.effects import Effect
from sweeper.evidence.effects.factorial_phase import factorial_phase

KINDS: Final = {
    "contrast": "Each level compared with the factor's baseline, all else equal.",
    "loss when left out": "The loss when a factor is left out of the full configuration, the largest first.",
    "step": "The effect of each step of the ladder, added to the steps before it.",
    "main effect": "The change from a factor's low to its high level, averaged over the levels of all other factors.",
}
FACTORIALS: Final = ("grid", "fractional")
_FAILED: Final = " Diverged: the trials at both levels that diverged or failed, of those that were run."
_BLOCKS: Final = " Effects that differ between blocks (Welch's test, p < 0.01) have no average."


def effects(context: Context) -> Section | None:
    """Return the section; None if no design of the study compares levels."""
    blocks: list[Block] = []
    for phase in context.study.phases:
        found = [effect for effect in context.effects if effect.phase == phase.name]
        if found:
            if len(context.study.phases) > 1:
                blocks.append(Heading(text=_heading(phase.name, phase.design.kind)))
            blocks += _phase(context, phase.name, phase.design.kind, _ordered(found))
    if not blocks:
        return None
    return Section(anchor="effects", title="The effect of each factor", blocks=(_intro(context), *blocks))


def _heading(phase: str, design: str) -> str:
    """Return the phase's name, and its design unless the name says it."""
    words = design.replace("_", " ")
    same = wording.slug(phase) == wording.slug(design)
    return wording.clean(phase) if same else f"{wording.clean(phase)} ({words})"


def _ordered(found: Sequence[Effect]) -> list[Effect]:
    """Return effects in the study's order, but losses when left out by size."""
    if any(effect.kind != "loss when left out" for effect in found):
        return list(found)
    sign = 1.0 if found[0].improves == (found[0].estimate < 0) else -1.0  # of a worsening
    return sorted(found, key=lambda effect: -sign * effect.estimate if math.isfinite(effect.estimate) else math.inf)


def _intro(context: Context) -> Paragraph:
    unit = "in percent" if context.metric.is_log else "in the metric's unit"
    less = "negative is better" if context.metric.minimizes else "positive is better"
    return Paragraph(
        text=plain(
            f"Effects are changes of the {context.metric_name} {unit} ({less}) with 95% confidence "
            "intervals, from differences paired by seed and by the levels of all other factors. The intervals are not "
            "adjusted for multiple comparisons; the verdicts on the claims are."
        )
    )


def _phase(context: Context, phase: str, design: str, found: Sequence[Effect]) -> list[Block]:
    blocks: list[Block] = []
    percent = all(effect.scale == "log" for effect in found)
    title = f"Effects in {phase}"
    label = f"change of {context.metric_name}" + (" (%)" if percent else "")
    rows = [_row(effect, found, percent=percent) for effect in found]
    if design == "ladder":
        blocks += _ladder(context, phase, found)
    for drawing in forest_figures(f"effects-{context.slugs[phase]}", title, rows, label, percent=percent):
        blocks.append(Plot(drawing=drawing, caption=_caption(found)))
    blocks.append(_table(context, phase, found, percent=percent))
    fitted = design in FACTORIALS or found[0].kind == "main effect"  # a fraction may be written as a list
    return blocks + (_interactions(context, phase, percent=percent) if fitted else [])


def _row(effect: Effect, found: Sequence[Effect], *, percent: bool) -> Row:
    shown = [in_unit(value, percent=percent) for value in (effect.estimate, effect.low, effect.high)]
    alone = sum(other.factor == effect.factor for other in found) == 1
    named = f"{effect.factor}: {effect.level_from} \u2192 {effect.level_to}"
    label = effect.factor if alone and effect.kind == "loss when left out" else named
    return Row(
        group="",
        label=f"{label}, {effect.block}" if effect.block else label,
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
        f"{' '.join(KINDS[kind] for kind in kinds)} Points are estimates from {number} {unit}, lines their 95% "
        "intervals; filled points are those whose interval excludes 0."
    )


def _table(context: Context, phase: str, found: Sequence[Effect], *, percent: bool) -> Table:
    aliased = any(effect.aliases for effect in found)
    has_blocks = any(effect.block for effect in found)
    has_failed = any(effect.failed_from.diverged or effect.failed_to.diverged for effect in found)
    columns = [
        Column(title="Factor"),
        *([Column(title="Block")] if has_blocks else []),
        Column(title="From"),
        Column(title="To"),
        *ESTIMATE_COLUMNS,
        Column(title="p", number=True),
        Column(title="n", number=True),
        Column(title="Detectable", number=True),
        *([Column(title="Diverged", data=DIVERGED)] if has_failed else []),
        *([Column(title="Aliased with")] if aliased else []),
    ]
    return Table(
        name=f"effects-{context.slugs[phase]}-table",
        caption=plain(
            f"Effects in {wording.clean(phase)}. p: two-sided p-value of the hypothesis of no effect. Detectable: the "
            "smallest effect that this design shows with probability 0.8."
            + (_FAILED if has_failed else "")
            + (_BLOCKS if has_blocks else "")
        ),
        columns=tuple(columns),
        rows=tuple(
            _cells(effect, percent=percent, has_blocks=has_blocks, has_failed=has_failed)[: len(columns)]
            for effect in found
        ),
    )


def _cells(effect: Effect, *, percent: bool, has_blocks: bool, has_failed: bool) -> tuple[Cell, ...]:
    missing = f" ({len(effect.missing)} missing)" if effect.missing else ""
    return (
        Cell(wording.clean(effect.factor)),
        *([Cell(wording.clean(effect.block or "average"))] if has_blocks else []),
        Cell(wording.clean(effect.level_from)),
        Cell(wording.clean(effect.level_to)),
        *estimate_cells(effect.estimate, effect.low, effect.high, percent=percent),
        number_cell(effect.p, p_value(effect.p)),
        number_cell(effect.n, f"{effect.n}{missing}"),
        effect_cell(effect.detectable, percent=percent),
        *([failed_cell(effect.failed_from, effect.failed_to)] if has_failed else []),
        Cell(wording.clean(", ".join(effect.aliases))),
    )


def _ladder(context: Context, phase: str, found: Sequence[Effect]) -> list[Block]:
    """Return the ladder itself: a rung for the baseline and one for each step."""
    frame = context.data.phase_trials(phase)
    height = [_changed(context, int(trial), found) for trial in frame["trial_id"]]
    done = frame["state"].to_numpy() == "completed"
    labels = ["baseline", *(f"+ {effect.factor} = {effect.level_to}" for effect in found)]
    rungs = []
    for step, label in enumerate(labels):
        chosen = frame[done & (np.array(height) == step)]
        rungs.append(
            Rung(label=label, trials=[int(key) for key in chosen["trial_id"]], values=chosen["value"].tolist())
        )
    drawing = ladder_figure(f"ladder-{context.slugs[phase]}", f"Ladder {phase}", rungs, context.metric)
    if drawing is None:
        return []
    text = f"The ladder: {context.metric_name} as components are added one after another, from top to bottom."
    return [Plot(drawing=drawing, caption=plain(text))]


def _changed(context: Context, trial: int, found: Sequence[Effect]) -> int:
    """Return how many of the ladder's factors are not at their baseline in a trial."""
    changed = wording.changed(context.levels[trial], context.baseline)
    return sum(effect.factor in changed for effect in found)


def _interactions(context: Context, phase: str, *, percent: bool) -> list[Block]:
    fit = factorial_phase(context.runs, context.runs.phases[phase])
    if fit is None or not any(len(effect.terms) == 2 for effect in fit.effects):
        return []
    shown = {effect.terms: in_unit(effect.estimate.value, percent=percent) for effect in fit.effects}
    drawing = interaction_figure(
        f"interactions-{context.slugs[phase]}", f"Main effects and interactions in {phase}", fit.factors, shown,
        percent=percent,
    )  # fmt: skip
    text = (
        "Main effects on the diagonal, interactions below it. An interaction is half the change in one factor's "
        "effect when the other factor goes from low to high. Opposite signs of a main effect and its interactions "
        "mean that the factors share their gain."
    )
    return [Plot(drawing=drawing, caption=plain(text))]
