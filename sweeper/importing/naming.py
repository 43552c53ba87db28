"""Names of factors for what other tools call their parameters, and their paths in a configuration."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sweeper.designs.paths import Config
from sweeper.spec.checks.factors import RESERVED
from sweeper.spec.entries.values import LONGEST_NAME

FORBIDDEN: Final = re.compile(r'[/\\:*?"<>|{}\x00-\x1f\x7f]|[^\S ]')


def factor_names(columns: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Return a factor's name for each column: itself where that is possible.

    Args:
        taken: names that no factor may have, such as those of metrics.
    """
    found: dict[str, str] = {}
    for column in columns:
        name = _sound(column)
        while name in (*RESERVED, *taken, *found.values()):
            name = f"{name}_"
        found[column] = name
    return found


def phase_names(texts: Iterable[str]) -> dict[str, str]:
    """Return a phase's name for each text: itself where that is possible."""
    found: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        name = _sound(text) if text else "runs"
        while name.casefold() in {other.casefold() for other in found.values()}:
            name = f"{name}_"
        found[text] = name
    return found


def safe_name(text: str) -> str:
    """Return text as the name of a claim or a study."""
    return re.sub(r"[^\w.+-]+", "-", _sound(text)).strip("-.") or "x"


def _sound(column: str) -> str:
    name = "".join(each if each.isprintable() else "_" for each in FORBIDDEN.sub("_", column)).strip()
    while ".." in name:
        name = name.replace("..", "._")
    name = name.encode()[: LONGEST_NAME - 5].decode(errors="ignore").strip().rstrip(".").strip()
    return name if name and name[0] not in ".-" else f"_{name}"


def paths_of(columns: Mapping[str, str]) -> dict[str, str]:
    """Return the dotted path of each column: its name, or its factor's where that is no path or within another one.

    Args:
        columns: the factor's name, or any other, by column.
    """
    keys = {column for column in columns if _is_path(column)}
    inside = {
        column
        for column in keys
        if any(other != column and (column.startswith(f"{other}.") or other.startswith(f"{column}.")) for other in keys)
    }
    return {column: column if column in keys - inside else name.replace(".", "_") for column, name in columns.items()}


def _is_path(column: str) -> bool:
    keys = column.split(".")
    return all(key and key.strip() == key and key.isprintable() for key in keys) and not set(column) & set("{}")


def nested(values: Mapping[str, object]) -> Config:
    """Return values at dotted paths as a configuration; paths do not contain each other."""
    result: dict[str, object] = {}
    for path, value in values.items():
        *parents, last = path.split(".")
        inner = result
        for part in parents:
            inner = inner.setdefault(part, {})  # type: ignore[assignment] # a mapping, since no path ends here
        inner[last] = value
    return result
