"""Pydantic's errors in the user's words: the value, what is wrong with it, what to do."""

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sweeper.spec.designs import unknown_design
from sweeper.spec.models import unknown_program
from sweeper.spec.retries import unknown_reason
from sweeper.yaml_source import KeyPath
from trainer.config.wording import shown, suggestion

_TYPES: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
}
_BOUNDS: Final = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


_UNIONS: Final[Mapping[str, Callable[[object], str]]] = {
    "unknown_design": unknown_design,
    "unknown_program": unknown_program,
}


def faults(error: ValidationError, model: type[BaseModel]) -> list[tuple[KeyPath, str, bool]]:
    """An error's mistakes: the path, the message, and whether it is the key that is wrong."""
    found = [_fault(details, model) for details in error.errors(include_url=False)]
    return list(dict.fromkeys(found))


def _fault(details: ErrorDetails, model: type[BaseModel]) -> tuple[KeyPath, str, bool]:
    kind, value = details["type"], details["input"]
    location, at_key = details["loc"], False
    if location and location[-1] == "[key]":
        location, at_key = location[:-1], True
    path, owner, hint = _follow(location, model)
    if kind == "extra_forbidden":
        return path, _unknown_key(str(location[-1]), owner), True
    if kind == "missing":
        return path, f"is missing. {hint}".strip(), False
    return path, _wrong(kind, value, details, hint), at_key


def _unknown_key(word: str, owner: type[BaseModel] | None) -> str:
    keys = sorted(_key(name, field) for name, field in owner.model_fields.items()) if owner is not None else []
    if owner is not None and owner.__name__ == "Retry":
        return unknown_reason(word, keys)
    return f"{shown(word)} is an unknown key.{suggestion(word, keys)} Allowed keys: {', '.join(keys)}."


def _wrong(kind: str, value: object, details: ErrorDetails, hint: str) -> str:
    context: Mapping[str, Any] = details.get("ctx", {})
    if kind == "value_error":  # our own rules say all there is to say
        return str(context["error"])
    if kind in _UNIONS:
        return _UNIONS[kind](value)
    return f"{_what(kind, value, context, details['msg'])} {hint}".strip()


def _what(kind: str, value: object, context: Mapping[str, Any], message: str) -> str:  # noqa: PLR0911 - a case a kind
    if value is None:
        return "has no value."
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"{shown(value)} is not written as a whole number; write {int(value)}."
    if kind in _TYPES:
        return f"{shown(value)} is not {_TYPES[kind]}."
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return f"{shown(value)} is not {word} {context[key]:g}."
    if kind == "literal_error":
        choices = [part.strip().strip("'") for part in context["expected"].replace(" or ", ", ").split(",")]
        return f"{shown(value)} is not {_one_of(choices)}.{suggestion(str(value), choices)}"
    if kind == "too_short":
        return f"{shown(value)} has too few items: at least {context['min_length']} must be there."
    if kind == "too_long":
        return f"{shown(value)} has too many items: at most {context['max_length']} may be there."
    if kind == "string_too_short":
        return f"{shown(value)} is empty."
    if kind == "string_too_long":
        return f"{shown(value)} is longer than {context['max_length']} characters."
    if kind == "string_pattern_mismatch":
        return f"{shown(value)} is not of the right form."
    return f"{shown(value)}: {message}."


def _one_of(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _follow(location: tuple[int | str, ...], model: type[BaseModel]) -> tuple[KeyPath, type[BaseModel] | None, str]:
    """The user's path of a location, the section that holds its last part, and the advice of its last field.

    The tags of our unions, written ``<tag>``, are no keys of the user's and are left out.
    """
    path: list[str | int] = []
    types: list[Any] = [model]
    owner: type[BaseModel] | None = None
    hint = ""
    for part in location:
        tagged = _with_tag(types, part)
        if tagged is not None:
            types = [tagged]
            continue
        owner = next((each for each in types if _is_model(each)), None)
        field = _field(owner, part)
        if field is not None:
            hint = field.description or hint
            types = _members(field.annotation)
        else:
            types = [inner for each in types for inner in _members(_inner(each))]
        path.append(part)
    return tuple(path), owner, hint


def _field(owner: type[BaseModel] | None, part: int | str) -> FieldInfo | None:
    fields = owner.model_fields.items() if owner is not None else ()
    return next((field for name, field in fields if _key(name, field) == part), None)


def _members(annotation: Any) -> list[Any]:
    """What a type may be: the members of a union, tags kept."""
    if get_origin(annotation) is not None and hasattr(annotation, "__metadata__"):
        if _tag(annotation) is not None:
            return [annotation]
        return _members(annotation.__origin__)
    arguments = get_args(annotation)
    if arguments and get_origin(annotation) not in (list, dict):
        return [inner for each in arguments for inner in _members(each)]
    return [annotation]


def _tag(annotation: Any) -> str | None:
    return next((each.tag for each in getattr(annotation, "__metadata__", ()) if hasattr(each, "tag")), None)


def _with_tag(types: list[Any], part: int | str) -> Any:
    found = next((each for each in types if _tag(each) is not None and _tag(each) == part), None)
    return None if found is None else _plain(found)


def _plain(annotation: Any) -> Any:
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    return annotation


def _inner(annotation: Any) -> Any:
    """The type of a list's items or a mapping's values."""
    plain = _plain(annotation)
    arguments = get_args(plain)
    return arguments[-1] if get_origin(plain) in (list, dict) and arguments else object


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
