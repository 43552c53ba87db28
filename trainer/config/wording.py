"""A mistake in a configuration in the user's words: the value, what is wrong with it, what to do."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]
LONGEST_VALUE: Final = 60
_SYNONYMS: Final = {"gpu": "cuda", "transformer": "transformer_xl", "lstm": "awd_lstm"}  # no spelling is near

_TYPES: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
_BOUNDS: Final = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
_SIZES: Final = {
    "too_short": "{value} has too few items: at least {min_length} must be there.",
    "too_long": "{value} has too many items: at most {max_length} may be there.",
    "string_too_short": "{value} is empty.",
    "string_too_long": "{value} is longer than {max_length} characters.",
    "string_pattern_mismatch": "{value} is not of the right form.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        path: where it is, from the configuration's root.
        message: the value, what is wrong with it and what to do.
    """

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}" if self.path else self.message


class ConfigError(ValueError):
    """A configuration has mistakes; all of them are in `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def dotted(path: Path) -> str:
    """A path as users write it: ``phases[0].name``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def shown(value: object) -> str:
    """A value in a message: quoted if it is text, cut if it is long."""
    text = {None: "null", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    text = text if text is not None else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def suggestion(word: str, choices: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` if one of the choices is near or means the same, else nothing."""
    choices = list(choices)
    if _SYNONYMS.get(word.lower()) in choices:
        return f" Did you mean '{_SYNONYMS[word.lower()]}'?"
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def fault(kind: str, value: object, context: Mapping[str, Any], message: str) -> str:
    """What is wrong with a value, in a sentence.

    Args:
        kind, context, message: of pydantic's error; its own words serve where ours know nothing of its kind.
    """
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"{shown(value)} is not written as a whole number; write {int(value)}."
    if kind in _TYPES:
        return f"{shown(value)} is not {_TYPES[kind]}."
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return f"{shown(value)} is not {word} {context[key]:g}."
    if kind == "literal_error":
        choices = [part.strip().strip("'") for part in context["expected"].replace(" or ", ", ").split(",")]
        allowed = choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
        return f"{shown(value)} is not {allowed}.{suggestion(str(value), choices)}"
    if kind in _SIZES:
        return _SIZES[kind].format(**{**context, "value": shown(value)})
    return f"{shown(value)}: {message}."


def problems_of(error: ValidationError, model: type[BaseModel]) -> tuple[Problem, ...]:
    """A pydantic error's mistakes in words, with the descriptions of the model's fields as advice."""
    found = [_problem(details, model) for details in error.errors(include_url=False)]
    return tuple(dict.fromkeys(found))


def _problem(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    location: Path = details["loc"]
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    path, owner, hint = _follow(location, model)
    if kind == "extra_forbidden":
        choices = list(owner.model_fields) if owner is not None else []
        word = str(location[-1])
        return Problem(path, f"unknown key.{suggestion(word, choices)} Allowed keys: {', '.join(sorted(choices))}.")
    if kind == "missing":
        return Problem(path, f"is missing. {hint}".strip())
    if kind == "value_error":  # our own rules say all there is to say
        return Problem(path, str(context.get("error", details["msg"])))
    return Problem(path, f"{fault(kind, value, context, details['msg'])} {hint}".strip())


def _follow(location: Path, model: type[BaseModel]) -> tuple[Path, type[BaseModel] | None, str]:
    """The user's path of a location, the model that owns its last key, and the advice of its last field.

    Pydantic puts the names of union members into its locations; they are no keys of the user's and are left out.
    """
    path: list[str | int] = []
    owner: type[BaseModel] | None = model
    hint = ""
    candidates: list[type[BaseModel]] = [model]
    for place, part in enumerate(location):
        last = place == len(location) - 1
        fields = next((each for each in candidates if part in each.model_fields), None)
        if fields is not None and isinstance(part, str):
            field = fields.model_fields[part]
            path.append(part)
            owner, hint = fields, field.description or hint
            candidates = _models_in(field.annotation)
        elif isinstance(part, int):
            path.append(part)
        elif any(part == each.__name__ for each in candidates):
            candidates = [each for each in candidates if part == each.__name__]
            owner = candidates[0]
        elif not (last and _is_union_tag(part)) and not _is_union_tag(part):
            path.append(part)
            owner = candidates[0] if len(candidates) == 1 else None
    return tuple(path), owner, hint


def _is_union_tag(part: str | int) -> bool:
    tags = ("int", "float", "str", "bool", "none", "constrained-int", "constrained-str", "constrained-float")
    return part in tags or (isinstance(part, str) and ("[" in part or part.startswith("function-")))


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """The pydantic models within a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found += _models_in(argument)
    return found
