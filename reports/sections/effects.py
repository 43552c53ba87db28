"""The effect of each factor, phase by phase and block by block: paired effects with intervals, and interactions."""

import math
from collections.abc import Sequence
from typing import Final

from reports import wording
from reports.figures.effects_axis import Row, finding_of
from reports.figures.forest import forest_figures
from reports.figures.heat import interaction_figure
from reports.sections import titles
from reports.sections.blocks import Block, Cell, Column, Heading, Inline, Paragraph, Plot, Section, Table, plain
from reports.sections.context import Context
from reports.sections.effect_titles import effects_title
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
from sweeper.evidence.claims.compared import effect_sides
from sweeper.evidence.effects.effects import Effect
from sweeper.evidence.effects.factorial_phase import factorial_phase
from sweeper.evidence.effects.shown import Change, Direction, Shown, shown_effects

KINDS: Final = {
    "contrast": "Each level compared with the factor's baseline, all else equal.",
    "loss when left out": "The loss when a factor is left out of the full configuration.",
    "step": "The effect of each step of the ladder, added to the steps before it.",
    "main effect": "The change from a factor's low to its high level, averaged over the levels of all other factors.",
}
STEPWISE: Final = ("step", "loss when left out")  # which the section on ablations shows
FACTORIALS: Final = ("grid", "fractional")
MOST_ROWS: Final = 120  # effects of a phase that are drawn, in up to four figures
SHOWN_ROWS: Final = 60  # of more than that
_FAILED: Final = " Diverged: the trials at both levels that diverged or failed, of those that were run."
_BLOCKS: Final = " Effects that differ between blocks (Welch's test, p < 0.01) have no average."


def effects(context: Context) -> Section | None:
    """Return the section; None if no design of the study compares levels, other than step by step."""
    blocks: list[Block] = []
    for phase in context.study.phases:
        found = [each for each in context.effects if each.phase == phase.name and each.kind not in STEPWISE]
        if found:
            if len(context.study.phases) > 1:
                blocks.append(Heading(text=phase_heading(phase.name, phase.design.kind)))
            blocks += _phase(context, phase.name, phase.design.kind, found)
    if not blocks:
        return None
    has_any = any(isinstance(block, Plot) for block in blocks)
    none = "No effect can be estimated yet: no pair of runs that differ in one factor has completed."
    intro = effects_intro(context) if has_any else Paragraph(text=plain(none))
    return Section(anchor="effects", title="The effect of each factor", blocks=(intro, *blocks))


def phase_heading(phase: str, design: str) -> str:
    """Return the phase's name, and its design unless the name says it."""
    words = design.replace("_", " ")
    same = wording.slug(phase) == wording.slug(design)
    return wording.clean(phase) if same else f"{wording.clean(phase)} ({words})"


def effects_intro(context: Context) -> Paragraph:
    """Return what effects are, and how to read their signs."""
    unit = "in percent" if context.metric.is_log else "in the metric's unit"
    less = "negative is better" if context.metric.minimizes else "positive is better"
    return Paragraph(
        text=plain(
            f"Effects are changes of the {context.metric_name} {unit} ({less}) with 95% confidence "
            "intervals, from differences paired by seed and by the levels of all other factors. The intervals are not "
            "adjusted for multiple comparisons; the verdicts on the claims are."
        )
    )


def effects_label(context: Context, *, percent: bool) -> str:
    """Return the label of an axis of effects."""
    return f"change of {context.metric_name}" + (" (%)" if percent else "")


def _phase(context: Context, phase: str, design: str, found: Sequence[Effect]) -> list[Block]:
    percent = all(effect.scale == "log" for effect in found)
    in_blocks = [effect for effect in found if effect.block]
    shown = in_blocks or found
    drawn = _largest(shown)
    rows = [_row(effect, percent=percent) for effect in drawn]
    where = wording.clean(phase) if len(context.study.phases) > 1 else ""
    title = effects_title(where, _shown(context, phase, found))
    label = effects_label(context, percent=percent)
    blocks: list[Block] = [
        Plot(drawing=drawing, caption=_caption(drawn, len(shown)))
        for drawing in forest_figures(f"effects-{context.slugs[phase]}", title, rows, label, percent=percent)
    ]
    blocks.append(effects_table(context, phase, found, percent=percent))
    fitted = design in FACTORIALS or found[0].kind == "main effect"  # a fraction may be written as a list
    return blocks + (_interactions(context, phase, percent=percent) if fitted else [])


def _shown(context: Context, phase: str, found: Sequence[Effect]) -> tuple[Shown, ...]:
    """Return what a phase's effects show, all considered at once, and what claims on them show."""
    claims: dict[Change, Direction] = {}
    for effect in found:
        known = context.compared.get(effect_sides(effect, context.data))
        if known is not None and known.shown:
            is_better = (known.shown == "lower") == context.metric.minimizes
            key = (effect.factor, effect.level_from, effect.level_to, effect.block)
            claims[key] = "better" if is_better else "worse"
    return shown_effects(context.runs, context.runs.phases[phase], found, claims)


def _row(effect: Effect, *, percent: bool) -> Row:
    estimate, low, high = (in_unit(value, percent=percent) for value in (effect.estimate, effect.low, effect.high))
    return Row(
        group=effect.block,
        label=f"{effect.factor}: {effect.level_from} \u2192 {effect.level_to}",
        estimate=estimate,
        low=low,
        high=high,
        n=effect.n,
        finding=finding_of(effect.low, effect.high, improves=effect.improves),
    )


def _largest(found: Sequence[Effect]) -> list[Effect]:
    """Return the effects that are drawn, in their order: all, or the largest of very many."""
    known = [effect for effect in found if math.isfinite(effect.estimate)]
    if len(known) <= MOST_ROWS:
        return list(found)
    kept = {id(effect) for effect in sorted(known, key=lambda effect: -abs(effect.estimate))[:SHOWN_ROWS]}
    return [effect for effect in found if id(effect) in kept]


def _caption(found: Sequence[Effect], total: int) -> Inline:
    kinds = list(dict.fromkeys(effect.kind for effect in found))
    pairs = sorted({effect.n for effect in found})
    unit, rest = ("run", " at each level") if kinds == ["main effect"] else ("pair", "")
    few = f"{pairs[0]} to " if len(pairs) > 1 else ""
    number = f"{few}{wording.count(pairs[-1], unit)}{rest}"
    return plain(
        f"{' '.join(KINDS[kind] for kind in kinds)} Points are estimates from {number}, lines their 95% "
        "intervals; filled points are those whose interval excludes 0."
        + (f" The {len(found)} largest of {total} effects; the table has all." if len(found) < total else "")
    )


def effects_table(context: Context, phase: str, found: Sequence[Effect], *, percent: bool) -> Table:
    """Return all numbers of a phase's effects, which a page shows on request."""
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
        folded=f"All numbers of {wording.clean(phase)}",
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


def _interactions(context: Context, phase: str, *, percent: bool) -> list[Block]:
    fit = factorial_phase(context.runs, context.runs.phases[phase])
    if fit is None or not any(len(effect.terms) == 2 for effect in fit.effects):
        return []
    shown = {effect.terms: in_unit(effect.estimate.value, percent=percent) for effect in fit.effects}
    title = titles.interactions_title(phase, shown, percent=percent)
    name = f"interactions-{context.slugs[phase]}"
    drawing = interaction_figure(name, title, fit.factors, shown, percent=percent)
    text = (
        "Main effects on the diagonal, interactions below it. An interaction is half the change in one factor's "
        "effect when the other factor goes from low to high. Opposite signs of a main effect and its interactions "
        "mean that the factors share their gain."
    )
    return [Plot(drawing=drawing, caption=plain(text))]
