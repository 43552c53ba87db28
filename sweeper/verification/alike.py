"""Whether texts and tables that were made twice are alike: by their bytes, up to rounding, or by what they mean."""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from sweeper.verification.basis import EXACT, LOOSE

# Anybody may have made the text: groups of thousands are limited, so that a long row of them is not tried from each.
NUMBER: Final = re.compile(r"(?<![\d.])[-\u2212+]?\d+(?:,\d{3}){0,9}\.\d+(?:e[-+]?\d{1,3})?(?!\.?\d)", re.IGNORECASE)
LAST_PLACE: Final = 1.01  # units of the last place that a printed number may differ by
SMALLEST: Final = 1e-9

Row = Mapping[str, str | None]
Rows = Sequence[Row]


def same_text(one: str, other: str) -> bool:
    """Return whether texts are equal but for decimals that were rounded differently in the last place.

    >>> same_text("3.25% lower (p = 0.0180)", "3.26% lower (p = 0.0181)")
    True
    >>> same_text("3.25% lower", "3.27% lower"), same_text("3 seeds", "4 seeds")
    (False, False)
    """
    if one == other:
        return True
    numbers, others = NUMBER.findall(one), NUMBER.findall(other)
    if NUMBER.sub("#", one) != NUMBER.sub("#", other) or len(numbers) != len(others):
        return False
    return all(map(_same_number, numbers, others))


def _same_number(one: str, other: str) -> bool:
    first, second = _value(one), _value(other)
    # Of the number with more places: otherwise, 0.0e3 would be the same as any number below 100.
    unit = float(f"1e{-max(_places(one), _places(other))}")
    return math.isclose(first, second, rel_tol=EXACT, abs_tol=LAST_PLACE * unit)


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("\u2212", "-"))


def _places(number: str) -> int:
    digits, _, power = number.lower().partition("e")
    return len(digits.partition(".")[2]) - int(power or 0)


def same_number(one: float, other: float, *, relative: float = EXACT, reach: float = SMALLEST) -> bool:
    """Return whether two numbers are the same up to a relative or an absolute tolerance; NaN is NaN."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=relative, abs_tol=reach)


def same_table(recorded: bytes, again: bytes) -> bool:
    """Return whether tables in CSV are equal up to rounding."""
    ours, theirs = _rows(again), _rows(recorded)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return False
    return all(
        list(row) == list(other) and all(_same_cell(row[name], other[name]) for name in row)
        for row, other in zip(ours, theirs, strict=True)
    )


def _same_cell(one: str | None, other: str | None) -> bool:
    first, second = _number(one), _number(other)
    if first is not None and second is not None:
        return same_number(first, second)
    return same_text(one or "", other or "")


def differing_numbers(recorded: bytes, again: bytes) -> list[str] | None:
    """Return where the numbers of two tables differ that other code made; None if they do not have the same rows.

    Rows are matched by the first columns of text that distinguish them, and numbers compared in the columns that both
    tables have.
    """
    ours, theirs = _rows(again), _rows(recorded)
    if not ours or not theirs:
        return None
    columns = [name for name in ours[0] if name in theirs[0]]
    numeric = [name for name in columns if any(_number(row[name]) is not None for row in (*ours, *theirs))]
    matched = _matched(ours, theirs, [name for name in columns if name not in numeric])
    if not numeric or matched is None:
        return None
    return [
        f"{name} of {key} is recorded as {other[name] or 'nothing'}, not {row[name] or 'nothing'}"
        for key, row, other in matched
        for name in numeric
        if not _alike(row[name], other[name])
    ]


def _matched(ours: Rows, theirs: Rows, keys: Sequence[str]) -> list[tuple[str, Row, Row]] | None:
    """Return pairs of rows with the same texts; None if not every row has one partner."""
    for size in range(1, len(keys) + 1):
        one, other = ({tuple(row[name] for name in keys[:size]): row for row in rows} for rows in (ours, theirs))
        if len(one) == len(ours) and len(other) == len(theirs) and one.keys() == other.keys():
            return [(", ".join(filter(None, key)), row, other[key]) for key, row in one.items()]
    return None


def _alike(one: str | None, other: str | None) -> bool:
    first, second = _number(one), _number(other)
    if first is None or second is None:
        return (one or "") == (other or "")
    return same_number(first, second, relative=LOOSE)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _rows(content: bytes) -> Rows | None:
    """Return the rows of a table; None if it is no table."""
    try:
        reader = csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True)
        found, names = list(reader), list(reader.fieldnames or ())
    except (ValueError, csv.Error):
        return None
    is_table = len(set(names)) == len(names) and all(None not in row and None not in row.values() for row in found)
    return found if is_table else None
