"""The effect of each factor, phase by phase and block by block: paired effects with intervals, and interactions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from reports import wording
from reports.figures.effects_axis import Finding, Row, finding_of
from reports.figures.forest import forest_figures
from reports.figures.heat import Triangle, interaction_figures
from reports.sections import factor_titles, points
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
from reports.sections.strata import stratum_name
from sweeper.evidence.claims.compared import effect_sides
from sweeper.evidence.effects.effects import Effect
from sweeper.evidence.effects.factorial_phase import FactorialPhase, factorial_phase
from sweeper.evidence.effects.shown import ALPHA, Change, Direction, Shown, direction, shown_effects, signed
from sweeper.evidence.statistics.factorial import FactorialEffect
from sweeper.evidence.statistics.paired import Estimate

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
_BLOCKS: Final = (
    " An average is the mean of all pairs, each within a block. Effects that differ between blocks (Welch's test, "
    "p < 0.01) have no average."
)


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
            + points.counted(context.data, context.metric)
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
    what = shown_of(context, phase, found)
    rows = [_row(effect, stratum_name(context, phase), what, percent=percent) for effect in drawn]
    where = wording.clean(phase) if len(context.study.phases) > 1 else ""
    title = effects_title(where, what)
    label = effects_label(context, percent=percent)
    blocks: list[Block] = [
        Plot(drawing=drawing, caption=_caption(drawn, len(shown)))
        for drawing in forest_figures(f"effects-{context.slugs[phase]}", title, rows, label, percent=percent)
    ]
    blocks.append(effects_table(context, phase, found, percent=percent))
    fitted = design in FACTORIALS or found[0].kind == "main effect"  # a fraction may be written as a list
    return blocks + (_interactions(context, phase, percent=percent) if fitted else [])


def shown_of(context: Context, phase: str, found: Sequence[Effect]) -> tuple[Shown, ...]:
    """Return what a phase's effects show, all considered at once, and what claims on them show."""
    claims: dict[Change, Direction] = {}
    for effect in found:
        claimed = _claimed(context, effect)
        if claimed != "unclear":
            claims[effect.factor, effect.level_from, effect.level_to, effect.block] = claimed
    return shown_effects(context.runs, context.runs.phases[phase], found, claims)


def _claimed(context: Context, effect: Effect) -> Direction:
    """Return what the claim on an effect shows, if there is one."""
    known = context.compared.get(effect_sides(effect, context.runs)) if context.compared else None
    if known is None or not known.shown:
        return "unclear"
    return "better" if (known.shown == "lower") == context.metric.minimizes else "worse"


def direction_among(context: Context, effect: Effect, number: int) -> Direction:
    """Return what an effect shows with others considered, from which a title picks those that show something.

    Args:
        number: of all of them.
    """
    found = _claimed(context, effect)
    return direction(signed(effect, context.runs.measure.sign), ALPHA / number) if found == "unclear" else found


def _row(effect: Effect, stratum: str, shown: Sequence[Shown], *, percent: bool) -> Row:
    estimate, low, high = (in_unit(value, percent=percent) for value in (effect.estimate, effect.low, effect.high))
    return Row(
        group=effect.block or stratum,
        label=f"{effect.factor}: {effect.level_from} \u2192 {effect.level_to}{_varies(effect, shown)}",
        estimate=estimate,
        low=low,
        high=high,
        n=effect.n,
        finding=finding_of(effect.low, effect.high, improves=effect.improves),
    )


def _varies(effect: Effect, shown: Sequence[Shown]) -> str:
    """Return with which factor an effect is shown to change its sign, so that its mean is that of no level."""
    for each in shown:
        depends = each.depends if (each.factor, each.level) == (effect.factor, effect.level_to) else None
        if depends and depends.factor and {"better", "worse"} <= {level.shown for level in depends.levels}:
            return f" (sign varies with {depends.factor})"
    return ""


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
    named = _block_factor(context, phase)
    has_blocks = any(effect.block for effect in found)
    has_failed = any(effect.failed_from.diverged or effect.failed_to.diverged for effect in found)
    columns = [
        Column(title="Factor"),
        *([Column(title=named, data=("Block",))] if has_blocks else []),
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
            _cells(effect, named if has_blocks else None, percent=percent, has_failed=has_failed)[: len(columns)]
            for effect in found
        ),
        folded=f"All numbers of {wording.clean(phase)}",
    )


def _block_factor(context: Context, phase: str) -> str:
    """Return the heading of the column of blocks: the factor by which they differ, so that rows need not say it."""
    runs = context.runs.phases[phase]
    varied = [name for name in runs.apart if len({cell.levels[name] for cell in runs.cells}) > 1]
    return varied[0] if len(varied) == 1 else "Block"


def _block_cell(effect: Effect, factor: str) -> Cell:
    text = effect.block.removeprefix(f"{factor} = ") or "average"
    return Cell(wording.clean(text), None, (wording.clean(effect.block or "average"),))


def _cells(effect: Effect, blocks: str | None, *, percent: bool, has_failed: bool) -> tuple[Cell, ...]:
    """Return the cells of an effect; `blocks` is the heading of the column of its block, None without one."""
    missing = f" ({len(effect.missing)} missing)" if effect.missing else ""
    return (
        Cell(wording.clean(effect.factor)),
        *([_block_cell(effect, blocks)] if blocks is not None else []),
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
    """Return the interactions in each stratum, which are never averaged: a mean may be that of none of them."""
    whole = context.runs.phases[phase]
    fits = {
        stratum_name(context, phase, name): fit
        for name, own in (whole.by_stratum or {"": whole}).items()
        if (fit := factorial_phase(context.runs, own)) is not None
        and any(len(effect.terms) == 2 for effect in fit.effects)
    }
    total = sum(len(effect.terms) == 2 for fit in fits.values() for effect in fit.effects)
    if not total:
        return []
    found = {
        name: {effect.terms: _finding(context, effect, total) for effect in fit.effects} for name, fit in fits.items()
    }
    triangles = [
        Triangle(
            heading=name,
            factors=fit.factors,
            effects={effect.terms: in_unit(_estimate(effect).value, percent=percent) for effect in fit.effects},
            clear=[terms for terms, finding in found[name].items() if finding in ("better", "worse")],
        )
        for name, fit in fits.items()
    ]
    pairs: dict[str, dict[tuple[str, ...], tuple[float, Finding | None]]] = {
        each.heading: {
            terms: (value, found[each.heading][terms]) for terms, value in each.effects.items() if len(terms) == 2
        }
        for each in triangles
    }
    title = factor_titles.interactions_title(phase, pairs, percent=percent)
    missing = max(len(whole.by_stratum), 1) - len(fits)
    drawings = interaction_figures(f"interactions-{context.slugs[phase]}", title, triangles, percent=percent)
    return [
        *(Plot(drawing=drawing, caption=plain(_interactions_caption(total, missing))) for drawing in drawings),
        _interactions_table(context, phase, fits, percent=percent),
    ]


def _estimate(effect: FactorialEffect) -> Estimate:
    """Return an effect as claims state it: of an interaction the whole change, where a fit has half of it per order."""
    factor, found = 2.0 ** (len(effect.terms) - 1), effect.estimate
    return replace(found, value=factor * found.value, standard_error=factor * found.standard_error)


def _finding(context: Context, effect: FactorialEffect, total: int) -> Finding | None:
    """Return what an effect's interval shows: that of an interaction holds for all of the figure at once.

    None without an interval.
    """
    if not effect.estimate.decides:
        return None
    low, high = effect.estimate.interval(1.0 - ALPHA / (total if len(effect.terms) == 2 else 1))
    return finding_of(low, high, improves=context.runs.measure.sign * effect.estimate.value < 0)


def _interactions_caption(total: int, missing: int) -> str:
    text = (
        "Main effects on the diagonal, interactions below it. An interaction is the change in one factor's effect "
        "when the other factor goes from low to high, as in claims. Opposite signs of a main effect and its "
        "interactions mean that the factors share their gain. Bold: the interval excludes 0; of an interaction, the "
        f"interval that holds for all {total} at once (Bonferroni)."
    )
    left_out = wording.count(missing, "stratum", "strata")
    return text + (f" {left_out} left out because runs are missing." if missing else "")


def _interactions_table(context: Context, phase: str, fits: Mapping[str, FactorialPhase], *, percent: bool) -> Table:
    several, heading = len(fits) > 1, _block_factor(context, phase)
    return Table(
        name=f"interactions-{context.slugs[phase]}-table",
        caption=plain(
            f"Main effects and interactions in {wording.clean(phase)}, with 95% intervals that are not adjusted. "
            "An interaction of two factors is the change in one's effect when the other goes from low to high. "
            "n: runs at each level."
        ),
        columns=(
            *([Column(title=heading, data=("Block",))] if several else []),
            Column(title="Term"),
            *ESTIMATE_COLUMNS,
            Column(title="p", number=True),
            Column(title="n", number=True),
            Column(title="Aliased with"),
        ),
        rows=tuple(
            (
                *([Cell(name.removeprefix(f"{heading} = "), None, (name,))] if several else []),
                Cell(wording.clean(effect.name)),
                *estimate_cells(_estimate(effect).value, *_estimate(effect).interval(), percent=percent),
                number_cell(p := effect.estimate.p_two_sided() if effect.estimate.decides else math.nan, p_value(p)),
                number_cell(effect.estimate.n),
                Cell(wording.clean(", ".join(alias for alias, _ in effect.aliases))),
            )
            for name, fit in fits.items()
            for effect in fit.effects
        ),
        folded=f"All interactions in {wording.clean(phase)}",
    )
