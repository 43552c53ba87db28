"""Pydantic's errors in the user's words: the value, what is wrong with it, what to do."""

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sweeper.spec.entries.designs import unknown_design
from sweeper.spec.entries.study import RetryEntry, unknown_program
from sweeper.spec.yaml_source import KeyPath
from trainer.config.wording import fault, shown, suggestion

FINAL_REASONS: Final = ("completed", "pruned", "cancelled", "budget_exhausted")
FREE_REASONS: Final = ("preempted",)
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
    if owner is RetryEntry:
        return unknown_reason(word, keys)
    if word.partition(":")[0] in keys:
        return f"{shown(word)} is read as one key. Put a space behind the colon."
    return f"{shown(word)} is an unknown key.{suggestion(word, keys)} Allowed keys: {', '.join(keys)}."


def unknown_reason(word: str, keys: list[str]) -> str:
    """Return what is wrong with a key of `retry` that is not an exit reason with retries."""
    allowed = f"Reasons: {', '.join(keys)}."
    if word in FINAL_REASONS:
        return f"{shown(word)} ends a trial for good, so it has no retries. Remove it. {allowed}"
    if word in FREE_REASONS:
        return f"{shown(word)} attempts always resume and are not counted. Remove it. {allowed}"
    return f"{shown(word)} is not an exit reason.{suggestion(word, keys)} {allowed}"


def _wrong(kind: str, value: object, details: ErrorDetails, hint: str) -> str:
    context: Mapping[str, Any] = details.get("ctx", {})
    if kind == "value_error":  # our own rules say all there is to say
        return str(context["error"])
    if kind in _UNIONS:
        return _UNIONS[kind](value)
    said = "has no value." if value is None else fault(kind, value, context, details["msg"])
    return f"{said} {hint}".strip()


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
