"""How numbers, times and names read in a report."""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

MOST_DIGITS: Final = 7  # characters of a level; a drawn one is rounded where it is shown
LONGEST_LABEL: Final = 44  # characters
UNKNOWN: Final = "\u2013"
METRIC_WORDS: Final = {
    "valid_perplexity": "validation perplexity",
    "test_perplexity": "test perplexity",
    "train_perplexity": "training perplexity",
    "valid_loss": "validation loss",
    "test_loss": "test loss",
    "train_loss": "training loss",
}
PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E", "Z")
BIDIRECTIONAL: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Text that every format can hold and that reads as it is.

    Line breaks and tabs become spaces; other control characters, those that turn the direction of writing and halves
    of surrogate pairs become their escapes, e.g. ``\\x07``.
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\r\t\v\f\u2028\u2029\x85":
        return " "
    if unicodedata.category(character) in {"Cc", "Cs", "Cn"} or character in BIDIRECTIONAL:
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character


def label(text: str) -> str:
    """Text as a figure's label: clean, and cut where it would leave no room for the figure."""
    found = clean(text)
    return found if len(found) <= LONGEST_LABEL else f"{found[: LONGEST_LABEL - 1]}\u2026"


def metric_words(metric: str) -> str:
    """A metric's name as text, e.g. ``validation perplexity``."""
    return METRIC_WORDS.get(metric, metric.replace("_", " "))


def number(value: float | None, digits: int = 4) -> str:
    """A number with that many significant digits, without an exponent where it reads well without."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "\u2212∞"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4 or size >= 7:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "\u2212")
    return f"{value:,.{max(digits - 1 - size, 0)}f}".replace("-", "\u2212").replace(",", "\u202f")


def perplexity(value: float | None) -> str:
    """A perplexity or another metric: two decimals from 10 on, else four digits."""
    if value is None or not math.isfinite(value):
        return number(value)
    return number(value) if abs(value) < 10 or abs(value) >= 1e5 else f"{value:.2f}".replace("-", "\u2212")


def percent(log_difference: float, digits: int = 1) -> str:
    """A difference of logarithms as a change in percent, e.g. ``-4.9 %`` with a true minus sign."""
    if not math.isfinite(log_difference):
        return UNKNOWN
    return signed(100.0 * math.expm1(log_difference), digits) + "\u202f%"


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign and that many decimals; a true minus sign."""
    if math.isnan(value):
        return UNKNOWN
    text = f"{value:+.{digits}f}"
    return (text[1:] if float(text) == 0 else text).replace("-", "\u2212")


def si(value: float | None, unit: str = "") -> str:
    """A large number with a prefix, e.g. ``3.75 T`` and a unit."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    place = 0
    while abs(value) >= 999.5 and place < len(PREFIXES) - 1:
        value, place = value / 1000.0, place + 1
    space = "\u202f" if PREFIXES[place] or unit else ""
    return f"{value:.3g}{space}{PREFIXES[place]}{unit}"


def size(num_bytes: float | None) -> str:
    """Bytes in binary units, e.g. ``7.6 GiB``."""
    if num_bytes is None or not math.isfinite(num_bytes):
        return UNKNOWN
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if num_bytes < 1024 or unit == "TiB":
            break
        num_bytes /= 1024
    return f"{num_bytes:.3g}\u202f{unit}"


def duration(seconds: float | None) -> str:
    """A time span in the unit that suits it, e.g. ``12.5 min``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.3g}\u202fs"
    if seconds < 3600:
        return f"{seconds / 60:.3g}\u202fmin"
    return f"{number(seconds / 3600, 3)}\u202fh"


def device_hours(hours: float) -> str:
    """A budget of device time, e.g. ``1 device-hour``."""
    return f"{level(hours)} device-hour{'' if hours == 1 else 's'}"


def time_text(seconds: float | None) -> str:
    """A moment, seconds since the epoch, in UTC."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def level(value: Any) -> str:
    """A factor's level as a study file would have it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = f"{value:.6g}"
        return text if len(text) <= MOST_DIGITS else f"{value:.4g}"
    return clean(str(value))


def budget(text: str) -> str:
    """A budget, from its canonical JSON, e.g. ``300 steps``."""
    try:
        document = json.loads(text)
    except ValueError:
        return clean(text)
    words = {"reference_hours": "reference hours"}
    return ", ".join(f"{number_of(amount)} {words.get(unit, unit)}" for unit, amount in document.items())


def number_of(amount: Any) -> str:
    """A count with thin spaces between its thousands; other values as text."""
    if isinstance(amount, int) and not isinstance(amount, bool):
        return f"{amount:,}".replace(",", "\u202f")
    return level(amount)


def configuration(levels: Mapping[str, Any], baseline: Mapping[str, Any]) -> str:
    """A configuration by what it changes, e.g. ``depth = 4``; ``baseline`` where that is nothing."""
    changed = [
        f"{clean(name)} = {level(value)}"
        for name, value in levels.items()
        if value is not None and not same_level(value, baseline.get(name))
    ]
    return ", ".join(changed) or "baseline"


def same_level(one: Any, other: Any) -> bool:
    """Whether two levels are the same: 0 and 0.0 are, 0 and false are not."""
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)


def count(num: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun, e.g. ``1 trial`` and ``3 trials``."""
    return f"{number_of(num)} {noun if num == 1 else plural or noun + 's'}"


def listed(names: list[str]) -> str:
    """Names as a list in words: ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def slug(text: str) -> str:
    """A name for files and anchors: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
