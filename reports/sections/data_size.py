"""Effects against the amount of training text: whether gains shrink with more data."""

from dataclasses import replace

from reports import wording
from reports.figures.sizes import SizePoint, sizes_figure
from reports.sections.blocks import Block, Cell, Column, Plot, Section, Table, plain
from reports.sections.context import Context
from reports.sections.effects import effects_label
from reports.sections.estimates import ESTIMATE_COLUMNS, estimate_cells, in_unit, number_cell
from reports.sections.factor_titles import sizes_title
from reports.sections.points import counted
from sweeper.evidence.effects.data_size import SizeEffect, size_effects
from sweeper.evidence.effects.shown import ALPHA, Direction, direction


def data_size(context: Context) -> Section | None:
    """Return the section; None if no phase varies the amount of text and something else."""
    found = size_effects(context.data, context.runs)
    blocks: list[Block] = []
    for phase in dict.fromkeys(effect.phase for effect in found):
        blocks += _phase(context, phase, [effect for effect in found if effect.phase == phase])
    if not blocks:
        return None
    return Section(anchor="data-size", title="Effects against the amount of data", blocks=tuple(blocks))


def _phase(context: Context, phase: str, found: list[SizeEffect]) -> list[Block]:
    percent = context.metric.is_log
    points = [_point(effect, percent=percent) for effect in found]
    name, title = f"data-size-{context.slugs[phase]}", sizes_title(_findings(context, found))
    drawing = sizes_figure(name, title, points, effects_label(context, percent=percent), percent=percent)
    if drawing is None:
        return []
    text = (
        f"Phase {wording.clean(phase)}: the change from the baseline with the same amount of training text, with 95% "
        "intervals. The validation text and the vocabulary are the same throughout. Every run has the same budget, so "
        f"with more text each word is read less often.{counted(context.data, context.metric)}"
    )
    return [Plot(drawing=drawing, caption=plain(text)), _table(name, phase, found, percent=percent)]


def _findings(context: Context, found: list[SizeEffect]) -> dict[str, dict[int, Direction]]:
    """Return by configuration and amount of data what the effects show with all of them considered."""
    findings: dict[str, dict[int, Direction]] = {}
    for effect in found:
        signed = replace(effect.estimate, value=context.runs.measure.sign * effect.estimate.value)
        findings.setdefault(wording.clean(effect.label), {})[effect.tokens] = direction(signed, ALPHA / len(found))
    return findings


def _point(effect: SizeEffect, *, percent: bool) -> SizePoint:
    values = [effect.estimate.value, *effect.estimate.interval()]
    estimate, low, high = (in_unit(value, percent=percent) for value in values)
    return SizePoint(
        label=effect.label, tokens=effect.tokens, estimate=estimate, low=low, high=high, n=effect.estimate.n
    )


def _table(name: str, phase: str, found: list[SizeEffect], *, percent: bool) -> Table:
    return Table(
        name=f"{name}-table",
        caption=plain(f"The effects of {wording.clean(phase)} against the amount of training text."),
        columns=(
            Column(title="Configuration"),
            Column(title="Tokens", number=True),
            *ESTIMATE_COLUMNS,
            Column(title="n", number=True),
        ),
        rows=tuple(_row(effect, percent=percent) for effect in found),
        folded="All numbers by amount of data",
    )


def _row(effect: SizeEffect, *, percent: bool) -> tuple[Cell, ...]:
    return (
        Cell(wording.clean(effect.label)),
        number_cell(effect.tokens, wording.grouped(effect.tokens)),
        *estimate_cells(effect.estimate.value, *effect.estimate.interval(), percent=percent),
        number_cell(effect.estimate.n),
    )
