"""Device time by phase and by the results of its attempts."""

import pandas as pd

from reports import wording
from reports.figures.spending import spending_figure
from reports.sections.blocks import Block, Cell, Column, Inline, Paragraph, Plot, Section, Table, plain, rich, strong
from reports.sections.context import ENDED, Context
from reports.sections.energy import energy
from reports.sections.estimates import number_cell
from reports.sections.savings import savings
from reports.sections.titles import spending_title

SHARED = (
    "Trials that shared a GPU share its device time equally, so nothing counts twice. How long they took depends on "
    "what ran beside them: compare their durations only with those of trials that shared a GPU alike."
)
WASTED = ("crashed", "killed", "out_of_memory", "timeout", "diverged")


def ledger(context: Context) -> Section:
    """Return the section with one row per phase and their total."""
    blocks: list[Block] = [Paragraph(text=_answer(context)), _table(context)]
    spent = _spent(context)
    total = float(spent["device_seconds"].sum()) or 1.0
    shares = {str(fate): float(own["device_seconds"].sum()) / total for fate, own in spent.groupby("fate", sort=False)}
    drawing = spending_figure(spent, spending_title(shares))
    if drawing is not None:
        text = "Device time of each phase by the result of its attempts. After a lost attempt, its trial ran again."
        blocks.insert(1, Plot(drawing=drawing, caption=plain(text)))
    blocks += _sharing(context)
    blocks += energy(context)
    blocks += savings(context)
    return Section(anchor="ledger", title="Where the device time went", blocks=tuple(blocks), appendix=True)


def _sharing(context: Context) -> list[Block]:
    """Return how many trials shared a GPU, as a pilot chose, and how much they slowed each other down."""
    chosen = [packing for packing in context.data.packings if packing.number is not None]
    blocks: list[Block] = [Paragraph(text=plain(wording.clean(f"{packing.text}."))) for packing in chosen]
    if any(packing.number != 1 for packing in chosen):
        blocks.append(Paragraph(text=plain(SHARED)))
    return blocks


def _answer(context: Context) -> Inline:
    if context.is_imported:
        return plain("The trials were imported from another tool, so the device time that they took is unknown.")
    attempts = context.data.attempts
    total = context.device_seconds
    failed = attempts[attempts["exit_reason"].isin(WASTED)] if len(attempts) else attempts
    lost = float(failed["device_seconds"].sum()) if len(failed) else 0.0
    budget = context.study.device_hours
    of = f" of the {wording.device_hours(budget)} allowed" if budget is not None else ""
    return rich(
        "The study took ",
        strong(wording.duration(total)),
        f"{of}, in {wording.count(len(attempts), 'attempt')}. ",
        *_lost(lost, total),
    )


def _lost(lost: float, total: float) -> Inline:
    if not lost:
        return plain("No attempt failed.")
    return rich(
        "Attempts that crashed, were killed, ran out of memory or time, or diverged took ",
        strong(wording.duration(lost)),
        f" ({100 * lost / total:.1f}%).",
    )


def _spent(context: Context) -> pd.DataFrame:
    """Return device-seconds by phase and by the result of the attempts."""
    attempts = context.data.attempts
    if not len(attempts):
        return pd.DataFrame({"phase": [], "fate": [], "device_seconds": []})
    fates = [_fate(reason) for reason in attempts["exit_reason"]]
    named = attempts[["phase", "device_seconds"]].assign(fate=fates)
    return pd.DataFrame(named.groupby(["phase", "fate"], sort=False, as_index=False)["device_seconds"].sum())


def _fate(reason: str | None) -> str:
    if not isinstance(reason, str):
        return "not ended"
    return reason if reason in {"completed", "pruned"} else "failed or lost"


def _table(context: Context) -> Table:
    texts = ("Phase", "Design", "Budget")
    numbers = ("Trials", "Completed", "Pruned", "Failed", "Not ended", "Device time", "FLOPs")
    columns = (*(Column(title=title) for title in texts), *(Column(title=title, number=True) for title in numbers))
    rows = [
        ledger_row(
            (wording.clean(phase.name), phase.design.kind.replace("_", " "), _budgets(own)),
            own,
        )
        for phase in context.study.phases
        for own in [context.trials[context.trials["phase"] == phase.name]]
    ]
    if len(rows) > 1:
        rows.append(ledger_row(("All", "", ""), context.trials))
    return Table(
        name="ledger",
        caption=plain("A trial that several phases share is counted in the first of them."),
        columns=columns,
        rows=tuple(rows),
    )


def ledger_row(names: tuple[str, ...], frame: pd.DataFrame) -> tuple[Cell, ...]:
    """Return a row for some trials: their names, how many ended in each state, and what they cost."""
    states = frame["state"].value_counts()
    counts = [int(states.get(state, 0)) for state in ENDED]
    numbers = [len(frame), *counts, len(frame) - sum(counts)]
    seconds, flops = float(frame["device_seconds"].sum()), float(frame["flops"].sum(min_count=1))
    return (
        *(Cell(name) for name in names),
        *(Cell(wording.grouped(number), float(number)) for number in numbers),
        Cell(wording.duration(seconds), seconds),
        number_cell(flops, wording.si(flops)),
    )


def _budgets(frame: pd.DataFrame) -> str:
    return wording.listed([wording.budget(text) for text in dict.fromkeys(frame["budget"])])
