"""How many of the trials that were run diverged or failed."""

from collections.abc import Iterable

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.statistics.divergence import Share

ENDED = ("pruned", "failed")


def failed_share(cells: Iterable[Cell]) -> Share:
    """Return how many trials of some cells diverged or failed, of those that have ended; each trial counts once."""
    distinct = {cell.identity: cell for cell in cells}.values()
    failed = {trial for cell in distinct for trial, state in cell.missing if state == "failed"}
    others = {trial for cell in distinct for trial, state in cell.missing if state in ENDED}
    measured = {trial for cell in distinct for trial in cell.trial_ids}
    return Share(len(failed), len(measured | others))


def share_of_outcomes(cells: Iterable[Cell]) -> Share:
    """Return the same of cells whose value is the share of their trials that failed; each counts once."""
    distinct = {cell.identity: cell for cell in cells if cell.is_measured}.values()
    runs = [len(cell.trial_ids) for cell in distinct]
    return Share(sum(round(cell.raw * n) for cell, n in zip(distinct, runs, strict=True)), sum(runs))
