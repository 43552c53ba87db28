"""From levels to a trial's complete config, and its identity."""

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any


def get_path(config: Mapping[str, Any], path: str, default: object = None) -> Any:
    """The value at a dotted path, or a default where there is none."""
    value: Any = config
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value


def set_path(config: dict[str, Any], path: str, value: object) -> None:
    """Put a value at a dotted path, making the mappings on the way."""
    *parents, last = path.split(".")
    for part in parents:
        inner = config.get(part)
        if not isinstance(inner, dict):
            inner = {}
            config[part] = inner
        config = inner
    config[last] = copy.deepcopy(value)


def leaves(config: Mapping[str, Any], place: str = "") -> list[tuple[str, Any]]:
    """The values of a config with their dotted paths."""
    found: list[tuple[str, Any]] = []
    for name, value in config.items():
        inner = isinstance(value, Mapping)
        found += leaves(value, f"{place}{name}.") if inner else [(f"{place}{name}", value)]
    return found


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a config in which the values of another replace its own, mapping by mapping."""
    result = copy.deepcopy(dict(base))
    for name, value in changes.items():
        inner = result.get(name)
        result[name] = (
            merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else copy.deepcopy(value)
        )
    return result


def baseline(document: Mapping[str, Any], phase: Mapping[str, Any]) -> dict[str, Any]:
    """The baseline configuration of a phase: the study's, with the phase's changes."""
    return merged(document["trial"].get("config") or {}, phase.get("config") or {})


def level_values(name: str, factor: Mapping[str, Any], level: Any) -> Mapping[str, Any]:
    """What a level of a factor sets: values by dotted path; several where the factor's levels are groups.

    A factor without a path sets the key of its own name.
    """
    groups = factor.get("groups")
    if groups:
        values: Mapping[str, Any] = groups[level]
        return values
    return {factor.get("path") or name: level}


def has_baseline(factor: Mapping[str, Any]) -> bool:
    """Whether a factor has a baseline level; of a range that no config mentions there is none."""
    return factor.get("levels") is not None or factor.get("baseline") is not None


def baseline_level(name: str, factor: Mapping[str, Any], phase: Mapping[str, Any]) -> Any:
    """A factor's baseline level in a phase: what the phase's own config says, else the factor's."""
    changes = phase.get("config") or {}
    missing = object()
    groups = factor.get("groups")
    if not groups:
        told = get_path(changes, factor.get("path") or name, missing)
        return factor.get("baseline") if told is missing else told
    for level in factor["levels"]:
        if all(get_path(changes, path, missing) == value for path, value in groups[level].items()):
            return level
    return factor.get("baseline")


def with_own_levels(name: str, factor: Mapping[str, Any], phase: Mapping[str, Any]) -> dict[str, Any]:
    """A factor with the levels, or the range, that a phase gives it alone."""
    own = (phase.get("levels") or {}).get(name)
    if own is None:
        return dict(factor)
    if isinstance(own, Mapping):
        return {**factor, "levels": None, **own}
    return {**factor, "levels": list(own), "low": None, "high": None, "log": False, "step": None}


def complete(
    document: Mapping[str, Any], phase: Mapping[str, Any], configuration: Mapping[str, object]
) -> dict[str, object]:
    """A level for every factor of the study, in its order: the given one, else the phase's baseline."""
    result: dict[str, object] = {}
    for name, factor in document["factors"].items():
        if name in configuration:
            result[name] = configuration[name]
        elif has_baseline(factor):
            result[name] = baseline_level(name, factor, phase)
    return result


def apply_levels(
    document: Mapping[str, Any], base: Mapping[str, Any], configuration: Mapping[str, object]
) -> dict[str, Any]:
    """A baseline config with the levels of a configuration in it; mappings that no level touches are shared."""
    result = dict(base)
    fresh = {""}  # the paths of mappings that are ours to change
    for name, level in configuration.items():
        for path, value in level_values(name, document["factors"][name], level).items():
            _set_shared(result, path, value, fresh)
    return result


def _set_shared(config: dict[str, Any], path: str, value: object, fresh: set[str]) -> None:
    *parents, last = path.split(".")
    place = ""
    for part in parents:
        place = f"{place}.{part}"
        if place not in fresh:
            inner = config.get(part)
            config[part] = dict(inner) if isinstance(inner, Mapping) else {}
            fresh.add(place)
        config = config[part]
    config[last] = value
    # A value that is a mapping replaces what was copied below it.
    gone = f"{place}.{last}"
    fresh.difference_update([known for known in fresh if known == gone or known.startswith(f"{gone}.")])


def resolve(
    document: Mapping[str, Any], phase: Mapping[str, Any], configuration: Mapping[str, object]
) -> dict[str, Any]:
    """The complete config of a configuration: the phase's baseline, the levels, and every default of the trainer's.

    Factors that the configuration leaves out are at the phase's baseline.

    Raises:
        trainer.config.ConfigError: the built-in trainer refuses it.
    """
    levels = complete(document, phase, configuration)
    return resolve_config(document["trial"]["program"], apply_levels(document, baseline(document, phase), levels))


def resolve_config(program: object, config: dict[str, Any]) -> dict[str, Any]:
    """A config with every default of its program, as far as they are known: the built-in trainer's are.

    Raises:
        trainer.config.ConfigError: the built-in trainer refuses it.
    """
    if program != "trainer":
        return copy.deepcopy(config)
    from trainer.config import resolve as resolve_trainer  # noqa: PLC0415 - pydantic is slow to load

    return resolve_trainer(config)


def configuration_hash(program: object, config: Mapping[str, Any]) -> str:
    """The identity of a configuration: the SHA-256 of the program and its complete config, without seed and budget."""
    document = {"program": program, "config": config}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
