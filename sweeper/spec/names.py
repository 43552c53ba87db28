"""Texts about unknown names, and lists of values as messages show them."""

from collections.abc import Iterable, Mapping
from typing import Final

from sweeper.designs.levels import Level, unmistakable
from trainer.config.wording import LONGEST_VALUE, shown, suggestion

MOST_SHOWN: Final = 12


def unknown(word: object, kind: str, known: Iterable[str]) -> str:
    """Return what is wrong with an unknown name.

    Args:
        kind: what it should name, e.g. ``factor``.
        known: the valid names.
    """
    names, what = list(known), f"an {kind}" if kind[0] in "aeio" else f"a {kind}"
    if not names:
        return f"{shown(word)} is not {what}: this study has none."
    near = suggestion(word, names) if isinstance(word, str) else ""
    return f"{shown(word)} is not {what} of this study.{near} {kind.capitalize()}s: {listed(names)}."


def listed(names: Iterable[str]) -> str:
    """Return names separated by commas, the first dozen of many."""
    every = list(names)
    text = ", ".join(every[:MOST_SHOWN])
    return text if len(every) <= MOST_SHOWN else f"{text}, … ({len(every)} in all)"


def level_text(level: Level) -> str:
    """Return a level as the file writes it."""
    return unmistakable(level) if isinstance(level, str) and len(level) < LONGEST_VALUE else shown(level)


def levels_text(levels: Iterable[Level]) -> str:
    """Return levels separated by commas."""
    return listed(level_text(level) for level in levels)


def row_text(row: Mapping[str, Level]) -> str:
    """Return a configuration as text."""
    return listed(f"{name} = {level_text(level)}" for name, level in row.items()) or "the baseline"
