"""What a study cost beyond device time: the energy that counters showed, and money."""

import math
from typing import Final

from reports import wording
from reports.sections.blocks import Block, Cell, Column, Paragraph, Table, plain, rich, strong
from reports.sections.context import Context
from reports.sections.estimates import number_cell
from sweeper.evidence.data.energy import EnergyUse, energy_use, with_shares

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
    price, trials = context.study.price, context.trials
    attempts = with_shares(context.data.attempts)
    has_cpu, has_gpu = math.isfinite(whole.cpu_kwh), math.isfinite(whole.gpu_kwh)
    titles = [
        "Device time",
        *(["Processors, kWh"] if has_cpu else []),
        *(["GPUs, kWh"] if has_gpu else []),
        *([wording.clean(f"Cost, {price.currency}" if price.currency else "Cost")] if price is not None else []),
    ]
    rows = []
    for name in (*(phase.name for phase in context.study.phases), None):
        own = attempts if name is None else attempts[attempts["phase"] == name]
        mine = trials if name is None else trials[trials["phase"] == name]
        seconds, used = float(mine["device_seconds"].sum()), energy_use(own)
        money = None if price is None else price.of(seconds / 3600)
        rows.append(
            (
                Cell("All" if name is None else wording.clean(name)),
                Cell(wording.duration(seconds), seconds),
                *([_kwh_cell(used.cpu_kwh)] if has_cpu else []),
                *([_kwh_cell(used.gpu_kwh)] if has_gpu else []),
                *([] if money is None else [number_cell(money, f"{money:,.2f}".replace(",", "\u202f"))]),
            )
        )
    return Table(
        name="energy-and-cost",
        caption=plain("Energy and cost of each phase; a trial that several phases share is counted in the first."),
        columns=(Column(title="Phase"), *(Column(title=title, number=True) for title in titles)),
        rows=tuple(rows),
    )


def _kwh_cell(value: float) -> Cell:
    return number_cell(value, number(value) if math.isfinite(value) else None)
