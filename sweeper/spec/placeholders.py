"""Placeholders in a command: ``{name}`` is a value, ``{name?--flag}`` a flag that a value turns on or off.

``{name?--flag|--no-flag}`` is one flag or the other; ``{name?--option={name}}`` an argument that null leaves out.

The text of a configuration's value may hold those that every trial has, such as ``{seed}`` and ``{run_dir}``.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.designs.paths import Config

CONFIG_FILES: Final = ("config.json", "config.yaml", "config.toml")  # the config in a file of that name
ALWAYS: Final = ("seed", "run_dir", "config", *CONFIG_FILES, "python")
IN_CONFIGS: Final = (
    "seed",
    "run_dir",
    "steps",
    "tokens",
    "epochs",
)  # braces around anything else are the program's own
ON: Final = (True, "on")  # "on" and "off" are the levels of a factor with on and off
OFF: Final = (False, "off", None)
_BRACES: Final = re.compile(r"\{\{|\}\}|\{([^{}?]*\?[^{}]*(?:\{[^{}]*\}[^{}]*)+|[^{}]*)\}|[{}]")
_DOUBLED: Final = ("{{", "}}")
_OF_TRIAL: Final = re.compile(rf"\{{({'|'.join(IN_CONFIGS)})\}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A placeholder.

    Attributes:
        name: the name whose value it takes.
        flag: the argument to pass if that value is true, or not null if it has placeholders itself; None for the value.
        off: the argument to pass if it is false; None for none.
        whole: whether it is the whole argument.
    """

    name: str
    flag: str | None
    whole: bool
    off: str | None = None

    @property
    def is_optional(self) -> bool:
        """Whether it is an argument with placeholders of its own, left out where its value is null."""
        return self.flag is not None and "{" in self.flag


@dataclass(frozen=True, slots=True)
class Arguments:
    """The value of a placeholder that several arguments take the place of."""

    texts: Sequence[str]


def placeholders(argument: str) -> Iterator[Placeholder | None]:
    """Yield the placeholders of an argument, each before those within it; None for a single brace."""
    for match in _BRACES.finditer(argument):
        if match.group(1) is not None:
            name, switch, flag = match.group(1).partition("?")
            on, either, off = flag.partition("|")
            yield Placeholder(
                name=name,
                flag=on if switch else None,
                off=off if either else None,
                whole=match.group(0) == argument,
            )
            if "{" in flag:
                yield from placeholders(flag)
        elif match.group(0) not in _DOUBLED:
            yield None


def switches(value: object) -> bool:
    """Return whether a value turns a flag on or off."""
    return any(value is each or (isinstance(each, str) and value == each) for each in (*ON, *OFF))


def filled(command: Sequence[str], values: Mapping[str, object]) -> list[str]:
    """Return the arguments of a command with all placeholders replaced; a flag that is off is left out.

    Args:
        values: by name; an `Arguments` takes the place of its placeholder.

    Raises:
        KeyError: a name has no value, which does not happen in a checked study.
    """
    return [text for argument in command for text in _arguments(argument, values)]


def fill(argument: str, values: Mapping[str, object]) -> str:
    """Replace ``{name}`` by its value as text; ``{{`` and ``}}`` are literal braces."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        return match.group(0)[0] if name is None else as_text(values[name])

    return _BRACES.sub(replace, argument)


def _arguments(argument: str, values: Mapping[str, object]) -> Sequence[str]:
    found = next(placeholders(argument), None)
    value = values.get(found.name) if found is not None and found.whole else None
    if isinstance(value, Arguments):
        return value.texts
    if found is None or found.flag is None:
        return [fill(argument, values)]
    if found.is_optional:
        value = values[found.name]
        return [] if value is None else [fill(found.flag, values)]
    flag = found.flag if value is True or value == "on" else found.off
    return [] if flag is None else [flag]


def as_text(value: object) -> str:
    """Return a value as programs read it."""
    return value if isinstance(value, str) else json.dumps(value)


def names_in_config(config: Config) -> set[str]:
    """Return the names of the placeholders in the values of a configuration."""
    return {name for text in _texts(config) for name in _OF_TRIAL.findall(text)}


def filled_config(config: Config, values: Mapping[str, object]) -> dict[str, object]:
    """Return a configuration with the placeholders of its values replaced; one that is the whole text keeps its type.

    >>> filled_config({"seed": "{seed}", "out": "{run_dir}/model", "name": "{epoch:02d}"}, {"seed": 3, "run_dir": "/r"})
    {'seed': 3, 'out': '/r/model', 'name': '{epoch:02d}'}
    """
    return {name: _filled_value(value, values) for name, value in config.items()}


def _filled_value(value: object, values: Mapping[str, object]) -> object:
    if isinstance(value, Mapping):
        return filled_config(value, values)
    if isinstance(value, list):
        return [_filled_value(each, values) for each in value]
    if not isinstance(value, str):
        return value
    whole = _OF_TRIAL.fullmatch(value)
    if whole is not None and whole[1] in values:
        return values[whole[1]]
    return _OF_TRIAL.sub(lambda found: as_text(values[found[1]]) if found[1] in values else found[0], value)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
