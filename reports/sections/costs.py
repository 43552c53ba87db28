"""The metric against device time and FLOPs, and the best value over the course of the study."""

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.cost import MANY, SHOWN_OF_MANY, cost_figure
from reports.figures.progress import anytime_figure, expectation_figure
from reports.sections.blocks import Block, Cell, Column, Inline, Plot, Section, Table, plain
from reports.sections.context import Context
from studies.published import Mark
from sweeper.evidence.data.load import FrameRow

LONGEST_FRONT = 15


def costs(context: Context) -> Section | None:
    """Return the section; None if no trial has a value yet."""
    drawing = cost_figure(context.trials, context.metric, context.published)
    if drawing is None:
        return None
    blocks: list[Block] = [Plot(drawing=drawing, caption=_caption(context, drawing.data))]
    if "on_front_device_seconds" in drawing.data:
        front = drawing.data[drawing.data["on_front_device_seconds"]].sort_values("device_seconds")
        blocks.append(_front(context, front))
    table = _published(context)
    blocks += [table] if table is not None else []
    blocks += _progress(context)
    return Section(anchor="cost", title=f"{wording.capital(context.metric_name)} against cost", blocks=tuple(blocks))


def _caption(context: Context, data: pd.DataFrame) -> Inline:
    text = f"Each point is a trial: its {context.metric_name} (the {context.metric.value} of the run) against "
    both = {"on_front_device_seconds", "on_front_flops"} <= set(data.columns)
    text += "all its device time (left) and its training FLOPs (right). " if both else "its cost. "
    text += "The line is the Pareto front: no trial was both cheaper and better."
    states = set(data["state"])
    if states & {"pruned", "running", "waiting"}:
        text += " Open points are trials that were pruned or have not ended."
    if "failed" in states:
        text += " Crosses are failed trials, which the front leaves out."
    if len(data) > MANY:
        text += (
            f" Shading shows the density of trials; only the best {SHOWN_OF_MANY} and the front are drawn one by one."
        )
    if data["beyond_axis"].any():
        text += " Triangles mark values beyond the edge."
    if context.published:
        others = "test perplexities of other models (see the table of published results), and " if context.marks else ""
        text += f" Dashed lines: {others}the published values with which the study's claims compare."
    return plain(text)


def _front(context: Context, front: pd.DataFrame) -> Table:
    rows = front if len(front) <= LONGEST_FRONT else front.iloc[_spread(len(front))]
    left_out = "" if len(rows) == len(front) else f" {len(rows)} of its {len(front)} trials, evenly spaced."
    return Table(
        name="front",
        caption=plain(f"The Pareto front over device time: the cost of each further improvement.{left_out}"),
        columns=(
            Column(title="Trial"),
            Column(title="Configuration"),
            Column(title="Device time", number=True),
            Column(title=wording.capital(context.metric_name), number=True),
        ),
        rows=tuple(_front_row(context, row) for row in rows.to_dict("records")),
    )


def _spread(length: int) -> list[int]:
    return sorted({round(place) for place in np.linspace(0, length - 1, LONGEST_FRONT)})


def _front_row(context: Context, row: FrameRow) -> tuple[Cell, ...]:
    trial = int(row["trial_id"])
    return (
        Cell(context.names[trial]),
        Cell(context.configurations[trial]),
        Cell(wording.duration(row["device_seconds"]), float(row["device_seconds"])),
        Cell(wording.perplexity(row["value"]), float(row["value"])),
    )


def _published(context: Context) -> Table | None:
    """Return the published results that the study names; None if it names none."""
    if not context.marks:
        return None
    return Table(
        name="published",
        caption=plain(
            "Published perplexities per word of other models, for comparison. The figure shows the test values of "
            "those marked as drawn by dashed lines. Read in: where the value was read, the source itself or a "
            "leaderboard."
        ),
        columns=(
            Column(title="Corpus"),
            Column(title="Model"),
            Column(title="Validation", number=True),
            Column(title="Test", number=True),
            Column(title="Parameters", number=True),
            Column(title="Drawn"),
            Column(title="Source"),
            Column(title="Read in"),
        ),
        rows=tuple(_published_row(mark) for mark in context.marks),
    )


def _published_row(mark: Mark) -> tuple[Cell, ...]:
    return (
        Cell(mark.corpus),
        Cell(mark.model),
        _perplexity(mark.valid),
        _perplexity(mark.test),
        Cell(wording.si(mark.parameters), mark.parameters),
        Cell("yes" if mark.drawn else "no"),
        Cell(mark.source),
        Cell(mark.read),
    )


def _perplexity(value: float | None) -> Cell:
    return Cell(wording.UNKNOWN) if value is None else Cell(wording.perplexity(value), value)


def _progress(context: Context) -> list[Block]:
    blocks: list[Block] = []
    best = anytime_figure(context.trials, context.metric)
    if best is not None:
        text = (
            f"The best {context.metric_name} so far against all device time that the study spent, "
            "including pruned and failed trials. Each point is a trial that improved it."
        )
        blocks.append(Plot(drawing=best, caption=plain(text)))
    expected = expectation_figure(_searches(context), context.metric)
    if expected is not None:
        text = (
            "Expected validation performance (Dodge et al. 2019): the expected best of n new trials of the search, "
            "plus or minus one standard deviation. Pruned and failed trials count as the worst. If a curve is still "
            "improving at its end, more trials would have helped."
        )
        blocks.append(Plot(drawing=expected, caption=plain(text)))
    return blocks


def _searches(context: Context) -> dict[str, list[float]]:
    """Return the values of each phase drawn by a sampler, NaN for trials without one."""
    found: dict[str, list[float]] = {}
    for phase in context.study.phases:
        frame = context.trials[(context.trials["phase"] == phase.name)]
        ended = frame[frame["state"].isin(["completed", "pruned", "failed"])]
        if phase.design.kind == "sampler" and (ended["state"] == "completed").any():
            found[phase.name] = ended["value"].where(ended["state"] == "completed").tolist()
    return found
