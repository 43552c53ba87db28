"""Notes on runs that agree in all digits that were reported, where a verdict rests on them nevertheless.

Few digits may hide how runs vary. The error is then that of their rounding, which is small beside what seeds may do.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Final

from sweeper.evidence.claims.evidence import Evidence, Part
from sweeper.evidence.data.agreeing import equal_difference, step_of
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.statistics.agreement import chance_of_tie
from sweeper.evidence.statistics.replicates import BY_CHANCE, FEW_DIGITS, standard_deviation
from sweeper.evidence.statistics.resolution import significant_digits

DIGITS: Final = 6  # of a value, as a reader needs them
REMEDY: Final = "Report more digits, or check that the program uses its seed"


def digits_note(found: Evidence) -> str:
    """Return a note if equal values show nothing of how runs vary; empty if they do, or if nothing is decided."""
    for part in found.parts:
        if part.estimate.decides:
            arms = _arms(part)
            note = _equal_runs(arms) or _equal_differences(part) or _tied_runs(arms)
            if note:
                return note
    return ""


def _arms(part: Part) -> list[list[Cell]]:
    """Return the runs of each configuration that is compared, if it has several."""
    cells: dict[Hashable, dict[int, Cell]] = defaultdict(dict)
    for unit in part.comparison.complete:
        for cell, _ in unit.terms:
            cells[cell.arm, cell.stratum][cell.seed] = cell
    return [list(runs.values()) for runs in cells.values() if len(runs) > 1]


def _equal_runs(arms: Sequence[Sequence[Cell]]) -> str:
    equal = [runs for runs in arms if len({run.raw for run in runs}) == 1]
    if not equal:
        return ""
    first = equal[0]
    which = f"All {len(first)} runs of a configuration report {_printed(first[0].raw)}"
    if len(equal) > 1:
        which = f"All runs of each of {len(equal)} configurations report one value, such as {_printed(first[0].raw)}"
    return f"{which}{_steps(first[0])}, which shows nothing of how they vary. {REMEDY}."


def _equal_differences(part: Part) -> str:
    complete = part.comparison.complete
    if not equal_difference(complete):
        return ""
    steps = _steps(complete[0].terms[0][0])
    return f"The difference is the same with every seed{steps}, which shows nothing of how it varies. {REMEDY}."


def _tied_runs(arms: Sequence[Sequence[Cell]]) -> str:
    """Return that some runs of a configuration have one value, although their digits are too many for chance."""
    for runs in arms:
        raws = [run.raw for run in runs]
        most = max(raws, key=raws.count)
        step = max(map(step_of, runs))
        if (
            raws.count(most) > 1
            and significant_digits(most) > FEW_DIGITS
            and chance_of_tie(len(raws), step, standard_deviation(raws)) < BY_CHANCE
        ):
            tied = f"{raws.count(most)} of {len(raws)} runs of a configuration report {_printed(most)}"
            return f"{tied}, the same to the last digit. Check that the program uses its seed."
    return ""


def _steps(cell: Cell) -> str:
    step = step_of(cell)
    return f" in steps of {_printed(step)}" if step else ""


def _printed(value: float) -> str:
    return f"{value:.{DIGITS}g}".replace("-", "\u2212")
