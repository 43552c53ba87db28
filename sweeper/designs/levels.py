"""Levels and configurations, and which of them are the same."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

Level = object  # a JSON value
Configuration = dict[str, Level]  # a level by factor
Scalar = str | int | float | None
EXACT: Final = 2**53  # below it, every integer is exact as a float
LARGEST: Final = 2**1023  # above it, there are no floats


def level_key(level: Level) -> str:
    """Return JSON text that two levels share if and only if they are the same: 1 and 1.0 are, 1 and true are not.

    >>> level_key(1.0), level_key(True), level_key({"b": 1, "a": [2.0]})
    ('1', 'true', '{"a": [2], "b": 1}')
    """
    return _scalar_key(level) if isinstance(level, Scalar) else json.dumps(_plain(level), sort_keys=True)


@lru_cache(maxsize=1 << 16, typed=True)  # a plan asks for the keys of few levels, many times
def _scalar_key(level: Scalar) -> str:
    return json.dumps(_plain(level))


def unmistakable(text: str) -> str:
    """Return text as it is shown among other levels: in quotes where it would read as nothing, or as null.

    >>> unmistakable("relu"), unmistakable("{x}"), unmistakable(""), unmistakable("null"), unmistakable(" a")
    ('relu', '{x}', '""', '"null"', '" a"')
    """
    return json.dumps(text, ensure_ascii=False) if text in ("", "null") or text != text.strip() else text


def same_level(one: Level, other: Level) -> bool:
    """Return whether two levels are the same."""
    if isinstance(one, Mapping | list | tuple) and isinstance(other, Mapping | list | tuple):
        return level_key(one) == level_key(other)
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def repeats_earlier(levels: Iterable[Level]) -> Iterator[bool]:
    """Yield for each level whether it is the same as an earlier one."""
    seen: set[str] = set()
    for level in levels:
        key = level_key(level)
        yield key in seen
        seen.add(key)


def distinct_levels(levels: Sequence[Level]) -> tuple[Level, ...]:
    """Return the levels without duplicates, in their order."""
    return tuple(level for level, again in zip(levels, repeats_earlier(levels), strict=True) if not again)


def has_levels(configuration: Mapping[str, Level], levels: Mapping[str, Level]) -> bool:
    """Return whether a configuration has all of some levels."""
    return all(name in configuration and same_level(configuration[name], level) for name, level in levels.items())


def is_excluded(configuration: Mapping[str, Level], exclude: Iterable[Mapping[str, Level]]) -> bool:
    """Return whether a configuration has all levels of any of the excluded combinations."""
    return any(rule and has_levels(configuration, rule) for rule in exclude)


def distinct(configurations: Iterable[Mapping[str, Level]]) -> list[Configuration]:
    """Return the configurations without duplicates, in their order."""
    found: dict[tuple[tuple[str, str], ...], Configuration] = {}
    for configuration in configurations:
        key = tuple(sorted((name, level_key(level)) for name, level in configuration.items()))
        found.setdefault(key, dict(configuration))
    return list(found.values())


def _plain(level: Level) -> Level:
    """Return a level with numbers in one form: whole ones as integers, as far as floats are exact."""
    if isinstance(level, float) and level.is_integer() and abs(level) < EXACT:
        return int(level)
    if isinstance(level, int) and EXACT <= abs(level) < LARGEST:
        return float(level) if float(level) == level else level
    if isinstance(level, Mapping):
        return {name: _plain(value) for name, value in level.items()}
    if isinstance(level, list | tuple):
        return [_plain(value) for value in level]
    return level
