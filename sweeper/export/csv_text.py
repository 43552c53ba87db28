"""CSV as of RFC 4180, for spreadsheets and programs alike."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet take text for a formula
SPECIAL: Final = frozenset(',"\r\n')  # what a cell has only in quotes
PLAIN: Final = (float, int)  # what never needs any


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]], *, exact: bool = False) -> str:
    """Return a table as CSV.

    A missing value (None) is an empty cell, and an empty text is "", as in PostgreSQL. Text that a spreadsheet would
    run as a formula begins with an apostrophe, unless it must be `exact`.
    """
    return "".join(f"{','.join(_cell(value, exact=exact) for value in row)}\r\n" for row in (columns, *rows))


def _cell(value: object, *, exact: bool) -> str:
    if value is None:
        return ""
    if type(value) in PLAIN:
        return str(value)
    text = json.dumps(value) if isinstance(value, bool | list | dict) else str(value)
    if isinstance(value, str) and not exact and value.startswith(FORMULA):
        text = f"'{text}"
    needs_quotes = not text or not SPECIAL.isdisjoint(text)
    return '"{}"'.format(text.replace('"', '""')) if needs_quotes else text
