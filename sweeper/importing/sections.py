"""Mappings in the cells of runs: the sections of a configuration have a column per key, and levels stay whole.

A column is a section if every run that has it has a mapping there, as in ``{"config": {"lr": 0.1}}``. Where other runs
have a number, a text or a list, or where a study or the user names it as a factor, the mapping is a level.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

NOTHING: Final = (None, "")
Cells = Mapping[str, object]


def flattened(
    rows: Sequence[Cells], *, whole: Collection[str] = (), depth: int | None = None
) -> list[dict[str, object]]:
    """Return the cells of all rows with dotted names for what sections hold.

    Args:
        whole: names of what is no section, as they are within the sections that hold them: ``opt`` of ``config.opt``.
        depth: how deep sections may be nested; None for any depth.
    """
    sections = set(_sections(rows, "", frozenset(whole), depth))
    return [dict(_flat(row, "", sections)) for row in rows]


def _sections(rows: Sequence[Cells], prefix: str, whole: Collection[str], depth: int | None) -> Iterable[str]:
    """Yield the dotted names of the sections in some mappings."""
    if depth == 0:
        return
    found: dict[str, list[Cells] | None] = {}  # None for what is no section
    for row in rows:
        for key, value in row.items():
            inner = found.setdefault(key, [])
            if isinstance(value, Mapping):
                if inner is not None:
                    inner.append(value)
            elif value not in NOTHING:
                found[key] = None
    for key, inner in found.items():
        name = f"{prefix}{key}"
        if inner and not _is_named(name, whole):
            yield name
            yield from _sections(inner, f"{name}.", whole, None if depth is None else depth - 1)


def _is_named(name: str, whole: Collection[str]) -> bool:
    """Return whether a dotted name, or the end of it, is one of some names."""
    parts = name.split(".")
    return any(".".join(parts[start:]) in whole for start in range(len(parts)))


def _flat(row: Cells, prefix: str, sections: Collection[str]) -> Iterable[tuple[str, object]]:
    for key, value in row.items():
        name = f"{prefix}{key}"
        if name not in sections:
            yield name, value
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{name}.", sections)
        else:
            yield name, value
