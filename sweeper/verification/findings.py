"""What was checked of a bundle, and whether it is so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHOWN: Final = 5  # things that are named, of those that something is wrong with


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was checked.

    Attributes:
        check: what: code, files, tables, study, values, verdicts, report or rerun.
        ok: whether it is as it should be.
        text: what was found.
        is_note: whether it only says how the others are meant.
    """

    check: str
    ok: bool
    text: str
    is_note: bool = False


def some(lines: Sequence[str], most: int = SHOWN) -> str:
    """Return the first of some lines as one, with the number of the others."""
    more = len(lines) - most
    return "; ".join(lines[:most]) + (f"; and {more} more" if more > 0 else "")
