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


def resolve(
    document: Mapping[str, Any], phase: Mapping[str, Any], configuration: Mapping[str, object]
) -> dict[str, Any]:
    """The complete config of a configuration: the phase's baseline, the levels, and every default of the trainer's.

    Raises:
        trainer.config.ConfigError: the built-in trainer refuses it.
    """
    config = baseline(document, phase)
    for name, level in configuration.items():
        set_path(config, document["factors"][name]["path"], level)
    if document["trial"]["program"] != "trainer":
        return config
    from trainer.config import resolve as resolve_trainer  # noqa: PLC0415 - pydantic is slow to load

    return resolve_trainer(config)


def configuration_hash(program: object, config: Mapping[str, Any]) -> str:
    """The identity of a configuration: the SHA-256 of the program and its complete config, without seed and budget."""
    document = {"program": program, "config": config}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
