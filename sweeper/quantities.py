"""Format counts, device-hours, durations and sizes for people."""

from decimal import Decimal


def counted(number: float, noun: str) -> str:
    """Return a count with its noun: 1 trial, 3 trials, 1,234 trials."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def hours(number: float) -> str:
    """Return hours with three significant digits, or one decimal if that is more: 0.000069, 0.25, 12.3, 1,234.5."""
    if abs(number) >= 99.95:
        return f"{number:,.1f}".removesuffix(".0")
    return _digits(number, 3)


def device_hours(number: float) -> str:
    """Return device time with its unit: 0.25 device-hours, 1 device-hour."""
    text = hours(number)
    return f"{text} device-hour{'' if text == '1' else 's'}"


def duration(seconds: float) -> str:
    """Return a duration: 0.4 s, 45 s, 3 min, 2 h 5 min, 3 d 4 h."""
    minutes, in_hours, days = round(seconds / 60), seconds / 3600, seconds / 86400
    if seconds < 1:
        return f"{seconds:.1f} s" if seconds >= 0.05 else "0 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if in_hours < 1.5:
        return f"{minutes} min"
    if days < 2:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{round(in_hours) // 24} d {round(in_hours) % 24} h"


def byte_size(number: float) -> str:
    """Return a size: 0.34 GB, 12 MB, 3 kB."""
    for unit, least, size in (("GB", 1e8, 1e9), ("MB", 1e5, 1e6)):
        if number >= least:
            return f"{_digits(number / size, 2)} {unit}"
    return f"{_digits(number / 1e3, 2)} kB"


def _digits(number: float, digits: int) -> str:
    """Format a number with some significant digits; a larger one with all of its integer digits."""
    return f"{number:,.0f}" if abs(number) >= 10**digits else format(Decimal(f"{number:.{digits}g}"), "f")
