"""Checks of values that no part of a study can have: not finite, too large, or strings that cannot be stored."""

import math

from sweeper.spec.entries.values import integer_fault
from sweeper.spec.error_collector import ErrorCollector
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown


def check_values(value: object, errors: ErrorCollector, path: KeyPath = ()) -> None:
    """Report every such value, wherever it is."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if fault := _fault(key):
                errors.add((*path, key), fault, at_key=True)
            check_values(inner, errors, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            check_values(inner, errors, (*path, index))
    elif fault := _fault(value):
        errors.add(path, fault)


def _fault(value: object) -> str:
    if isinstance(value, str):
        bad = next((character for character in value if character == "\0" or "\ud800" <= character <= "\udfff"), None)
        return "" if bad is None else f"{shown(value)} contains {bad!r}, which cannot be stored. Remove it."
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number. Use a finite one, or null for none."
    return integer_fault(value) if isinstance(value, int) else ""
