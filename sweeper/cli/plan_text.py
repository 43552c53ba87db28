"""A forecast as text: a table of phases, and what else to know before a launch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from sweeper.designs.fractional import Aliasing
from sweeper.forecast.forecast import Forecast
from sweeper.forecast.trial_seconds import Basis, Prediction
from sweeper.quantities import byte_size, counted, device_hours, duration, hours
from sweeper.spec.price import Price

MOST_CHAINS: Final = 12
FULL_WIDTH: Final = 100
BASES: Final[Mapping[Basis, str]] = {
    "pilot": "a pilot's runs",
    "history": "runs in the store",
    "reference_hours": "the study's reference hours",
    "operations": "operations at an assumed rate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerShown:
    """What the claims of a plan can detect, ready to print.

    Attributes:
        claims: the claims that the tables have.
        remarks: by claim why no power is computed.
        document: the same as JSON.
        notes: warnings about claims.
    """

    claims: frozenset[str]
    remarks: Mapping[str, str]
    tables: Sequence[RenderableType]
    document: Mapping[str, object]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsShown:
    """What a study takes until its claims are decided, ready to print.

    Attributes:
        document: the same as JSON.
        budget: what its budget means for the claims; empty if that is the same as for fixed seeds.
    """

    parts: Sequence[RenderableType]
    document: Mapping[str, object]
    budget: str


def forecast_parts(
    found: Forecast, power: PowerShown | None = None, decisions: DecisionsShown | None = None, *, width: int
) -> list[RenderableType]:
    """Return what `sweeper plan` prints, part by part, for a terminal of this width."""
    in_full = width >= FULL_WIDTH
    parts: list[RenderableType] = [_table(found, in_full=in_full), *map(escape, _totals(found, decisions))]
    if not in_full:
        parts.append(f"A terminal of {FULL_WIDTH} columns also shows configurations, seeds and shared trials.")
    for phase in found.phases:
        if phase.aliasing is not None:
            parts += ["", *map(escape, _aliasing(phase.name, phase.aliasing))]
        if phase.design == "plackett_burman":
            parts += ["", escape(f"{phase.name}: each main effect is partially aliased with two-factor interactions.")]
    if found.claims:
        parts += ["", *map(escape, _claims(found, power))]
    if decisions is not None:
        parts += decisions.parts
    if power is not None:
        parts += power.tables
    if found.notes:
        parts += ["", *(escape(f"Warning: {note}") for note in found.notes)]
    return parts


def _table(found: Forecast, *, in_full: bool) -> Table:
    """Return a table with one row per phase; narrow terminals get fewer columns."""
    several = len(found.phases) > 1
    table = Table(box=None, pad_edge=False, header_style="bold", footer_style="bold", show_footer=several)
    table.add_column("phase", footer="all", overflow="fold")
    table.add_column("design", no_wrap=True)
    if in_full:
        for name in ("configurations", "seeds", "shared"):
            table.add_column(name, justify="right", no_wrap=True)
    table.add_column("trials", justify="right", footer=f"{found.trials:,}", no_wrap=True)
    table.add_column("budget", justify="right", no_wrap=True)
    table.add_column("device-hours", justify="right", footer=_hours(found.whole), no_wrap=True)
    table.add_column("interval", justify="right", footer=_interval(found.whole), no_wrap=True)
    for phase in found.phases:
        configurations = "drawn later" if phase.configurations is None else f"{phase.configurations:,}"
        full = [configurations, f"{phase.seeds}", f"{phase.shared or ''}"] if in_full else []
        predicted = (_hours(phase.whole), _interval(phase.whole)) if phase.trials else ("0", "")
        name = escape(phase.name)
        table.add_row(name, phase.design, *full, f"{phase.trials:,}", phase.budget, *predicted)
    return table


def _hours(prediction: Prediction | None) -> str:
    return "unknown" if prediction is None else hours(prediction.seconds / 3600)


def _interval(prediction: Prediction | None) -> str:
    return "" if prediction is None else f"{hours(prediction.low / 3600)} to {hours(prediction.high / 3600)}"


def _totals(found: Forecast, decisions: DecisionsShown | None) -> list[str]:
    bases = sorted({basis for phase in found.phases for basis in phase.bases})
    lines = [""]
    if bases:
        lines.append(f"Device-hours predicted from {', '.join(BASES[basis] for basis in bases)}.")
    if found.price is not None and found.trials:
        lines.append(_costs(found, found.price))
    if found.watts is not None and found.kwh is not None:
        lines.append(f"In its attempts so far, a device took {found.watts:.3g} W: that makes {found.kwh:.3g} kWh.")
    if not found.is_known:
        lines.append("The program's run time is unknown, as no trial has completed; measure it with --pilot.")
    lines += [f"{packing.text}." for packing in found.packings]
    if found.packing_note:
        lines.append(found.packing_note)
    slots = f"{counted(found.slots, 'slot')}{f' ({found.slots_note})' if found.slots_note else ''}"
    if found.finish_s is not None:
        ends = duration(found.finish_s)
        of_all = f"the study ends {ends} after it starts"
        lines.append(f"On {slots}, {of_all if decisions is None else f'the first seeds take {ends}'}.")
    if decisions is not None and decisions.budget:
        lines.append(decisions.budget)
    elif found.cap_device_hours is not None:
        lines.append(_cap(found, found.cap_device_hours))
    if found.footprint is not None:
        measured = "Measured" if found.footprint.measured else "Estimated"
        memory = f"{byte_size(found.footprint.memory)} of memory per trial, " if found.footprint.memory else ""
        lines.append(f"{measured}: {memory}{byte_size(found.footprint.disk)} of disk space in total.")
    return lines


def _costs(found: Forecast, price: Price) -> str:
    """Return what a plan costs; what is known of it if the run time of some trials is not."""
    rate = f"At {price} per device-hour,"
    if found.whole is not None and found.is_known:
        low, high = (price.text(seconds / 3600) for seconds in (found.whole.low, found.whole.high))
        return f"{rate} that costs {price.text(found.whole.seconds / 3600)} ({low} to {high})."
    unknown = sum(phase.trials for phase in found.phases if not phase.is_known)
    minute = f"each device-minute of a trial costs {price.text(unknown / 60)} over {counted(unknown, 'trial')}"
    known = f", beside {price.text(found.device_hours)} for the other phases" if found.device_hours else ""
    cap = (
        "" if found.cap_device_hours is None else f"; the budget caps the cost at {price.text(found.cap_device_hours)}"
    )
    return f"{rate} {minute}{known}{cap}."


def _cap(found: Forecast, cap: float) -> str:
    text = f"The budget is {device_hours(cap)}"
    if found.whole is None:
        return f"{text}."
    if found.whole.low / 3600 > cap:
        return f"{text}, which is too little; `sweeper launch` refuses it."
    if found.whole.high / 3600 > cap:
        return f"{text}, which may be too little."
    return f"{text}, which is enough."


def _aliasing(name: str, found: Aliasing) -> list[str]:
    if found.resolution is None:
        return [f"{name}: {found.runs} configurations, the full factorial: no effects are aliased."]
    lines = [f"{name}: {found.runs} configurations, resolution {found.resolution}."]
    more = f" = … ({len(found.relation) - MOST_CHAINS} more)" if len(found.relation) > MOST_CHAINS else ""
    lines.append(f"  I = {' = '.join(found.relation[:MOST_CHAINS])}{more}")
    if not found.chains:
        lines.append("  Main effects and two-factor interactions are not aliased with each other.")
        return lines
    lines += [f"  {chain}" for chain in found.chains[:MOST_CHAINS]]
    if len(found.chains) > MOST_CHAINS:
        lines.append(f"  … and {len(found.chains) - MOST_CHAINS} more chains (--json has all of them)")
    return lines


def _claims(found: Forecast, power: PowerShown | None) -> list[str]:
    """Return which claims can be tested; those that a table of their own shows need no line here."""
    num_testable = sum(claim.is_testable for claim in found.claims)
    lines = [f"{num_testable} of {counted(len(found.claims), 'claim')} can be tested:"]
    for claim in found.claims:
        if power is not None and claim.claim in power.claims:
            continue
        mark = "yes" if claim.is_testable else "NO "
        remark = "" if power is None or claim.reason else power.remarks.get(claim.claim, "")
        pairs = f"on {counted(claim.pairs, 'pair')}" if claim.is_testable and claim.pairs is not None else claim.reason
        lines.append(f"  {mark}  {claim.claim}: {pairs}{f'; {remark}' if remark else ''}")
    return lines if len(lines) > 1 else [f"{lines[0].removesuffix(':')}."]
