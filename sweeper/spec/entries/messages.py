"""Pydantic's errors about a study file as problems: the value, what is wrong with it, what to do."""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import BaseModel, ValidationError

from sweeper.spec.entries.designs import unknown_design
from sweeper.spec.entries.study import RetryEntry, unknown_program
from trainer.config.wording import Problem, problems_of, shown, suggestion
from trainer.config.wording import unknown_key as plain_unknown_key

FINAL_REASONS: Final = ("completed", "pruned", "cancelled", "budget_exhausted")
FREE_REASONS: Final = ("preempted",)
_UNIONS: Final[Mapping[str, Callable[[object], str]]] = {
    "unknown_design": unknown_design,
    "unknown_program": unknown_program,
}


def problems_in(error: ValidationError, model: type[BaseModel]) -> tuple[Problem, ...]:
    """Return the problems of an error about a study file."""
    return problems_of(error, model, unknown_key=unknown_key, custom=_UNIONS)


def unknown_key(word: str, owner: type[BaseModel] | None) -> str:
    """Return what is wrong with a key that its section does not have."""
    return unknown_reason(word) if owner is RetryEntry else plain_unknown_key(word, owner)


def unknown_reason(word: str) -> str:
    """Return what is wrong with a key of `retry` that is not an exit reason with retries."""
    keys = sorted(RetryEntry.model_fields)
    allowed = f"Reasons: {', '.join(keys)}."
    if word in FINAL_REASONS:
        return f"{shown(word)} ends a trial for good, so it has no retries. Remove it. {allowed}"
    if word in FREE_REASONS:
        return f"{shown(word)} attempts always resume and are not counted. Remove it. {allowed}"
    return f"{shown(word)} is not an exit reason.{suggestion(word, keys)} {allowed}"
