"""Whether the verdicts of a bundle come out again from its tables."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sweeper.evidence.data.load import StudyData
from sweeper.evidence.sequential.verdicts import claims_table
from sweeper.export.archive import table_rows
from sweeper.quantities import counted
from sweeper.verification.findings import Finding

CLAIMS: Final = "claims"
# Texts such as sentences are left out: a later version may word them differently.
COMPARED: Final = (
    "text", "kind", "metric", "verdict", "exploratory", "estimate", "low", "high", "p_adjusted",
    "p_refuted_adjusted", "n", "num_seeds",
)  # fmt: skip
# Other processors and other versions of the numerical libraries may differ by this much.
TOLERANCE: Final = 1e-6
SMALLEST: Final = 1e-9


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


def judge_again(data: StudyData, directory: Path) -> list[Judged]:
    """Return the claims of an unpacked bundle, compared with what its tables show.

    Raises:
        ValueError: the table of claims cannot be read.
    """
    table = claims_table(data)
    again = {str(row["id"]): row for row in (dict(zip(table.columns, each, strict=True)) for each in table.rows)}
    recorded = {str(row.get("id")): row for row in table_rows(directory, CLAIMS)[1]}
    return [_judged(name, recorded.get(name), again.get(name)) for name in dict.fromkeys([*recorded, *again])]


def verdicts_come_out_again(judged: list[Judged]) -> Iterator[Finding]:
    """Yield whether every claim has the verdict, the estimate and the interval that are recorded."""
    if not judged:
        yield Finding(check="verdicts", ok=True, text="the study makes no claims")
        return
    wrong = [each for each in judged if each.differences]
    for each in wrong:
        yield Finding(check="verdicts", ok=False, text=f"{each.id}: {'; '.join(each.differences)}")
    if not wrong:
        text = f"{counted(len(judged), 'claim')} judged again from the tables: the same verdicts and intervals"
        yield Finding(check="verdicts", ok=True, text=text)


def _judged(name: str, recorded: Mapping[str, Any] | None, again: Mapping[str, Any] | None) -> Judged:
    if again is None:
        lines: tuple[str, ...] = ("has a recorded verdict, but the study does not make this claim",)
    elif recorded is None:
        lines = ("the study makes this claim, but no verdict is recorded",)
    else:
        lines = tuple(
            f"{column} is recorded as {_shown(recorded.get(column))}, but the tables give {_shown(again[column])}"
            for column in COMPARED
            if not _same(again[column], recorded.get(column))
        )
    return Judged(
        id=name,
        recorded=None if recorded is None else str(recorded.get("verdict")),
        again=None if again is None else str(again["verdict"]),
        differences=lines,
    )


def _same(value: object, recorded: object) -> bool:
    """Return whether a recorded cell, which CSV has as text, has a value."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return recorded is None or str(recorded).lower() in ("", "nan")
    if isinstance(value, bool):
        return str(recorded).lower() == str(value).lower()
    if isinstance(value, int | float):
        try:
            number = float(str(recorded))
        except ValueError:
            return False
        return math.isclose(value, number, rel_tol=TOLERANCE, abs_tol=SMALLEST)
    return str(recorded or "") == str(value)


def _shown(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return f"{float(str(value)):.6g}"
    except ValueError:
        return str(value)
