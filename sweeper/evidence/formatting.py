"""Numbers, times and names as text, for verdicts and reports alike."""

import json
import math
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sweeper.designs.levels import unmistakable

MOST_DIGITS: Final = 7  # characters of a level; a drawn one is rounded where it is shown
UNKNOWN: Final = "\u2013"
OWN_LENGTH: Final = "its own length"  # of a run without a budget
METRIC_NAMES: Final = {
    "valid_perplexity": "validation perplexity",
    "test_perplexity": "test perplexity",
    "train_perplexity": "training perplexity",
    "valid_loss": "validation loss",
    "test_loss": "test loss",
    "train_loss": "training loss",
}
LONGEST: Final = 1e15  # numbers from here on are powers of ten
MOST_DECIMALS: Final = 9  # a difference with more of them is a power of ten
SIGNIFICANT: Final = 2  # decimals of a power of ten
LARGEST_LOG: Final = math.log(1e300)
BIDIRECTIONAL: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Return text that every format can hold and that reads as it is.

    Line breaks and tabs become spaces. Other control characters, those that change the direction of writing, and
    halves of surrogate pairs become their escapes, e.g. ``\\x07``.
    """
    if text.isprintable():  # as nearly all text is
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\r\t\v\f\u2028\u2029\x85":
        return " "
    if unicodedata.category(character) in {"Cc", "Cs", "Cn"} or character in BIDIRECTIONAL:
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character


def metric_name(metric: str) -> str:
    """Return a metric's name in plain English, e.g. ``validation perplexity``."""
    return METRIC_NAMES.get(metric, clean(metric.replace("_", " ")))


def number(value: float | None, digits: int = 4) -> str:
    """Format a number with N significant digits, without an exponent where it reads well without one."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "\u2212∞"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4 or size >= 7:
        return _power_of_ten(f"{value:.{digits - 1}e}")
    return f"{value:,.{max(digits - 1 - size, 0)}f}".replace("-", "\u2212").replace(",", "\u202f")


def percent(log_difference: float, digits: int = 1) -> str:
    """Format a difference of logarithms as a change in percent, e.g. ``-4.9%`` with a true minus sign."""
    if not math.isfinite(log_difference):
        return UNKNOWN
    if log_difference < LARGEST_LOG:
        return signed(100.0 * math.expm1(log_difference), digits) + "%"
    exponent, rest = divmod(log_difference / math.log(10.0) + 2.0, 1.0)  # beyond the largest float, 1.8e308
    return _power_of_ten(f"{10.0**rest:+.{SIGNIFICANT}f}e{int(exponent)}") + "%"


def signed(value: float, digits: int = 3) -> str:
    """Format a number with its sign and N decimals; a true minus sign.

    Powers of ten stand for what is very large, or would need many decimals.
    """
    if math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "+\u221e" if value > 0 else "\u2212\u221e"
    if abs(value) >= LONGEST or (digits > MOST_DECIMALS and value != 0):
        return _power_of_ten(f"{value:+.{SIGNIFICANT}e}")
    text = f"{value:+.{digits}f}"
    return (text[1:] if float(text) == 0 else text).replace("-", "\u2212")


def _power_of_ten(text: str) -> str:
    """Return a number in Python's scientific notation without a padded exponent and with true minus signs."""
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "\u2212")


def time_text(seconds: float | None) -> str:
    """Format a time, in seconds since the epoch, in UTC."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def level_text(value: object) -> str:
    """Format a factor's level as a study file writes it; numbers that a sampler drew are rounded."""
    if value is None or isinstance(value, bool | list | dict):
        return clean(json.dumps(value, ensure_ascii=False, sort_keys=True))
    if isinstance(value, float):
        text = f"{value:.6g}"
        return text if len(text) <= MOST_DIGITS else f"{value:.4g}"
    return clean(unmistakable(value) if isinstance(value, str) else str(value))


def grouped(amount: object) -> str:
    """Format a whole number with thin spaces between its thousands; other values as levels."""
    if isinstance(amount, int) and not isinstance(amount, bool):
        return f"{amount:,}".replace(",", "\u202f")
    return level_text(amount)


def budget(text: str) -> str:
    """Format a budget, given as canonical JSON, e.g. ``300 steps``."""
    try:
        document = json.loads(text)
    except ValueError:
        return clean(text)
    if list(document) == ["runs"]:
        return OWN_LENGTH
    return ", ".join(_amount(amount, unit.replace("_", " ")) for unit, amount in document.items())


def _amount(amount: object, unit: str) -> str:
    """Format an amount with its unit, which is a plural: ``6 epochs``, whether counted as 6 or 6.0, but ``1 step``."""
    whole = int(amount) if isinstance(amount, float) and amount.is_integer() else amount
    return f"{grouped(whole)} {unit.removesuffix('s') if whole == 1 else unit}"


def count(num: int, noun: str, plural: str | None = None) -> str:
    """Format a count with its noun, e.g. ``1 trial`` and ``3 trials``."""
    return f"{grouped(num)} {noun if num == 1 else plural or noun + 's'}"


def listed(names: Sequence[str]) -> str:
    """Join names into a list: ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def listed_some(names: Sequence[str], most: int = 4) -> str:
    """Join names into a list, of many the first few: ``a, b, c, d and 5 more``."""
    more = len(names) - most
    return listed(names) if more <= 1 else listed([*names[:most], f"{more} more"])
