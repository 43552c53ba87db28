"""Configurations that the study file lists."""

from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.designs.levels import Configuration, DesignError, Factors, same_level


def listed(rows: Sequence[Mapping[str, Any]], factors: Factors) -> list[Configuration]:
    """The rows in their order; a level is written as the factor has it, so that 0 and 0.0 are one.

    Raises:
        DesignError: a row names a factor that the study does not have, or a group that the factor does not have.
    """
    return [{name: _level(name, level, factors) for name, level in row.items()} for row in rows]


def _level(name: str, level: Any, factors: Factors) -> Any:
    if name not in factors:
        raise DesignError(f"the list names {name!r}, which is no factor. Factors: {', '.join(factors)}")
    factor = factors[name]
    known = [*(factor.get("levels") or []), factor.get("baseline")]
    found = [each for each in known if same_level(each, level)]
    if factor.get("groups") and not found:
        raise DesignError(
            f"the list gives factor {name!r} the level {level!r}, which it does not have. "
            f"Its levels: {', '.join(map(str, factor['levels']))}"
        )
    return found[0] if found else level
