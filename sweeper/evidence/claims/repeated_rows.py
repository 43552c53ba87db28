"""A note on rows of a frame that repeat a configuration and seed: their mean counts as one run.

In a study, exact repeats are declared. In a frame they may be rows that differ in a column that was left out.
"""

from typing import Final

from sweeper.evidence.claims.evidence import Evidence
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.formatting import count, listed

MOST_NAMED: Final = 3


def repeats_note(found: Evidence, runs: Runs) -> str:
    """Return a note on the rows of a claim that were averaged; empty if there are none, or they are no rows."""
    if not runs.is_frame:
        return ""
    units = (unit for part in found.parts for unit in part.comparison.complete)
    repeated = sorted({cell.trial_ids for unit in units for cell, _ in unit.terms if len(cell.trial_ids) > 1})
    if not repeated:
        return ""
    rows = sum(map(len, repeated))
    shown = [listed([str(row) for row in group]) for group in repeated[:MOST_NAMED]]
    more = f"; and {count(len(repeated) - MOST_NAMED, 'more run')}" if len(repeated) > MOST_NAMED else ""
    return (
        f"{rows} rows share configuration and seed with others, and count as {count(len(repeated), 'run')} by their "
        f"means: rows {'; '.join(shown)}{more}. Drop copies, or name what differs by factors=[...]."
    )
