"""Check values against type hints, to find what does not fit in files that anybody may have edited."""

import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

LARGEST: Final = 2**63  # of a number: what stores and frames hold
SHOWN: Final = 60  # characters of a value

Hint = Any  # what an annotation evaluates to
Record = TypeVar("Record")


class Misfit(ValueError):  # noqa: N818 - what it is
    """A value does not fit where it is; the message names both."""

    def __init__(self, where: str, value: object, wanted: str) -> None:
        text = repr(value)
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
        super().__init__(f"{where}: {shown} is not {wanted}")


def conform(value: Any, hint: Hint, where: str) -> None:
    """Check that a value has the type that a hint names, with everything in it.

    Args:
        where: the value's place, for the error.

    Raises:
        Misfit: it does not.
    """
    origin: Hint = get_origin(hint)
    kind = hint if origin is None else origin
    if hint in (Any, object):
        return
    if kind in (typing.Union, UnionType):
        _conform_to_one(value, get_args(hint), where)
    elif kind is Literal:
        if not any(value == each and type(value) is type(each) for each in get_args(hint)):
            raise Misfit(where, value, f"one of {', '.join(map(repr, get_args(hint)))}")
    elif kind is tuple:
        _conform_items(value, get_args(hint), where)
    elif isinstance(kind, type) and issubclass(kind, Mapping):
        _conform_mapping(value, get_args(hint), where)
    elif is_dataclass(kind) and type(value) is kind:
        hints = typing.get_type_hints(kind)
        for field in fields(kind):
            conform(getattr(value, field.name), hints[field.name], f"{where}.{field.name}")
    elif not (_CHECKS.get(kind) or (lambda each: isinstance(each, kind)))(value):
        raise Misfit(where, value, _NAMES.get(kind, f"a {getattr(kind, '__name__', kind)}"))


def record(kind: type[Record], row: object, where: str) -> Record:
    """Return a record of the fields that a mapping has, of the types that the record names.

    Raises:
        Misfit: a field is missing, or has another type.
    """
    if not isinstance(row, Mapping):
        raise Misfit(where, row, "a mapping")
    hints = typing.get_type_hints(kind)
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]  # a dataclass
        if field.name not in row:
            if field.default is not MISSING:  # earlier versions did not write it
                continue
            raise ValueError(f"{where}: {field.name} is missing")
        values[field.name] = row[field.name]
        conform(values[field.name], hints[field.name], f"{where}.{field.name}")
    return kind(**values)


def known(value: object, all_known: Collection[object], what: str, where: str) -> None:
    """Check that a value is one of those that are known.

    Raises:
        Misfit: it is none of them.
    """
    if value not in all_known:
        raise Misfit(where, value, what)


def _conform_to_one(value: object, options: Sequence[Hint], where: str) -> None:
    misfits = []
    for option in options:
        if option is NoneType and value is None:
            return
        try:
            conform(value, option, where)
        except Misfit as misfit:
            misfits.append(misfit)
        else:
            return
    raise next(misfit for option, misfit in zip(options, misfits, strict=True) if option is not NoneType)


def _conform_items(value: object, hints: Sequence[Hint], where: str) -> None:
    if not isinstance(value, tuple):
        raise Misfit(where, value, "a list")
    if len(hints) == 2 and hints[1] is ...:
        hints = (hints[0],) * len(value)
    if len(hints) != len(value):
        raise Misfit(where, value, f"a list of {len(hints)}")
    for index, (item, hint) in enumerate(zip(value, hints, strict=True)):
        conform(item, hint, f"{where}[{index}]")


def _conform_mapping(value: object, hints: Sequence[Hint], where: str) -> None:
    if not isinstance(value, Mapping):
        raise Misfit(where, value, "a mapping")
    for key, item in value.items():
        for each, hint in zip((key, item), hints, strict=False):
            conform(each, hint, f"{where}.{key}")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -LARGEST <= value < LARGEST


_CHECKS: Final[Mapping[Hint, Callable[[object], bool]]] = {
    int: _is_integer,
    float: lambda value: isinstance(value, float) or _is_integer(value),
    NoneType: lambda value: value is None,
}
_NAMES: Final[Mapping[Hint, str]] = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "a text",
    NoneType: "null",
}
