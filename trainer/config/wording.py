"""Error messages about configurations and studies: the value, what is wrong with it, what to do."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]
LONGEST_VALUE: Final = 60
_SYNONYMS: Final = {  # not similar in spelling
    "gpu": "cuda",
    "transformer": "transformer_xl",
    "lstm": "awd_lstm",
    "llama": "modern_gpt",
}

_TYPES: Final = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "a string",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
_BOUNDS: Final = {
    "greater_than": ("is not greater than", "gt"),
    "greater_than_equal": ("is less than the minimum,", "ge"),
    "less_than": ("is not less than", "lt"),
    "less_than_equal": ("is greater than the maximum,", "le"),
    "multiple_of": ("is not a multiple of", "multiple_of"),
}
_SIZES: Final = {
    "too_short": "{value} has too few items; the minimum is {min_length}.",
    "too_long": "{value} has too many items; the maximum is {max_length}.",
    "string_too_short": "{value} is empty.",
    "string_too_long": "{value} is longer than {max_length} characters.",
    "string_pattern_mismatch": "{value} does not have the required form.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file.

    Attributes:
        path: where it is, from the root of the file.
        message: the value, what is wrong with it and what to do.
        at_key: whether the key is wrong, and not its value.
    """

    path: Path
    message: str
    at_key: bool = False

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}" if self.path else self.message


class ConfigError(ValueError):
    """A configuration has mistakes; `problems` holds all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def dotted(path: Path) -> str:
    """Return a path as users write it, ``phases[0].name``, always as one line."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if part.isprintable() else repr(part)
            text += f".{word}" if text else word
    return text


def shown(value: object) -> str:
    """Return a value as messages show it: quoted if it is a string, cut if it is long."""
    text = {None: "null", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    text = text if text is not None else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def suggestion(word: str, choices: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` if one of the choices is similar or means the same, else an empty string."""
    choices = list(choices)
    if _SYNONYMS.get(word.lower()) in choices:
        return f" Did you mean '{_SYNONYMS[word.lower()]}'?"
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def fault(kind: str, value: object, context: Mapping[str, Any], message: str) -> str:
    """Return what is wrong with a value, in a sentence.

    Args:
        kind, context, message: of pydantic's error; its message is used for kinds without one of ours.
    """
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"{shown(value)} is not written as an integer. Use {int(value)}."
    if kind in _TYPES:
        return f"{shown(value)} is not {_TYPES[kind]}."
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return f"{shown(value)} {word} {context[key]:g}."
    if kind == "literal_error":
        named = [part.strip().strip("'") for part in context["expected"].replace(" or ", ", ").split(",")]
        choices = [{"True": "true", "False": "false"}.get(name, name) for name in named]
        allowed = choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
        return f"{shown(value)} is not {allowed}.{suggestion(str(value), choices)}"
    if kind in _SIZES:
        return _SIZES[kind].format(**{**context, "value": shown(value)})
    return f"{shown(value)}: {message}."


def unknown_key(word: str, owner: type[BaseModel] | None) -> str:
    """Return what is wrong with a key that its section does not have."""
    keys = sorted(key_of(name, field) for name, field in owner.model_fields.items()) if owner is not None else []
    if word.partition(":")[0] in keys:
        return f"{shown(word)} is read as one key. Put a space after the colon."
    return f"{shown(word)} is an unknown key.{suggestion(word, keys)} Allowed keys: {', '.join(keys)}."


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    *,
    unknown_key: Callable[[str, type[BaseModel] | None], str] = unknown_key,
    custom: Mapping[str, Callable[[object], str]] = MappingProxyType({}),
) -> tuple[Problem, ...]:
    """Return the problems of a pydantic error, with the descriptions of the model's fields as advice.

    Args:
        unknown_key: what to say about a key that its section does not have.
        custom: what to say about a value, by the kind of an error that the model itself defines.
    """

    def problem(details: ErrorDetails) -> Problem:
        kind, value, context = details["type"], details["input"], details.get("ctx", {})
        location: Path = details["loc"]
        is_key = bool(location) and location[-1] == "[key]"
        path, owner, hint = _follow(location[:-1] if is_key else location, model)
        if kind == "extra_forbidden":
            return Problem(path, unknown_key(str(location[-1]), owner), at_key=True)
        if kind == "missing":
            return Problem(path, f"is missing. {hint}".strip())
        if kind == "value_error":  # our own messages are complete
            return Problem(path, str(context.get("error", details["msg"])), at_key=is_key)
        if kind in custom:
            return Problem(path, custom[kind](value))
        said = "has no value." if value is None else fault(kind, value, context, details["msg"])
        return Problem(path, f"{said} {hint}".strip(), at_key=is_key)

    return tuple(dict.fromkeys(problem(details) for details in error.errors(include_url=False)))


def _follow(location: Path, model: type[BaseModel]) -> tuple[Path, type[BaseModel] | None, str]:
    """Return the user's path of a location, the model that has its last key, and the advice of its last field.

    The tags of unions are not the user's keys and are left out.
    """
    path: list[str | int] = []
    types: list[object] = [model]
    owner: type[BaseModel] | None = None
    hint = ""
    for part in location:
        tagged = next((each for each in types if _tag(each) is not None and _tag(each) == part), None)
        if tagged is not None:
            types = [_plain(tagged)]
            continue
        owner = next((each for each in types if isinstance(each, type) and issubclass(each, BaseModel)), None)
        field = _field(owner, part)
        if field is not None:
            hint = field.description or hint
            types = _members(field.annotation)
        else:
            types = [inner for each in types for inner in _members(_inner(each))]
        path.append(part)
    return tuple(path), owner, hint


def key_of(name: str, field: FieldInfo) -> str:
    """Return the key of a field in the user's file."""
    return field.alias or name


def _field(owner: type[BaseModel] | None, part: int | str) -> FieldInfo | None:
    fields = owner.model_fields.items() if owner is not None else ()
    return next((field for name, field in fields if key_of(name, field) == part), None)


def _members(annotation: object) -> list[object]:
    """Return the members of a union, with their tags; of any other type, the type itself."""
    if hasattr(annotation, "__metadata__"):
        return [annotation] if _tag(annotation) is not None else _members(_plain(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return [inner for each in get_args(annotation) for inner in _members(each)]
    return [annotation]


def _tag(annotation: object) -> str | None:
    return next((each.tag for each in getattr(annotation, "__metadata__", ()) if isinstance(each, Tag)), None)


def _plain(annotation: object) -> object:
    while hasattr(annotation, "__metadata__"):
        annotation = getattr(annotation, "__origin__")  # noqa: B009 - of typing's Annotated, which has no public type
    return annotation


def _inner(annotation: object) -> object:
    """Return the type of a list's items or of a mapping's values."""
    plain = _plain(annotation)
    arguments = get_args(plain)
    return arguments[-1] if get_origin(plain) in (list, dict) and arguments else object
