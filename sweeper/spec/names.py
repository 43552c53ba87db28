"""Words on names that the file does not define, and on lists of values."""

from collections.abc import Iterable, Mapping
from typing import Final

from sweeper.designs.levels import Level
from trainer.config.wording import LONGEST_VALUE, shown, suggestion

MOST_SHOWN: Final = 12


def unknown(word: object, kind: str, known: Iterable[str]) -> str:
    """What to say of a name that stands for nothing.

    Args:
        kind: what it should be, e.g. ``factor``.
        known: the names that there are.
    """
    names = list(known)
    if not names:
        return f"{shown(word)} is not a {kind}; the file has none."
    near = suggestion(word, names) if isinstance(word, str) else ""
    return f"{shown(word)} is not a {kind} of this study.{near} It has: {listed(names)}."


def listed(names: Iterable[str]) -> str:
    """Names with commas, the first dozen of many."""
    every = list(names)
    text = ", ".join(every[:MOST_SHOWN])
    return text if len(every) <= MOST_SHOWN else f"{text}, … ({len(every)} in all)"


def level_text(level: Level) -> str:
    """A level as the file would have it."""
    return level if isinstance(level, str) and len(level) < LONGEST_VALUE else shown(level)


def levels_text(levels: Iterable[Level]) -> str:
    """Levels with commas."""
    return listed(level_text(level) for level in levels)


def row_text(row: Mapping[str, Level]) -> str:
    """A configuration in words."""
    return listed(f"{name} = {level_text(level)}" for name, level in row.items()) or "the baseline"
