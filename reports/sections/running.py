"""What runs as the report is made: the trials of a study that has not ended."""

import math
from collections.abc import Mapping

import pandas as pd

from reports import wording
from reports.sections.blocks import Cell, Column, Inline, Paragraph, Section, Table, plain, rich, strong
from reports.sections.context import Context
from reports.sections.estimates import number_cell
from reports.sections.strata import stratum_cells, stratum_columns
from sweeper.evidence.data.load import FrameRow


def running(context: Context) -> Section | None:
    """Return the section with one row per running trial; None if none runs."""
    attempts = _attempts(context)
    if not len(attempts):
        return None
    return Section(
        anchor="running",
        title="Running now",
        blocks=(Paragraph(text=_answer(context, len(attempts)), lead=True), _table(context, attempts)),
    )


def _attempts(context: Context) -> pd.DataFrame:
    """Return the attempts that have not ended, of trials that run."""
    attempts, trials = context.data.attempts, context.trials
    if not len(attempts):
        return attempts
    live = set(trials.loc[trials["state"] == "running", "trial_id"])
    return attempts[attempts["ended_at"].isna() & attempts["trial_id"].isin(live)]


def _answer(context: Context, number: int) -> Inline:
    ended = len(context.trials) - context.unfinished
    waiting = context.unfinished - number
    runs = "1 runs" if number == 1 else f"{number} run"
    waits = "1 waits" if waiting == 1 else f"{wording.grouped(waiting)} wait"
    return rich(
        strong(f"{wording.grouped(ended)} of {wording.count(len(context.trials), 'trial')} have ended"),
        f"; {runs} now and {waits}. Of a running trial, times and values are those of its last report.",
    )


def _table(context: Context, attempts: pd.DataFrame) -> Table:
    columns = (
        Column(title="Trial"),
        *stratum_columns(context),
        Column(title="Changes from the baseline"),
        Column(title="Seed", number=True),
        Column(title="Slot"),
        Column(title="Attempt", number=True),
        Column(title="Running for", number=True),
        Column(title="Step", number=True),
        Column(title=wording.capital(context.metric_name), number=True),
    )
    seeds = dict(zip(context.trials["trial_id"], context.trials["seed"], strict=True))
    rows = [_row(context, row, seeds) for row in attempts.to_dict("records")]
    return Table(
        name="running",
        caption=plain("The trials that run as this page is made."),
        columns=columns,
        rows=tuple(rows),
    )


def _row(context: Context, attempt: FrameRow, seeds: Mapping[int, int]) -> tuple[Cell, ...]:
    trial = int(attempt["trial_id"])
    seconds = max(0.0, float(attempt["heartbeat_at"]) - float(attempt["started_at"]))
    curve = context.data.curves(context.metric.name).get(trial)
    step = curve.steps[-1] if curve is not None else None
    value = math.nan if curve is None else context.metric.value.so_far(curve.values, context.metric.direction)
    return (
        Cell(context.names[trial]),
        *stratum_cells(context, context.stratum_of.get(trial, "")),
        Cell(context.arms[trial]),
        Cell(str(seeds[trial]), float(seeds[trial])),
        Cell(wording.clean(str(attempt["slot"]))),
        Cell(str(attempt["attempt"]), float(attempt["attempt"])),
        Cell(wording.duration(seconds), seconds),
        number_cell(
            math.nan if step is None else float(step), wording.UNKNOWN if step is None else wording.grouped(step)
        ),
        number_cell(value, wording.perplexity(value)),
    )
