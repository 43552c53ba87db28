"""All trials, one row each: configuration, result and cost."""

import math
from collections.abc import Sequence
from typing import Final, TypeGuard

from reports import wording
from reports.sections import points
from reports.sections.blocks import Block, Cell, Column, Paragraph, Section, Table, plain
from reports.sections.context import Context
from reports.sections.energy import cost_cells, cost_heads
from reports.sections.estimates import number_cell
from sweeper.evidence.data.cells import Level
from sweeper.evidence.data.load import FrameRow

NAME: Final = "trials"
SHOWN: Final = ("trial_id", "seed", "budget", "state", "exit_reason", "value", "device_seconds", "flops")
MOST_FACTOR_COLUMNS: Final = 8  # beyond these a column says what each configuration changes


def trials(context: Context) -> Section:
    """Return the section with the table of all trials."""
    blocks: list[Block] = [
        Paragraph(
            text=plain(
                f"The file figures/{NAME}.csv has all {wording.count(len(context.trials), 'trial')}, including "
                "those that failed."
            )
        ),
        trial_table(context),
    ]
    return Section(anchor="trials", title="Trials", blocks=tuple(blocks), appendix=True)


def trial_table(context: Context) -> Table:
    """Return the table: one column per factor if there are few, else one for the configuration."""
    frame = context.trials
    factors = context.data.factors if len(context.data.factors) <= MOST_FACTOR_COLUMNS else ()
    price = f", and cost is at {context.study.price} per device-hour" if cost_heads(context) else ""
    test = "result.test_perplexity" if "result.test_perplexity" in frame else None
    columns = [
        Column(title="Trial"),
        *([Column(title=wording.clean(name), number=_numeric(context, name)) for name in factors]),
        *([] if factors else [Column(title="Configuration")]),
        Column(title="Seed", number=True),
        Column(title="Budget", number=True),
        Column(title="State"),
        Column(title=wording.capital(context.metric_name), number=True),
        *([Column(title="Test perplexity", number=True)] if test else []),
        Column(title="Device time", number=True),
        *(Column(title=title, number=True) for title in cost_heads(context)),
        Column(title="FLOPs", number=True),
    ]
    shown = frame[[*SHOWN, *([test] if test else [])]]
    rows = tuple(_row(context, row, factors, test) for row in shown.to_dict("records"))
    return Table(
        name=NAME,
        caption=plain(
            f"{wording.capital(context.metric_name)} is the {points.point(context.metric)} of the run. Device time "
            f"includes failed attempts{wording.clean(price)}; FLOPs are those of training."
        ),
        columns=tuple(columns),
        rows=rows,
        folded=f"All {wording.count(len(context.trials), 'trial')}",
        trials=tuple(int(trial) for trial in frame["trial_id"]),
    )


def _row(context: Context, row: FrameRow, factors: Sequence[str], test: str | None) -> tuple[Cell, ...]:
    trial = int(row["trial_id"])
    own = context.levels[trial]
    shown = [_level_cell(own[name]) if name in own else Cell(wording.UNKNOWN) for name in factors]
    levels = shown or [Cell(context.configurations[trial])]
    reason = row["exit_reason"]
    state = row["state"] if reason in (None, row["state"]) else f"{row['state']} ({reason.replace('_', ' ')})"
    return (
        Cell(context.names[trial], float(trial)),
        *levels,
        Cell(str(row["seed"]), float(row["seed"])),
        Cell(wording.budget(row["budget"])),
        Cell(state),
        number_cell(row["value"], wording.perplexity(row["value"])),
        *([number_cell(row[test], wording.perplexity(row[test]))] if test else []),
        number_cell(row["device_seconds"], wording.duration(row["device_seconds"])),
        *cost_cells(context, row["device_seconds"]),
        number_cell(row["flops"], wording.si(row["flops"])),
    )


def _level_cell(value: Level) -> Cell:
    return Cell(wording.level_text(value), float(value) if _is_number(value) and math.isfinite(value) else None)


def _numeric(context: Context, factor: str) -> bool:
    levels = [own[factor] for own in context.levels.values() if own.get(factor) is not None]
    return bool(levels) and all(_is_number(level) for level in levels)


def _is_number(value: Level) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
