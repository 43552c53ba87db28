"""Dotted paths into a program's configuration, and how levels are put there."""

import copy
from collections.abc import Iterator, Mapping

from sweeper.designs.factor import Factors
from sweeper.designs.levels import Level

Config = Mapping[str, object]  # a program's configuration: JSON values, nested


def get_path(config: Config, path: str, default: object = None) -> object:
    """Return the value at a dotted path, or a default where there is none."""
    value: object = config
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value


def literal_key(config: Config, path: str) -> str | None:
    """Return a key with a dot in it that a dotted path seems to name but, since dots separate keys, does not.

    >>> literal_key({"optim.lr": 0.1}, "optim.lr")
    'optim.lr'
    """
    for name, inner in config.items():
        if "." in name and (path == name or path.startswith(f"{name}.")):
            return name
        if isinstance(inner, Mapping) and path.startswith(f"{name}."):
            found = literal_key(inner, path[len(name) + 1 :])
            if found is not None:
                return found
    return None


def keys_beside_sections(config: Config, base: Config, outer: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys with a dot that would stand beside a section of a configuration, which they seem to reach into.

    Args:
        config: the configuration itself, or changes of it. A change of a key that it has is none of them.
        base: the configuration.
        outer: the keys of the section.

    >>> list(keys_beside_sections({"optim.lr": 0.5}, {"optim": {"lr": 0.1}}))
    [('optim.lr',)]
    """
    for key, value in config.items():
        section = base.get(key.partition(".")[0]) if isinstance(key, str) and "." in key else None
        if isinstance(section, Mapping) and (config is base or key not in base):
            yield (*outer, key)
        elif isinstance(value, Mapping) and isinstance(inner := base.get(key), Mapping):
            yield from keys_beside_sections(value, inner, (*outer, key))


def leaves(config: Config, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the values of a configuration that are not mappings, with their dotted paths."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def sections(config: Config, prefix: str = "") -> Iterator[tuple[str, Config]]:
    """Yield the mappings of a configuration with their dotted paths."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield f"{prefix}{name}", value
            yield from sections(value, f"{prefix}{name}.")


def merged(base: Config, changes: Config) -> dict[str, object]:
    """Return a copy of a configuration in which the values of another replace its own, mapping by mapping."""
    result = copy.deepcopy(dict(base))
    for name, value in changes.items():
        inner = result.get(name)
        result[name] = (
            merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else copy.deepcopy(value)
        )
    return result


def apply_levels(base: Config, factors: Factors, configuration: Mapping[str, Level]) -> dict[str, object]:
    """Return a configuration with levels in it; mappings that no level touches are shared with `base`."""
    result = dict(base)
    fresh = {""}  # the paths of mappings that are not shared
    for name, level in configuration.items():
        for path, value in factors[name].values(level).items():
            _set_shared(result, path, value, fresh)
    return result


def _set_shared(config: dict[str, object], path: str, value: object, fresh: set[str]) -> None:
    *parents, last = path.split(".")
    prefix = ""
    for part in parents:
        prefix = f"{prefix}.{part}"
        found = config.get(part)
        inner: dict[str, object]
        if prefix in fresh and isinstance(found, dict):
            inner = found
        else:
            inner = dict(found) if isinstance(found, Mapping) else {}
            config[part] = inner
            fresh.add(prefix)
        config = inner
    config[last] = value
    # A value that is a mapping replaces what was copied below it.
    gone = f"{prefix}.{last}"
    fresh.difference_update([known for known in fresh if known == gone or known.startswith(f"{gone}.")])
