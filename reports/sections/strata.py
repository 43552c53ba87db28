"""What the blocks and strata of a phase are called in figures and titles."""

from reports.sections.context import Context
from reports.sections.effect_titles import block_name


def stratum_name(context: Context, phase: str, block: str = "") -> str:
    """Return what a block of a phase is called, e.g. ``ptb``.

    Args:
        block: as in `PhaseRuns.by_block`; empty for a phase without several, which may be in one of several strata.
    """
    if block:
        return block_name(block)
    names = {context.stratum_of.get(int(trial), "") for trial in context.data.members[phase]}
    return names.pop() if len(names) == 1 else ""
