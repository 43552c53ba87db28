"""Numbers, budgets and configurations as a report prints them."""

import math
import re
from collections.abc import Mapping
from typing import Final

from sweeper.evidence.data.cells import Level, same_level
from sweeper.evidence.formatting import (
    OWN_LENGTH,
    UNKNOWN,
    budget,
    clean,
    count,
    grouped,
    level_text,
    listed,
    metric_name,
    number,
    percent,
    signed,
    time_text,
)

__all__ = [
    "OWN_LENGTH",
    "UNKNOWN",
    "brief",
    "budget",
    "capital",
    "changed",
    "clean",
    "configuration",
    "count",
    "device_hours",
    "duration",
    "grouped",
    "label",
    "level_text",
    "listed",
    "metric_name",
    "number",
    "percent",
    "perplexity",
    "runs_text",
    "si",
    "signed",
    "size",
    "slug",
    "time_text",
]

LONGEST_LABEL: Final = 44  # characters
LONGEST_NAME: Final = 100  # characters of a configuration in running text
LONGEST_PART: Final = 28  # of a factor or a level in a configuration that is longer than that
KEPT_END: Final = 8  # characters at its end
PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E", "Z")


def label(text: str) -> str:
    """Return text as a figure's label: clean, and cut before its unit where it would leave no room for the rest."""
    found = clean(text)
    unit = " (%)" if found.endswith(" (%)") else ""
    return _cut(found.removesuffix(unit), LONGEST_LABEL - len(unit)) + unit


def perplexity(value: float | None) -> str:
    """Format a perplexity or another metric: two decimals from 10 on, else four digits."""
    if value is None or not math.isfinite(value):
        return number(value)
    return number(value) if abs(value) < 10 or abs(value) >= 1e5 else f"{value:.2f}".replace("-", "\u2212")


def si(value: float | None, unit: str = "") -> str:
    """Format a large number with a prefix, e.g. ``3.75 T``, and a unit."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    power = 0
    while abs(value) >= 999.5 and power < len(PREFIXES) - 1:
        value, power = value / 1000.0, power + 1
    space = "\u202f" if PREFIXES[power] or unit else ""
    return f"{value:.3g}{space}{PREFIXES[power]}{unit}"


def size(num_bytes: float | None) -> str:
    """Format bytes in binary units, e.g. ``7.6 GiB``."""
    if num_bytes is None or not math.isfinite(num_bytes):
        return UNKNOWN
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if num_bytes < 1024 or unit == "TiB":
            break
        num_bytes /= 1024
    return f"{num_bytes:.3g}\u202f{unit}"


def duration(seconds: float | None) -> str:
    """Format a duration in the unit that suits it, e.g. ``12.5 min``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.3g}\u202fs"
    if seconds < 3600:
        return f"{seconds / 60:.3g}\u202fmin"
    return f"{number(seconds / 3600, 3)}\u202fh"


def device_hours(hours: float) -> str:
    """Format a budget of device time, e.g. ``1 device-hour``."""
    return f"{level_text(hours)} device-hour{'' if hours == 1 else 's'}"


def changed(levels: Mapping[str, Level], baseline: Mapping[str, Level]) -> dict[str, Level]:
    """Return the levels of a configuration that differ from the baseline."""
    return {name: level for name, level in levels.items() if not same_level(level, baseline.get(name))}


def configuration(levels: Mapping[str, Level], baseline: Mapping[str, Level]) -> str:
    """Describe a configuration by its changes, e.g. ``depth = 4``; ``baseline`` if there are none."""
    changes = (f"{clean(name)} = {level_text(level)}" for name, level in changed(levels, baseline).items())
    return ", ".join(changes) or "baseline"


def brief(name: str) -> str:
    """Return a configuration's name for running text: long names and levels are cut, and few of many changes named.

    Tables and data have the whole name.
    """
    if len(name) <= LONGEST_NAME:
        return name
    changes = re.split(r", (?=[^,=]+ = )", name)  # levels such as [1, 2] have commas too
    parts = [" = ".join(_shortened(each) for each in change.split(" = ", 1)) for change in changes]
    kept = 1
    while kept < len(parts) and len(", ".join(parts[: kept + 1])) <= LONGEST_NAME:
        kept += 1
    rest = len(parts) - kept
    return ", ".join(parts[:kept]) + (f" and {count(rest, 'more change')}" if rest else "")


def _shortened(text: str) -> str:
    """Return a name or a level with its beginning and its end, by which many long ones differ."""
    return text if len(text) <= LONGEST_PART else f"{text[: LONGEST_PART - KEPT_END - 1]}\u2026{text[-KEPT_END:]}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def runs_text(completed: int, lost: int) -> str:
    """Format how many runs a mean rests on, and of how many: ``4``, or ``3 of 4`` where one is lost."""
    return f"{completed} of {completed + lost}" if lost else str(completed)


def capital(text: str) -> str:
    """Return text with a capital first letter."""
    return text[:1].upper() + text[1:]


def slug(text: str) -> str:
    """Return a name for files and anchors: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
