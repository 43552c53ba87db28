"""What a study cost beyond device time: the energy that counters showed, and money."""

import math
from typing import Final

from reports import wording
from reports.sections.blocks import Block, Cell, Column, Paragraph, Table, plain, rich, strong
from reports.sections.context import Context
from reports.sections.estimates import number_cell
from sweeper.evidence.data.energy import EnergyUse, energy_use, with_shares

LEAST_CENTS: Final = 0.995  # of money: less is written with two digits
ALL: Final = 0.995  # of the device time: a note names a smaller share
COUNTED: Final = (
    "Energy is what the counters of the processors (RAPL) and of the GPUs (NVML) showed while attempts ran, without "
    "the rest of the machine. A counter is of all processors of a machine, or of a whole GPU: other programs and idle "
    "time count too, and attempts of this study that ran on one at the same time share it equally."
)


def energy(context: Context) -> list[Block]:
    """Return what the ledger says of energy and money; nothing if neither is known."""
    attempts = with_shares(context.data.attempts)
    whole, price = energy_use(attempts), context.study.price
    if context.is_imported or (price is None and not whole.is_known):
        return []
    blocks: list[Block] = []
    if price is not None:
        costs = price.text(context.device_seconds / 3600)
        rate = f" at {price} per device-hour, including failed attempts."
        blocks.append(Paragraph(text=rich("It cost ", strong(wording.clean(costs)), wording.clean(rate))))
    if whole.is_known:
        blocks.append(Paragraph(text=rich("It took ", strong(_kwh(whole)), f"{_unknown(whole)}. {COUNTED}")))
    if len(context.study.phases) > 1:
        blocks.append(_table(context, whole))
    return blocks


def _kwh(found: EnergyUse) -> str:
    parts = [
        f"{number(value)} kWh of {what}"
        for value, what in ((found.cpu_kwh, "processors"), (found.gpu_kwh, "GPUs"))
        if math.isfinite(value)
    ]
    return " and ".join(parts)


def number(kwh: float) -> str:
    """Format kilowatt-hours with three significant digits."""
    return f"{kwh:.3g}" if kwh < 1000 else f"{kwh:,.0f}".replace(",", "\u202f")


def _unknown(found: EnergyUse) -> str:
    """Return for what part of the device time that is not known; empty if it is known for all of it."""
    shares = [
        f"{100 * share:.0f}% of the device time{what}"
        for share, value, what in (
            (found.cpu_share, found.cpu_kwh, ""),
            (found.gpu_share, found.gpu_kwh, " on GPUs"),
        )
        if math.isfinite(value) and share < ALL
    ]
    return f", known for {' and '.join(shares)}" if shares else ""


def _table(context: Context, whole: EnergyUse) -> Table:
    """Return the table with one row per phase and their total."""
    trials = context.trials
    attempts = with_shares(context.data.attempts)
    has_cpu, has_gpu = math.isfinite(whole.cpu_kwh), math.isfinite(whole.gpu_kwh)
    titles = [
        "Device time",
        *(["Processors, kWh"] if has_cpu else []),
        *(["GPUs, kWh"] if has_gpu else []),
        *cost_heads(context),
    ]
    rows = []
    for name in (*(phase.name for phase in context.study.phases), None):
        own = attempts if name is None else attempts[attempts["phase"] == name]
        mine = trials if name is None else trials[trials["phase"] == name]
        seconds, used = float(mine["device_seconds"].sum()), energy_use(own)
        rows.append(
            (
                Cell("All" if name is None else wording.clean(name)),
                Cell(wording.duration(seconds), seconds),
                *([_kwh_cell(used.cpu_kwh)] if has_cpu else []),
                *([_kwh_cell(used.gpu_kwh)] if has_gpu else []),
                *cost_cells(context, seconds),
            )
        )
    return Table(
        name="energy-and-cost",
        caption=plain("Energy and cost of each phase; a trial that several phases share is counted in the first."),
        columns=(Column(title="Phase"), *(Column(title=title, number=True) for title in titles)),
        rows=tuple(rows),
    )


def cost_heads(context: Context) -> list[str]:
    """Return the heading of a column of money; none if the study has no price."""
    price = context.study.price
    if price is None or context.is_imported:
        return []
    return [wording.clean(f"Cost, {price.currency}" if price.currency else "Cost")]


def cost_cells(context: Context, device_seconds: float) -> list[Cell]:
    """Return the cell of that column for some device time."""
    if not cost_heads(context):
        return []
    assert context.study.price is not None
    amount = context.study.price.of(device_seconds / 3600)
    text = f"{amount:,.2f}".replace(",", "\u202f") if amount >= LEAST_CENTS or amount == 0 else f"{amount:.2g}"
    return [number_cell(amount, text)]


def _kwh_cell(value: float) -> Cell:
    return number_cell(value, number(value) if math.isfinite(value) else None)
