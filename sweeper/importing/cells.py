"""From text to levels: what a cell of a table, or a parameter that a tool keeps as text, stands for."""

import math
import re
from collections.abc import Iterable
from typing import Final

from sweeper.designs.levels import Level
from sweeper.spec.entries.values import LARGEST_INTEGER

NOTHING: Final = frozenset({"", "None", "null", "NULL", "nan", "NaN", "N/A", "NA", "<NA>"})  # not "none", a usual level
WORDS: Final = {"true": True, "false": False}
INTEGER: Final = re.compile(r"[-+]?(0|[1-9]\d*)")
FLOAT: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
NOT_FINITE: Final = re.compile(r"[-+]?(nan|inf|infinity)", re.IGNORECASE)


def level_of(text: str) -> Level:
    """Return what a text stands for: a number, true, false, nothing, or itself.

    >>> [level_of(text) for text in ("0.10", "1e-3", "8", "007", "True", "adam", "None")]
    [0.1, 0.001, 8, '007', True, 'adam', None]
    """
    stripped = text.strip()
    if stripped in NOTHING:
        return None
    if stripped.lower() in WORDS:
        return WORDS[stripped.lower()]
    if INTEGER.fullmatch(stripped) and abs(int(stripped)) <= LARGEST_INTEGER:
        return int(stripped)
    has_leading_zero = re.match(r"[-+]?0\d", stripped) is not None
    if FLOAT.fullmatch(stripped) and not has_leading_zero and math.isfinite(float(stripped)):
        return float(stripped)
    return stripped


def measured(value: object) -> float | None:
    """Return a measurement: a number, NaN for one that is not finite, or None for none.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int | float):
        return float(value)
    if value is None:
        return None
    text = str(value).strip()
    if NOT_FINITE.fullmatch(text):
        return math.nan
    if text in NOTHING:
        return None
    if FLOAT.fullmatch(text):
        return float(text)
    raise ValueError


def alike(levels: Iterable[Level]) -> list[Level]:
    """Return the levels of a column in one kind: integers become floats beside floats, and numbers text beside text.

    >>> alike([1, 0.5, None]), alike([4, "auto"])
    ([1.0, 0.5, None], ['4', 'auto'])
    """
    found = list(levels)
    kinds = {_kind(level) for level in found if level is not None}
    if kinds <= {"integer", "float"}:
        return [float(level) if isinstance(level, int) and "float" in kinds else level for level in found]
    if len(kinds) == 1:
        return found
    return [level if level is None or isinstance(level, str) else _text(level) for level in found]


def _kind(level: Level) -> str:
    if isinstance(level, bool):
        return "boolean"
    return {int: "integer", float: "float"}.get(type(level), "text")


def _text(level: Level) -> str:
    return str(level).lower() if isinstance(level, bool) else str(level)
