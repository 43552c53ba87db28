"""From text to levels: what a cell of a table, or a parameter that a tool keeps as text, stands for."""

import ast
import decimal
import json
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Final

from sweeper.designs.levels import Level
from sweeper.spec.entries.values import LARGEST_INTEGER

NOTHING: Final = frozenset({"", "None", "null", "NULL", "nan", "NaN", "N/A", "NA", "<NA>"})  # not "none", a usual level
WORDS: Final = {"true": True, "false": False}
INTEGER: Final = re.compile(r"[-+]?(0|[1-9]\d*)")
FLOAT: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
BRACKETS: Final = {"[": "]", "{": "}", "(": ")"}
LITERALS: Final = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)
NOT_FINITE: Final = re.compile(r"[-+]?(nan|inf|infinity)", re.IGNORECASE)


def level_of(text: str) -> Level:
    """Return what a text stands for: a number, true, false, nothing, a list or mapping as JSON or Python, or itself.

    >>> [level_of(text) for text in ("0.10", "1e-3", "8", "007", "True", "adam", "None")]
    [0.1, 0.001, 8, '007', True, 'adam', None]
    >>> [level_of(text) for text in ("[8, 16]", "(0.9, None)", '{"eps": 1e-6}', "{'k': 'a'}", "[sic]")]
    [[8, 16], [0.9, None], {'eps': 1e-06}, {'k': 'a'}, '[sic]']
    """
    stripped = text.strip()
    if stripped[:1] in BRACKETS:
        found = structured(stripped)
        return text.strip() if found is None else found
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


def structured(text: str) -> list[Level] | dict[str, Level] | None:
    """Return the list or mapping that a text writes as JSON or as Python; None if it is no such text."""
    if BRACKETS.get(text[:1]) != text[-1:]:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            with warnings.catch_warnings():  # Python warns of odd escapes in texts
                warnings.simplefilter("ignore")
                found = ast.literal_eval(text)
        except LITERALS:
            return None
    level = as_level(found) if _is_json(found) else None
    return level if isinstance(level, list | dict) else None


def _is_json(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def as_level(value: object) -> Level:
    """Return a cell that is no text as a level: tuples as lists, dates as text, and what is no number as nothing.

    >>> as_level((1, {"a": 0.5})), as_level(float("nan"))
    ([1, {'a': 0.5}], None)
    """
    if isinstance(value, decimal.Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [as_level(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): as_level(item) for key, item in value.items()}
    return str(value)


def levels_and_texts(cells: Mapping[str, object]) -> tuple[dict[str, Level], dict[str, str]]:
    """Return cells as levels, and the text of those that have been read as something else."""
    levels = {name: level_of(cell) if isinstance(cell, str) else as_level(cell) for name, cell in cells.items()}
    texts = {name: cell for name, cell in cells.items() if isinstance(cell, str) and levels[name] != cell}
    return levels, texts


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

    Lists and mappings stay what they are.

    >>> alike([1, 0.5, None]), alike([4, "auto"]), alike([[8], "auto"])
    ([1.0, 0.5, None], ['4', 'auto'], [[8], 'auto'])
    """
    found = list(levels)
    kinds = {_kind(level) for level in found if not _is_whole(level)}
    if kinds <= {"integer", "float"}:
        return [float(level) if isinstance(level, int) and "float" in kinds else level for level in found]
    if len(kinds) == 1:
        return found
    return [level if _is_whole(level) or isinstance(level, str) else _text(level) for level in found]


def _is_whole(level: Level) -> bool:
    """Return whether a level is what it is beside levels of any kind."""
    return level is None or isinstance(level, list | dict)


def _kind(level: Level) -> str:
    if isinstance(level, bool):
        return "boolean"
    return {int: "integer", float: "float"}.get(type(level), "text")


def _text(level: Level) -> str:
    return str(level).lower() if isinstance(level, bool) else str(level)
