"""The runs of one configuration in a phase."""

from sweeper.evidence.data.cells import Cell, Levels
from sweeper.evidence.data.comparison import matching
from sweeper.evidence.data.runs import PhaseRuns


def arm_cells(phase: PhaseRuns, levels: Levels) -> tuple[Cell, ...]:
    """Return the cells of one configuration of a phase; none if it was not run.

    A factor that is not named is at its baseline; one at whose levels the phase repeats its design (blocks) is at all
    of them. Where the phase has no trial at a baseline, as in a phase over one corpus that is not the baseline, the
    factor may have any level.

    Args:
        phase: in which to look.
        levels: that the configuration names, by their keys.
    """
    found = matching(phase.cells, levels)
    for factor, key in phase.baseline.items():
        if factor not in phase.blocks and factor not in levels and (factor, key) in phase.known_levels:
            found = matching(found, {factor: key})
    return found
