"""All trials, a row each: what each was, what it came to and what it cost."""

import math
from typing import Any, Final

import pandas as pd

from reports import wording
from reports.sections.blocks import Block, Cell, Column, Paragraph, Section, Table, plain
from reports.sections.context import Context
from reports.sections.estimates import number_cell

NAME: Final = "trials"
MOST_FACTOR_COLUMNS: Final = 8  # beyond these a column says what each configuration changes


def trials(context: Context) -> Section:
    """The section with the table of all trials."""
    blocks: list[Block] = [
        Paragraph(text=plain(f"All {wording.count(len(context.trials), 'trial')}, those that failed included.")),
        trial_table(context),
    ]
    return Section(anchor="trials", title="Trials", blocks=tuple(blocks))


def trial_table(context: Context) -> Table:
    """The table: a column a factor where they are few, else one for the configuration."""
    frame = context.trials
    factors = context.data.factors if len(context.data.factors) <= MOST_FACTOR_COLUMNS else ()
    test = "result.test_perplexity" if "result.test_perplexity" in frame else None
    columns = [
        Column(title="Trial"),
        *([Column(title=wording.clean(name), number=_numeric(context, name)) for name in factors]),
        *([] if factors else [Column(title="Configuration")]),
        Column(title="Seed", number=True),
        Column(title="Budget", number=True),
        Column(title="State"),
        Column(title=_capital(context.metric.words), number=True),
        *([Column(title="Test perplexity", number=True)] if test else []),
        Column(title="Device time", number=True),
        Column(title="FLOPs", number=True),
    ]
    shown = [context.data.column(name) for name in factors]
    rows = tuple(_row(context, row, shown, test) for row in frame.to_dict("records"))
    return Table(
        name=NAME,
        caption=plain(
            f"{_capital(context.metric.words)} is the best of the run. Device time includes attempts that failed; "
            "FLOPs are those of training."
        ),
        columns=tuple(columns),
        rows=rows,
        trials=tuple(int(trial) for trial in frame["trial_id"]),
    )


def _row(context: Context, row: dict[Any, Any], factors: list[str], test: str | None) -> tuple[Cell, ...]:
    trial = int(row["trial_id"])
    levels = [_level_cell(row[name]) for name in factors] or [Cell(context.configurations[trial])]
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
        number_cell(row["flops"], wording.si(row["flops"])),
    )


def _level_cell(value: Any) -> Cell:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(wording.level_text(value), float(value) if number and math.isfinite(value) else None)


def _numeric(context: Context, factor: str) -> bool:
    levels: pd.Series[Any] = context.trials[context.data.column(factor)].dropna()
    return bool(len(levels)) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in levels)


def _capital(text: str) -> str:
    clean = wording.clean(text)
    return clean[:1].upper() + clean[1:]
