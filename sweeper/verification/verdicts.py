"""Whether the verdicts of a bundle come out again from its tables."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sweeper.evidence.data.load import StudyData
from sweeper.evidence.sequential.verdicts import claims_table
from sweeper.export.archive import table_rows
from sweeper.quantities import counted
from sweeper.verification.alike import SMALLEST, same_number, same_text
from sweeper.verification.basis import LOOSE, LOOSE_P, Basis
from sweeper.verification.findings import Finding

CLAIMS: Final = "claims"
# Texts that other code may word differently, and what it may rest on.
WORDED: Final = frozenset(
    {
        "exploratory_because", "wanted", "label", "method", "reachable_verdicts", "summary", "sentence", "worth",
        "notes", "comparability", "fragile", "checks",
    }
)  # fmt: skip
ON_THE_SCALE: Final = frozenset({"estimate", "low", "high", "detectable"})
P_VALUES: Final = frozenset({"p", "p_adjusted", "p_refuted", "p_refuted_adjusted"})
SHOWN: Final = 160  # letters of a cell

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A claim with its verdict as recorded and as judged again; None for a claim that one of the two lacks.

    Attributes:
        differences: one line for each part that differs.
    """

    id: str
    recorded: str | None
    again: str | None
    differences: tuple[str, ...]


def judge_again(data: StudyData, directory: Path, basis: Basis) -> list[Judged]:
    """Return the claims of an unpacked bundle, compared with what its tables show, in every column.

    Raises:
        ValueError: the table of claims cannot be read.
    """
    table = claims_table(data)
    again = {str(row["id"]): row for row in (dict(zip(table.columns, each, strict=True)) for each in table.rows)}
    rows = table_rows(directory, CLAIMS)[1]
    recorded, times = {str(row.get("id")): row for row in rows}, Counter(str(row.get("id")) for row in rows)
    return [
        _judged(name, recorded.get(name), again.get(name), times[name], basis)
        for name in dict.fromkeys([*recorded, *again])
    ]


def verdicts_come_out_again(judged: list[Judged], basis: Basis) -> Iterator[Finding]:
    """Yield whether every claim has what is recorded of it."""
    if not judged:
        yield Finding(check="verdicts", ok=True, text="the study makes no claims")
        return
    wrong = [each for each in judged if each.differences]
    for each in wrong:
        yield Finding(check="verdicts", ok=False, text=f"{each.id}: {'; '.join(each.differences)}")
    if not wrong:
        same = "the same in every column" if basis.is_same_code else "the same verdicts, intervals and p-values"
        text = f"{counted(len(judged), 'claim')} judged again from the tables: {same}"
        yield Finding(check="verdicts", ok=True, text=text)


def _judged(name: str, recorded: Row | None, again: Row | None, times: int, basis: Basis) -> Judged:
    lines: tuple[str, ...]
    if again is None:
        lines = ("has a recorded verdict, but the study does not make this claim",)
    elif recorded is None:
        lines = ("the study makes this claim, but no verdict is recorded",)
    elif times > 1:
        lines = (f"is recorded {times} times",)
    else:
        lines = tuple(_differences(recorded, again, basis))
    return Judged(
        id=name,
        recorded=None if recorded is None else str(recorded.get("verdict")),
        again=None if again is None else str(again["verdict"]),
        differences=lines,
    )


def _differences(recorded: Row, again: Row, basis: Basis) -> Iterator[str]:
    for column, value in again.items():
        if not basis.is_same_code and (column in WORDED or column not in recorded):
            continue
        if not _same(column, again, recorded, basis):
            shown = f"{column} is recorded as {_shown(recorded.get(column))}"
            yield f"{shown}, but the tables give {_shown(value)}"
    if basis.is_same_code:
        yield from (f"{column} is not a column of claims" for column in recorded if column not in again)


def _same(column: str, again: Row, recorded: Row, basis: Basis) -> bool:
    """Return whether a recorded cell, which CSV has as text, has a value."""
    value, known = again[column], recorded.get(column)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return known is None or str(known).lower() in ("", "nan")
    if isinstance(value, bool):
        return str(known).lower() == str(value).lower()
    if isinstance(value, int | float):
        return _same_number(column, float(value), known, _width(again), basis)
    return same_text(str(known or ""), str(value)) if column in WORDED else str(known or "") == str(value)


def _same_number(column: str, value: float, known: object, width: float, basis: Basis) -> bool:
    try:
        number = float(str(known))
    except ValueError:
        return False
    if basis.is_same_code:
        return same_number(value, number)
    if column in P_VALUES:
        return same_number(value, number, relative=LOOSE_P, reach=LOOSE)
    reach = LOOSE * width if column in ON_THE_SCALE else SMALLEST
    return same_number(value, number, relative=LOOSE, reach=reach)


def _width(row: Row) -> float:
    low, high = row.get("low"), row.get("high")
    width = high - low if isinstance(low, float) and isinstance(high, float) else 0.0
    return width if math.isfinite(width) else 0.0


def _shown(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return f"{float(str(value)):.6g}"
    except ValueError:
        text = " ".join(str(value).split())
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
