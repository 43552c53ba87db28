"""Placeholders in a command: ``{name}`` is a value, ``{name?--flag}`` a flag that a value turns on or off."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

ALWAYS: Final = ("seed", "run_dir", "config", "python")
ON: Final = (True, "on")  # "on" and "off" are the levels of a factor with on and off
OFF: Final = (False, "off", None)
_BRACES: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_DOUBLED: Final = ("{{", "}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A placeholder.

    Attributes:
        name: the name whose value it takes.
        flag: the argument to pass if that value is true; None for the value itself.
        whole: whether it is the whole argument.
    """

    name: str
    flag: str | None
    whole: bool


def placeholders(argument: str) -> Iterator[Placeholder | None]:
    """Yield the placeholders of an argument; None for a single brace."""
    for match in _BRACES.finditer(argument):
        if match.group(1) is not None:
            name, switch, flag = match.group(1).partition("?")
            yield Placeholder(name=name, flag=flag if switch else None, whole=match.group(0) == argument)
        elif match.group(0) not in _DOUBLED:
            yield None


def switches(value: object) -> bool:
    """Return whether a value turns a flag on or off."""
    return any(value is each or (isinstance(each, str) and value == each) for each in (*ON, *OFF))


def filled(command: Sequence[str], values: Mapping[str, object]) -> list[str]:
    """Return the arguments of a command with all placeholders replaced; a flag that is off is left out.

    Raises:
        KeyError: a name has no value, which does not happen in a checked study.
    """
    return [text for argument in command if (text := _argument(argument, values)) is not None]


def fill(argument: str, values: Mapping[str, object]) -> str:
    """Replace ``{name}`` by its value as text; ``{{`` and ``}}`` are literal braces."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        return match.group(0)[0] if name is None else as_text(values[name])

    return _BRACES.sub(replace, argument)


def _argument(argument: str, values: Mapping[str, object]) -> str | None:
    found = next(placeholders(argument), None)
    if found is None or found.flag is None:
        return fill(argument, values)
    value = values[found.name]
    return found.flag if value is True or value == "on" else None


def as_text(value: object) -> str:
    """Return a value as programs read it."""
    return value if isinstance(value, str) else json.dumps(value)
