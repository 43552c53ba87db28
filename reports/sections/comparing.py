"""Two studies side by side: their best trials, the trials that they share, their fronts and their verdicts."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pandas as pd

from reports import wording
from reports.figures.cost import CostPlot, cost_figure
from reports.figures.drawing import Drawing
from reports.figures.effects_axis import Row, finding_of
from reports.figures.forest import forest_figures
from reports.sections.blocks import (
    Block,
    Cell,
    Column,
    Inline,
    Paragraph,
    Plot,
    Report,
    Section,
    Table,
    plain,
    rich,
    strong,
)
from reports.sections.context import Context, make_context
from reports.sections.costs import cost_plot, costs_differ
from reports.sections.estimates import effect_text, in_unit
from reports.sections.ledger import ledger_row
from sweeper.errors import UsageError
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.statistics.paired import Estimate, paired_t

MOST_ROWS: Final = 40
KEY: Final = ["configuration_hash", "seed", "budget"]


def comparison_report(first: StudyData, second: StudyData, now: datetime) -> Report:
    """Return the report that compares two studies.

    Raises:
        UsageError: they have different metrics.
    """
    pair = (make_context(first, now), make_context(second, now))
    if pair[0].metric != pair[1].metric:
        found = [f"{each.data.study.name} {each.metric.direction}s {each.metric.name}" for each in pair]
        raise UsageError(f"{found[0]}, but {found[1]}. Only studies with the same metric can be compared.")
    names = [wording.clean(context.data.study.name) for context in pair]
    sections = [_summary(pair), _shared(pair), _cost(pair), _claims(pair), _ledger(pair)]
    return Report(
        title=f"{names[0]} and {names[1]}",
        subtitle="",
        byline=f"Two studies compared. Report of {wording.time_text(now.timestamp())}.",
        sections=tuple(section for section in sections if section is not None),
        trials={
            trial: f"{name}, {label}"
            for name, context in zip(names, pair, strict=True)
            for trial, label in context.labels.items()
        },
    )


def _summary(pair: tuple[Context, Context]) -> Section:
    blocks: list[Block] = [Paragraph(text=_best(pair), lead=True)]
    for context in pair:
        if context.unfinished:
            name = wording.clean(context.data.study.name)
            blocks.append(Paragraph(text=plain(f"{name} is not finished: {context.unfinished} trials have not ended.")))
    return Section(anchor="summary", title="Summary", blocks=tuple(blocks))


def _best(pair: tuple[Context, Context]) -> Inline:
    values = [math.nan if context.best is None else float(context.best["value"]) for context in pair]
    names = [wording.clean(context.data.study.name) for context in pair]
    words = pair[0].metric_name
    if not all(math.isfinite(value) for value in values):
        return plain(f"The studies do not both have a {words} to compare yet.")
    log = pair[0].metric.is_log and min(values) > 0
    change = math.log(values[1] / values[0]) if log else values[1] - values[0]
    first, second = (strong(wording.perplexity(value)) for value in values)
    change_text = strong(effect_text(change, percent=log))
    return rich(
        f"The best {words} is ",
        first,
        f" in {names[0]} and ",
        second,
        f" in {names[1]}, a change of ",
        change_text,
        ".",
    )


def _shared(pair: tuple[Context, Context]) -> Section:
    """Compare the trials that both studies have: the same configuration, seed and budget."""
    both = _paired(pair)
    log = pair[0].metric.is_log
    if not len(both):
        text = "No configuration completed with the same seed and budget in both studies, so no trials can be paired."
        return Section(anchor="shared", title="Trials in both", blocks=(Paragraph(text=plain(text)),))
    whole = paired_t(both["difference"])
    low, high = (effect_text(value, percent=log) for value in whole.interval())
    interval = f" (95% interval {low} to {high})" if whole.decides else ""
    names = [wording.clean(context.data.study.name) for context in pair]
    answer = rich(
        f"{wording.count(len(both), 'trial')} completed in both studies. From {names[0]} to {names[1]} the "
        f"{pair[0].metric_name} changes by ",
        strong(effect_text(whole.value, percent=log)),
        f"{interval} on average.",
    )
    blocks: list[Block] = [Paragraph(text=answer)]
    for drawing in _forest(pair, both):
        caption = "The change of each configuration from the first study to the second, over its seeds and budgets."
        blocks.append(Plot(drawing=drawing, caption=plain(caption)))
    return Section(anchor="shared", title="Trials in both", blocks=tuple(blocks))


def _paired(pair: tuple[Context, Context]) -> pd.DataFrame:
    frames = []
    for context in pair:
        values = context.runs.measure.values
        frame = context.trials[context.trials["trial_id"].isin(list(values))]
        frames.append(frame[[*KEY, "trial_id"]].assign(y=[values[int(trial)] for trial in frame["trial_id"]]))
    both = frames[0].drop_duplicates(KEY).merge(frames[1].drop_duplicates(KEY), on=KEY, suffixes=("_first", "_second"))
    names = [pair[0].configurations[int(trial)] for trial in both["trial_id_first"]]
    return both.assign(difference=both["y_second"] - both["y_first"], configuration=names)


def _forest(pair: tuple[Context, Context], both: pd.DataFrame) -> tuple[Drawing, ...]:
    log = pair[0].metric.is_log
    rows = [
        _row(str(name), paired_t(group["difference"]), minimize=pair[0].metric.minimizes, percent=log)
        for name, group in both.groupby("configuration", sort=False)
    ]
    shown = sorted(rows, key=lambda row: -abs(row.estimate))[:MOST_ROWS]
    label = f"change of {pair[0].metric_name}" + (" (%)" if log else "")
    return forest_figures("changes", "Changes from one study to the other", shown, label, percent=log)


def _row(name: str, found: Estimate, *, minimize: bool, percent: bool) -> Row:
    low, high = found.interval()
    shown = [in_unit(value, percent=percent) for value in (found.value, low, high)]
    finding = finding_of(low, high, improves=(found.value < 0) == minimize)
    return Row(group="", label=name, estimate=shown[0], low=shown[1], high=shown[2], n=found.n, finding=finding)


def _cost(pair: tuple[Context, Context]) -> Section | None:
    plots = [cost_plot(context) for context in pair]
    names = [wording.clean(context.data.study.name) for context in pair]
    if len({plot.is_time for plot in plots}) > 1:
        plots = [cost_plot(context, is_time=True) for context in pair]
    trials = [
        plot.trials.assign(stratum=[f"{name}, {each}" if each else name for each in plot.trials["stratum"]])
        for name, plot in zip(names, plots, strict=True)
    ]
    joint = pd.concat(trials, ignore_index=True)
    both = CostPlot(
        trials=joint,
        metric=pair[0].metric,
        is_time=plots[0].is_time,
        has_front={str(name): costs_differ(own, is_time=plots[0].is_time) for name, own in joint.groupby("stratum")},
        published={name: {**pair[0].published, **pair[1].published} for name in joint["stratum"].unique()},
    )
    drawing = cost_figure(f"{wording.capital(pair[0].metric_name)} against cost in both studies", both)
    if drawing is None:
        return None
    text = "A panel for each study. Each larger point is a configuration, its mean over seeds; lines are Pareto fronts."
    title = f"{wording.capital(pair[0].metric_name)} against cost"
    return Section(anchor="cost", title=title, blocks=(Plot(drawing=drawing, caption=plain(text)),))


def _claims(pair: tuple[Context, Context]) -> Section | None:
    verdicts = [{verdict.id: verdict for verdict in context.verdicts} for context in pair]
    both = [name for name in verdicts[0] if name in verdicts[1]]
    if not both:
        return None
    names = [wording.clean(context.data.study.name) for context in pair]
    columns = [Column(title="Claim"), *(Column(title=title) for name in names for title in (name, "Effect"))]
    rows = []
    for claim in both:
        cells = [Cell(wording.clean(claim))]
        for each in verdicts:
            verdict = each[claim]
            cells += [
                Cell(verdict.words),
                Cell(effect_text(verdict.evidence.estimate, percent=verdict.is_relative)),
            ]
        rows.append(tuple(cells))
    changed = sum(verdicts[0][name].verdict != verdicts[1][name].verdict for name in both)
    table = Table(
        name="claims", caption=plain("The claims that both studies make."), columns=tuple(columns), rows=tuple(rows)
    )
    text = f"Of {wording.count(len(both), 'claim')} that both studies make, {changed} have different verdicts."
    return Section(anchor="claims", title="Verdicts", blocks=(Paragraph(text=plain(text)), table))


def _ledger(pair: Sequence[Context]) -> Section:
    titles = ("Study", "Trials", "Completed", "Pruned", "Failed", "Not ended", "Device time", "FLOPs")
    table = Table(
        name="ledger",
        caption=plain("The cost of each study."),
        columns=tuple(Column(title=title, number=place > 0) for place, title in enumerate(titles)),
        rows=tuple(ledger_row((wording.clean(context.data.study.name),), context.trials) for context in pair),
    )
    together = sum(context.device_seconds for context in pair)
    text = f"Together they took {wording.duration(together)} of device time."
    return Section(anchor="ledger", title="Device time", blocks=(Paragraph(text=plain(text)), table))
