"""The table of docs/statistics.md, between two markers; the prose around it is written by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.marked import STATISTICS, replace_between
from benchmarks.results import Result
from benchmarks.validity.cases import Target

BEGIN: Final = "<!-- written by `python -m benchmarks validity`: begin -->"
END: Final = "<!-- end -->"
TITLES: Final = {
    "model": "Where the model holds",
    "trouble": "Where real studies leave it",
    "fragile": "Which verdicts are called fragile",
    "bootstrap": "Bootstrap intervals, on which no verdict rests",
}


def render(result: Result) -> str:
    """The tables, one for each part, and where they were taken."""
    rows: Any = result.figures["rows"]
    aimed = [row for row in rows if row["target"] != str(Target())]
    missed = sum(not row["met"] for row in aimed)
    minutes = "" if result.seconds is None else f", {result.seconds / 60:.0f} minutes on {result.machine.cores} cores"
    those = "the one that does not is" if missed == 1 else f"the {missed} that do not are"
    ending = f"; {those} marked." if missed else "."
    lines = [
        f"`{result.command}`, {result.taken_on}{minutes}. "
        f"{len(aimed) - missed} of {len(aimed)} rows with a target meet it" + ending
    ]
    for part, title in TITLES.items():
        lines += ["", f"### {title}", "", *_table([row for row in rows if row["part"] == part])]
    return "\n".join(lines)


def write(results: Mapping[str, Result], path: Path = STATISTICS) -> None:
    """Put the tables of the last results into the page; a page without results or markers stays as it is."""
    if "validity" in results:
        replace_between(path, BEGIN, END, render(results["validity"]))


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["| studies of | quantity | found | target | studies |", "|---|---|---|---|---|"]
    for row in rows:
        found = f"{100 * row['rate']:.1f}%" + ("" if row["met"] else " **missed**")
        lines.append(f"| {row['case']} | {row['quantity']} | {found} | {row['target']} | {row['studies']:,} |")
    return lines
