"""The kinds of values that study files hold: names, levels, numbers and margins."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from sweeper.spec.price import parsed_price
from trainer.config.wording import shown

LARGEST_INTEGER: Final = 2**63 - 1  # the largest that databases and JSON readers hold exactly
LONGEST_NAME: Final = 100
_FORBIDDEN: Final = frozenset('/\\:*?"<>|{}')
_PERCENT: Final = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*%\s*$")


class Section(BaseModel):
    """A part of the study file. Unknown keys are errors, and values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def checked_name(name: str) -> str:
    """Return a name that can name a directory, an Optuna study and a column.

    Raises:
        ValueError: it cannot.
    """
    fault = _fault_of_name(name)
    if fault:
        raise ValueError(f"{shown(name)} {fault}. Use letters, digits, '-', '_' and '.', e.g. short-screen.")
    return name


def _fault_of_name(name: str) -> str:
    if not name.strip():
        return "is an empty name"
    if len(name.encode(errors="replace")) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} bytes"
    if name != name.strip():
        return "begins or ends with a space"
    bad = next((character for character in name if character in _FORBIDDEN or not character.isprintable()), None)
    if bad is not None:
        return f"contains {bad!r}, which is not allowed in a name"
    if name[0] in ".-" or ".." in name or name.endswith("."):
        return "begins with '.' or '-', ends with '.' or contains '..', which is not safe in a directory name"
    return ""


def checked_level(value: object) -> object:
    """Return a level: a single value, or lists and mappings of them.

    Raises:
        ValueError: it is something else, e.g. a date.
    """
    if isinstance(value, list):
        return [checked_level(each) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: checked_level(each) for key, each in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"{shown(value)} is not a level: a number, a string, true, false, null, or a list or mapping of them."
    )


def checked_number(value: object) -> int | float:
    """Return a number; an integer stays one.

    Raises:
        ValueError: it is not a number, or an integer that no float comes near.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is not a number. Use e.g. 0.1 or 1e-4.")
    if isinstance(value, int) and (fault := integer_fault(value)):
        raise ValueError(fault)
    return value


def integer_fault(value: int) -> str:
    """Return what is wrong with an integer that is too large to store; empty if nothing is."""
    if -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return ""
    return f"{shown(value)} is larger than the largest integer, {LARGEST_INTEGER}. Use a smaller one."


def checked_margin(value: object) -> int | float | str:
    """Return a margin: a number in the metric's unit, or a percentage.

    Raises:
        ValueError: it is neither, or negative, or 100% or more.
    """
    remedy = "Use a percentage, e.g. 1%, or a number in the metric's unit (nats for perplexities), e.g. 0.005."
    if isinstance(value, str):
        match = _PERCENT.match(value)
        if match is None:
            raise ValueError(f"{shown(value)} is not a margin. {remedy}")
        if not 0 <= float(match.group(1)) < 100:
            raise ValueError(f"{shown(value)} is not between 0% and 100%. `expect` gives the direction. {remedy}")
        return f"{match.group(1)}%"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is not a margin. {remedy}")
    if value < 0:
        raise ValueError(f"{shown(value)} is negative. A margin is a size; `expect` gives the direction. {remedy}")
    return value


def checked_spread(value: object) -> int | float | str:
    """Return a standard deviation: a number in the metric's unit, or a percentage; more than 0.

    Raises:
        ValueError: it is neither.
    """
    remedy = "Use a percentage of the metric, e.g. 0.6%, or a number in its unit, e.g. 0.02."
    match = _PERCENT.match(value) if isinstance(value, str) else None
    if match is not None:
        if not 0 < float(match.group(1)) < 100:
            raise ValueError(f"{shown(value)} is not between 0% and 100%. {remedy}")
        return f"{match.group(1)}%"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is not a standard deviation. {remedy}")
    if value <= 0:
        raise ValueError(f"{shown(value)} is not greater than 0, as a standard deviation must be. {remedy}")
    return value


def checked_effect(value: object) -> int | float | str:
    """Return an effect with its sign: a number in the metric's unit, or a percentage.

    Raises:
        ValueError: it is neither, or a decrease by 100% or more.
    """
    remedy = "Use a percentage of the metric, e.g. -2%, or a number in its unit, e.g. -0.02."
    match = _PERCENT.match(value) if isinstance(value, str) else None
    if match is not None:
        if not float(match.group(1)) > -100:
            raise ValueError(f"{shown(value)} leaves nothing of the metric. {remedy}")
        return f"{match.group(1)}%"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is not an effect. {remedy}")
    return value


def checked_most_seeds(value: object) -> object:
    """Return a number of seeds, or none.

    Raises:
        ValueError: it is neither.
    """
    if value in ("none", None) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"{shown(value)} is not a number of seeds. Use e.g. 12, or none for no maximum.")


def checked_futility(value: object) -> object:
    """Return a probability, or false.

    Raises:
        ValueError: it is neither.
    """
    if value is False:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise ValueError(f"{shown(value)} is not a probability. Use e.g. 0.1, or false to never give up a claim.")
    return float(value)


def checked_price(value: object) -> object:
    """Return a price as it is written.

    Raises:
        ValueError: it is none.
    """
    if parsed_price(value) is None:
        raise ValueError(
            f"{shown(value)} is not a price. Use a number greater than 0, or one with its currency, e.g. 2.49 EUR."
        )
    return value


Count = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Name = Annotated[str, AfterValidator(checked_name)]
LevelValue = Annotated[
    object,
    AfterValidator(checked_level),
    WithJsonSchema({"type": ["number", "string", "boolean", "null", "array", "object"]}),
]
NumberValue = Annotated[int | float, BeforeValidator(checked_number), WithJsonSchema({"type": "number"})]
MarginValue = Annotated[
    int | float | str,
    BeforeValidator(checked_margin),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\s*[0-9.eE+-]+\s*%\s*$"}]}
    ),
]
SpreadValue = Annotated[
    int | float | str,
    BeforeValidator(checked_spread),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9.eE+-]+\s*%\s*$"},
            ]
        }
    ),
]
PriceValue = Annotated[
    int | float | str,
    BeforeValidator(checked_price),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*[^0-9\s.,+-]"},
            ]
        }
    ),
]
Text = Annotated[str, Field(min_length=1)]
EffectValue = Annotated[
    int | float | str,
    BeforeValidator(checked_effect),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\s*[-+]?[0-9.]+(e[-+]?[0-9]+)?\s*%\s*$"}]}
    ),
]
