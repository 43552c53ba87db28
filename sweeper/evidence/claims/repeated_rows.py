"""A note on runs that repeat a configuration and seed: their mean counts as one run.

A study file declares exact repeats. In a frame, and in what was imported, they may be runs that differ in a column that
was left out.
"""

from collections.abc import Mapping
from typing import Final

from sweeper.evidence.claims.evidence import Evidence
from sweeper.evidence.data.cells import Cell, level_text
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.formatting import count, listed

MOST_NAMED: Final = 3


def repeats_note(found: Evidence, runs: Runs) -> str:
    """Return a note on the runs of a claim that were averaged; empty if there are none, or the study declares them."""
    units = (unit for part in found.parts for unit in part.comparison.complete)
    cells = {cell.trial_ids: cell for unit in units for cell, _ in unit.terms if len(cell.trial_ids) > 1}
    if not cells:
        return ""
    if not runs.is_frame:
        return _of_study(cells, runs)
    repeated = sorted(cells)
    rows = sum(map(len, repeated))
    shown = [listed([str(row) for row in group]) for group in repeated[:MOST_NAMED]]
    more = f"; and {count(len(repeated) - MOST_NAMED, 'more run')}" if len(repeated) > MOST_NAMED else ""
    return (
        f"{rows} rows share configuration and seed with others, and count as {count(len(repeated), 'run')} by their "
        f"means: rows {'; '.join(shown)}{more}. Drop copies, or name what differs by factors=[...]."
    )


def _of_study(cells: Mapping[tuple[int, ...], Cell], runs: Runs) -> str:
    """Return a note on the cells that have more trials than their phase declares; an import declares none."""
    declared = {
        cell.trial_ids: 1 if runs.is_imported else phase.repeats
        for phase in runs.phases.values()
        for cell in phase.cells
    }
    repeated = [cells[trials] for trials in sorted(cells) if len(trials) > declared.get(trials, 1)]
    if not repeated:
        return ""
    trials = sum(len(cell.trial_ids) for cell in repeated)
    shown = "; ".join(_text(cell, runs) for cell in repeated[:MOST_NAMED])
    more = f"; and {count(len(repeated) - MOST_NAMED, 'more')}" if len(repeated) > MOST_NAMED else ""
    return (
        f"{trials} trials share configuration and seed with others, and count as {count(len(repeated), 'run')} "
        f"by their means: {shown}{more}. If they are no repeats, import them again without copies, or with the factor "
        "in which they differ."
    )


def _text(cell: Cell, runs: Runs) -> str:
    levels = [f"{name} = {level_text(key)}" for name, key in cell.levels.items() if len(runs.levels.get(name, ())) != 1]
    return ", ".join([*levels, f"seed {cell.seed}"])
