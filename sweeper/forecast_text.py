"""A forecast for people: a table of phases, and what else is worth knowing before a launch."""

from typing import Final

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from sweeper.designs.fractional import Aliasing
from sweeper.forecast import Forecast
from sweeper.predict import Prediction

MOST_CHAINS: Final = 12
FULL_WIDTH: Final = 100
BASES: Final = {
    "pilot": "a pilot's runs",
    "history": "runs in the store",
    "reference_hours": "the study's reference hours",
    "operations": "operations over an assumed rate",
}


def forecast_parts(found: Forecast, *, width: int) -> list[RenderableType]:
    """What `sweeper plan` prints, part by part, for so many columns of text."""
    parts: list[RenderableType] = [_table(found, in_full=width >= FULL_WIDTH), *map(escape, _totals(found))]
    for phase in found.phases:
        if phase.aliasing is not None:
            parts += ["", *map(escape, _aliasing(phase.name, phase.aliasing))]
        if phase.design == "plackett_burman":
            parts += ["", escape(f"{phase.name}: each main effect is mixed up with parts of two-factor interactions.")]
    if found.claims:
        parts += ["", *map(escape, _claims(found))]
    return parts


def _table(found: Forecast, *, in_full: bool) -> Table:
    """A row a phase; narrow terminals get less of each."""
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
    table.add_column("between", justify="right", footer=_interval(found.whole), no_wrap=True)
    for phase in found.phases:
        many = "drawn later" if phase.configurations is None else f"{phase.configurations:,}"
        full = [many, f"{phase.seeds}", f"{phase.shared or ''}"] if in_full else []
        hours, interval = (_hours(phase.whole), _interval(phase.whole)) if phase.trials else ("0", "")
        name = escape(phase.name)
        table.add_row(name, phase.design, *full, f"{phase.trials:,}", phase.budget, hours, interval)
    return table


def _hours(prediction: Prediction | None) -> str:
    return "unknown" if prediction is None else _number(prediction.seconds / 3600)


def _interval(prediction: Prediction | None) -> str:
    return "" if prediction is None else f"{_number(prediction.low / 3600)} to {_number(prediction.high / 3600)}"


def _number(hours: float) -> str:
    return f"{hours:,.1f}" if hours >= 99.95 else f"{hours:.3g}"


def _totals(found: Forecast) -> list[str]:
    bases = sorted({basis for phase in found.phases for basis in phase.bases})
    lines = [""]
    if bases:
        lines.append(f"Device-hours from {', '.join(BASES[basis] for basis in bases)}.")
    if not found.is_known:
        lines.append("The program has not run yet, so nothing is known of how long it takes. A pilot tells: --pilot.")
    slots = f"{found.slots} slot{'s' if found.slots > 1 else ''}{f' ({found.slots_note})' if found.slots_note else ''}"
    if found.finish_s is not None:
        lines.append(f"On {slots} it ends {duration(found.finish_s)} after it starts.")
    if found.cap_device_hours is not None:
        lines.append(_cap(found, found.cap_device_hours))
    if found.footprint is not None:
        measured = "Measured" if found.footprint.measured else "Estimated"
        of_memory = f"{_size(found.footprint.memory)} of memory a trial, and " if found.footprint.memory else ""
        lines.append(f"{measured}: {of_memory}{_size(found.footprint.disk)} of disk for all.")
    return lines


def _size(number: float) -> str:
    """Bytes as people say them: 0.34 GB, 12 MB, 3 kB."""
    for unit, least, size in (("GB", 1e8, 1e9), ("MB", 1e5, 1e6)):
        if number >= least:
            return f"{number / size:.2g} {unit}"
    return f"{number / 1e3:.2g} kB"


def _cap(found: Forecast, cap: float) -> str:
    text = f"The budget is {cap:g} device-hours"
    if found.whole is None:
        return f"{text}."
    if found.whole.low / 3600 > cap:
        return f"{text}, which is too little: launch refuses it."
    if found.whole.high / 3600 > cap:
        return f"{text}, which may be too little."
    return f"{text}, which is enough."


def _aliasing(name: str, mixed: Aliasing) -> list[str]:
    if mixed.resolution is None:
        return [f"{name}: {mixed.runs} configurations, the full factorial: nothing is mixed up."]
    lines = [f"{name}: {mixed.runs} configurations, resolution {mixed.resolution}."]
    more = f" = … ({len(mixed.relation) - MOST_CHAINS} more)" if len(mixed.relation) > MOST_CHAINS else ""
    lines.append(f"  I = {' = '.join(mixed.relation[:MOST_CHAINS])}{more}")
    if not mixed.chains:
        lines.append("  Main effects and two-factor interactions are clear of each other.")
        return lines
    lines += [f"  {chain}" for chain in mixed.chains[:MOST_CHAINS]]
    if len(mixed.chains) > MOST_CHAINS:
        lines.append(f"  … and {len(mixed.chains) - MOST_CHAINS} chains more (--json has them all)")
    return lines


def _claims(found: Forecast) -> list[str]:
    can = [claim for claim in found.claims if claim.testable]
    lines = [f"{len(can)} of {len(found.claims)} claims can be tested:"]
    for claim in found.claims:
        mark = "yes" if claim.testable else "NO "
        pairs = f"on {claim.pairs} pairs" if claim.testable and claim.pairs is not None else claim.reason
        lines.append(f"  {mark}  {claim.claim}: {pairs}")
    return lines


def duration(seconds: float) -> str:
    """A time span in words: 45 s, 12 min, 3.5 h, 4.2 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
