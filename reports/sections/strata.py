"""What the blocks and strata of a phase are called in figures, titles and tables."""

from reports import wording
from reports.sections.blocks import Cell, Column
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


def stratum_columns(context: Context) -> list[Column]:
    """Return the column of strata: its heading is the factor if it is one, so that rows need not repeat it.

    Nothing if the study has one stratum only.
    """
    return [Column(title=_heading(context), data=("Stratum",))] if len(context.strata) > 1 else []


def stratum_cells(context: Context, label: str) -> list[Cell]:
    """Return the cell of a stratum in that column, by its label; nothing if the study has one only."""
    shown = label.removeprefix(f"{_heading(context)} = ")
    return [Cell(shown, None, (label,))] if len(context.strata) > 1 else []


def _heading(context: Context) -> str:
    names = context.study.strata
    return wording.clean(names[0]) if len(names) == 1 else "Stratum"
