"""Looks as they are recorded: a recorded look is not made again, so past decisions stay what they were."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from sweeper.evidence.sequential.looks import PartLook
from sweeper.evidence.sequential.paths import PartPath
from sweeper.evidence.sequential.progress import RoundLooks
from sweeper.evidence.statistics.group_sequential import Spending
from sweeper.store.reading.decisions import DecisionRows


def recorded_looks(rows: DecisionRows) -> tuple[RoundLooks, ...]:
    """Return the looks of a record."""
    return tuple(
        RoundLooks(
            round=row.round,
            claim=row.claim,
            parts=tuple(part_from_json(part) for part in row.parts),
            most=_most(row.parts),
        )
        for row in rows.looks
    )


def part_to_json(part: PartLook) -> dict[str, object]:
    """Return what a look saw of a comparison as JSON, in which NaN and infinity are texts."""
    return {
        "p_support": _number(part.p_support),
        "p_refute": _number(part.p_refute),
        "seeds": part.seeds,
        "estimate": _number(part.estimate),
        "standard_error": _number(part.standard_error),
        "df": _number(part.df),
        "ways": list(part.ways),
    }


def path_to_json(part: PartPath, spending: Spending) -> dict[str, object]:
    """Return what a comparison shows over all its looks, for readers that do not compute: interval and p-values.

    With the maximum of seeds by which they were planned, since a larger one may be planned later.
    """
    low, high = part.interval(spending)
    return {"low": _number(low), "high": _number(high), "p": list(map(_number, part.p)), "most": part.most}


def part_from_json(document: Mapping[str, object]) -> PartLook:
    """Return what a look saw of a comparison.

    Raises:
        ValueError: it is not one that `part_to_json` wrote.
    """
    try:
        numbers = {name: float(str(document[name])) for name in _NUMBERS}
        first, second = (int(str(ways)) for ways in _items(document["ways"]))
        return PartLook(**numbers, seeds=int(str(document["seeds"])), ways=(first, second))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"decided.looks: {document!r} is not a look at a comparison: {error!r}") from error


def _most(parts: Sequence[Mapping[str, object]]) -> int | None:
    return next((int(str(part["most"])) for part in parts if part.get("most") is not None), None)


_NUMBERS: Final = ("p_support", "p_refute", "estimate", "standard_error", "df")


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _number(value: float) -> float | str:
    number = float(value)
    return number if math.isfinite(number) else repr(number)
