"""Factors' levels: which are the same, which is the baseline, and what conditions and exclusions leave."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sweeper.errors import UsageError

Level = object  # a JSON value
Configuration = dict[str, Level]  # a level by factor
EXACT: Final = 2**53  # below it every whole number is a float
LARGEST: Final = 2**1023  # above it no float is

Factor = Mapping[str, Any]  # a factor of a study's document
Factors = Mapping[str, Factor]


class DesignError(UsageError):
    """A design cannot be made of the factors that it is asked for."""


def level_key(level: Level) -> str:
    """Return JSON text that two levels share if and only if they are the same: 1 and 1.0 are, 1 and true are not.

    >>> level_key(1.0), level_key(True), level_key({"b": 1, "a": [2.0]})
    ('1', 'true', '{"a": [2], "b": 1}')
    """
    return json.dumps(_plain(level), sort_keys=True)


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


def levels_of(name: str, factor: Factor) -> list[Any]:
    """The factor's levels, doubles left out.

    Raises:
        DesignError: the factor is a range, of which only samplers can draw.
    """
    levels = factor.get("levels")
    if levels is None:
        raise DesignError(
            f"factor {name!r} is a range from {factor.get('low')} to {factor.get('high')}, which only a sampler can "
            "draw from. Give it levels: [..], or limit the phase to other factors (factors: [..])"
        )
    return list({level_key(level): level for level in levels}.values())


def other_levels(name: str, factor: Factor) -> list[Any]:
    """The levels beside the baseline."""
    return [level for level in levels_of(name, factor) if not same_level(level, factor.get("baseline"))]


def full_level(name: str, factor: Factor) -> Any:
    """The level with the component in: the last one; ``on`` of on and off."""
    return levels_of(name, factor)[-1]


def left_out_level(name: str, factor: Factor) -> Any:
    """The level without the component: the baseline; the first other level where the baseline is the full one."""
    full = full_level(name, factor)
    if not same_level(factor.get("baseline"), full):
        return factor.get("baseline")
    others = other_levels(name, factor)
    if not others:
        raise DesignError(f"factor {name!r} has one level only, {full!r}. Give it a second one to compare with")
    return others[0]


def two_levels(name: str, factor: Factor) -> tuple[Any, Any]:
    """The baseline and the one other level of a two-level factor.

    Raises:
        DesignError: it has more or fewer levels, or depends on another factor.
    """
    others = other_levels(name, factor)
    if len(others) != 1:
        levels = [factor.get("baseline"), *others]
        raise DesignError(
            f"a two-level design takes the baseline and one other level of each factor, but factor {name!r} has "
            f"{len(levels)} levels: {', '.join(map(str, levels))}. Take one of them, or use grid"
        )
    if factor.get("when"):
        raise DesignError(
            f"factor {name!r} depends on another one (when: ..), which a two-level design cannot keep balanced. "
            "Use grid, or limit the phase to other factors (factors: [..])"
        )
    return factor.get("baseline"), others[0]


def settled(configuration: Mapping[str, Any], factors: Factors) -> Configuration:
    """The configuration with every factor whose condition does not hold back at its baseline.

    A factor may depend on one that depends on a third; conditions are looked at until nothing changes.
    """
    result = dict(configuration)
    conditional = [(name, factor) for name, factor in factors.items() if factor.get("when") and name in result]
    for _ in conditional:
        changed = False
        for name, factor in conditional:
            if not is_active(factor, result) and not same_level(result[name], factor.get("baseline")):
                result[name] = factor.get("baseline")
                changed = True
        if not changed:
            break
    return result


def is_active(factor: Factor, configuration: Mapping[str, Any]) -> bool:
    """Whether the factors that this one depends on have levels at which it is varied."""
    when: Mapping[str, Sequence[Any]] = factor.get("when") or {}
    return all(any(same_level(configuration.get(other), level) for level in levels) for other, levels in when.items())


def is_excluded(configuration: Mapping[str, Any], exclude: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an exclusion names levels that the configuration has, all of them."""
    return any(
        rule and all(name in configuration and same_level(configuration[name], level) for name, level in rule.items())
        for rule in exclude
    )


def distinct(configurations: Iterable[Mapping[str, Any]]) -> list[Configuration]:
    """Each configuration once, at its first place."""
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
