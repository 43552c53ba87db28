"""What an edited study file changed, one line per change: dotted path, old → new."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.spec.variables import HIDDEN, is_secret

NAMES: Final = ("name", "id")  # the keys that identify the items of a list: phases have names, claims have ids
VARIABLES: Final = "trial.environment."
LONGEST_VALUE: Final = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs.

    Attributes:
        path: its dotted path; items of lists of named things by name, e.g. ``phases.screen.seeds``.
        text: old → new, or added, or removed.
    """

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def differences(old: object, new: object, path: str = "") -> list[Change]:
    """Return all differences between two JSON documents, in the order of the new one; removed values come last."""
    return list(_walk(old, new, path))


def _walk(old: object, new: object, path: str) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _walk_mappings(old, new, path)
        return
    if isinstance(old, list) and isinstance(new, list):
        old_items, new_items = _by_name(old), _by_name(new)
        if old_items is not None and new_items is not None:
            yield from _walk_mappings(old_items, new_items, path)
            if list(old_items) != list(new_items) and set(old_items) == set(new_items):
                yield Change(path, f"order: {', '.join(old_items)} → {', '.join(new_items)}")
            return
    if json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True):  # 1, 1.0 and true differ
        yield Change(path, f"{_shown(old, path)} → {_shown(new, path)}")


def _walk_mappings(old: Mapping[str, object], new: Mapping[str, object], path: str) -> Iterator[Change]:
    prefix = f"{path}." if path else ""
    for key in new:
        if key in old:
            yield from _walk(old[key], new[key], f"{prefix}{key}")
        else:
            yield Change(f"{prefix}{key}", f"added ({_shown(new[key], f'{prefix}{key}')})")
    for key in old:
        if key not in new:
            yield Change(f"{prefix}{key}", f"removed (was {_shown(old[key], f'{prefix}{key}')})")


def _by_name(items: Sequence[object]) -> dict[str, object] | None:
    """Return the items of a list of named things by their names; None for any other list."""
    named: dict[str, object] = {}
    for item in items:
        if not isinstance(item, Mapping):
            return None
        name = next((item[key] for key in NAMES if key in item), None)
        if not isinstance(name, str) or name in named:
            return None
        named[name] = item
    return named


def _shown(value: object, path: str) -> str:
    if path.startswith(VARIABLES) and isinstance(value, str) and is_secret(path.removeprefix(VARIABLES), value):
        return HIDDEN
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
