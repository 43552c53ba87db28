"""A trial's configuration in the file that its program reads: JSON, YAML or TOML.

Each reads back as it was, whichever common reader reads it: YAML 1.1, as of PyYAML, takes 1e-05 for a text and `no` for
false, and YAML 1.2 and OmegaConf do not.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from sweeper.designs.paths import Config

EXPONENT: Final = re.compile(r"\de[-+]\d")
POINTLESS: Final = re.compile(r"^([\s,\[]*)(-?\d+)(e[-+]\d+)$")  # a float in a chunk of JSON
BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def json_text(config: Config) -> str:
    """Return a configuration as JSON, whose floats have a point, so that readers of YAML 1.1 read them as floats."""
    text = json.dumps(config, indent=1, sort_keys=True)
    if EXPONENT.search(text):  # chunk by chunk takes much longer
        text = "".join(map(_with_a_point, json.JSONEncoder(indent=1, sort_keys=True).iterencode(config)))
    return f"{text}\n"


def _with_a_point(chunk: str) -> str:
    """Return a chunk of JSON whose floats have a point: YAML 1.1 takes 1e-05 for text, and 1.0e-05 for a number."""
    return POINTLESS.sub(r"\1\2.0\3", chunk)


def yaml_text(config: Config) -> str:
    """Return a configuration as YAML, with its keys in their order."""
    from sweeper.execution.slots.yaml_file import dumped  # noqa: PLC0415 - PyYAML is loaded where it is needed

    return dumped(config)


def toml_text(config: Config) -> str:
    """Return a configuration as TOML; it has no null, so keys without a value are left out."""
    return "".join(_table(config, ()))


def _table(config: Mapping[str, object], path: tuple[str, ...]) -> Iterator[str]:
    inner = {name: value for name, value in config.items() if isinstance(value, Mapping)}
    if path and (len(inner) < len(config) or not config):
        yield f"\n[{'.'.join(map(_key, path))}]\n"
    for name, value in config.items():
        if name not in inner and value is not None:
            yield f"{_key(name)} = {_toml(value)}\n"
    for name, table in inner.items():
        yield from _table(table, (*path, name))


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(each) for each in value if each is not None)}]"
    if isinstance(value, Mapping):
        pairs = (f"{_key(name)} = {_toml(inner)}" for name, inner in value.items() if inner is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else _toml(name)


TEXTS: Final[Mapping[str, Callable[[Config], str]]] = {
    "config.json": json_text,
    "config.yaml": yaml_text,
    "config.toml": toml_text,
}
