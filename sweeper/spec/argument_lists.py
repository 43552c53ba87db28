"""``{args}`` and ``{overrides}`` in a command: each value of the configuration as an argument, so none is forgotten.

Values that are the whole value of another argument, as in ``"{data}"`` or ``"--data={data}"``, are left out.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from sweeper.designs.paths import Config, leaves
from sweeper.spec.placeholders import as_text, placeholders

_WHOLE_VALUE: Final = re.compile(r"(?:[-+~\w./@]+=)?\{[^{}?]*\}")
_PLAIN: Final = re.compile(r"[A-Za-z_/.][\w/.\-+@%]*")  # what Hydra reads as a string without quotes
_NO_TEXT: Final = re.compile(r"true|false|null|none|nan|inf", re.IGNORECASE)  # or might not


def args_of(config: Config, without: Collection[str] = ()) -> list[str]:
    """Return a configuration as options, ``--lr=0.1``: true is a flag, and what is false or null is left out.

    >>> args_of({"lr": 1e-4, "model": {"layers": 2}, "amp": True, "tied": False})
    ['--lr=0.0001', '--model.layers=2', '--amp']
    """
    return [
        f"--{path}" if value is True else f"--{path}={as_text(value)}"
        for path, value in _passed(config, without)
        if value is not None and value is not False
    ]


def overrides_of(config: Config, without: Collection[str] = ()) -> list[str]:
    """Return a configuration as overrides of Hydra, with quotes where its grammar needs them.

    >>> overrides_of({"model": {"lr": 1e-4, "name": "a b"}, "tied": None, "seeds": [1, 2]})
    ['model.lr=0.0001', "model.name='a b'", 'tied=null', 'seeds=[1,2]']
    """
    return [f"{path}={_hydra(value)}" for path, value in _passed(config, without)]


LISTS: Final[Mapping[str, Callable[[Config, Collection[str]], list[str]]]] = {
    "args": args_of,
    "overrides": overrides_of,
}


def passed_by_name(command: Sequence[str]) -> set[str]:
    """Return the names whose values a command passes in arguments of their own."""
    return {
        found.name
        for argument in command
        for found in placeholders(argument)
        if found is not None and (found.flag is not None or _WHOLE_VALUE.fullmatch(argument))
    }


def lists_in(command: Sequence[str]) -> set[str]:
    """Return which of the lists a command has."""
    return {found.name for argument in command for found in placeholders(argument) if found is not None} & set(LISTS)


def _passed(config: Config, without: Collection[str]) -> Iterator[tuple[str, object]]:
    """Yield the values that are not passed by a name of their own, nor with a section that is."""
    passed = tuple(f"{name}." for name in without)
    return ((path, value) for path, value in leaves(config) if path not in without and not path.startswith(passed))


def _hydra(value: object) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and not _NO_TEXT.fullmatch(value) else _quoted(value)
    if isinstance(value, list):
        return f"[{','.join(map(_hydra, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{_hydra(key)}:{_hydra(inner)}' for key, inner in value.items())}}}"
    return json.dumps(value)


def _quoted(text: str) -> str:
    r"""Return a text in Hydra's quotes, in which backslashes count only before a quote."""
    return "'" + re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text) + "'"
