"""Effects in text and in tables: rounded for readers, with all digits for other programs."""

import math
from typing import Final

from reports import wording
from reports.figures.effects_axis import amount
from reports.sections.blocks import Cell, Column
from sweeper.evidence.statistics.divergence import Share
from sweeper.evidence.statistics.paired import percent_change

ESTIMATE_COLUMNS: Final = (
    Column(title="Effect", number=True, data=("Effect", "Unit")),
    Column(title="95% interval", number=True, data=("95% interval, low", "95% interval, high")),
)
"""The columns of `estimate_cells`. The unit is `%`, or empty if an effect is a difference of the metric itself."""


DIVERGED: Final = ("Diverged from", "Run from", "Diverged to", "Run to")
"""The data of `failed_cell`."""


def change_text(value: float, *, percent: bool) -> str:
    """Format a change that is in percent already, or in the metric's unit, with its sign."""
    return amount(value, percent=percent)


def p_value(p: float) -> str:
    """Format a p-value as it is printed: never as 0."""
    if not math.isfinite(p):
        return wording.UNKNOWN
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def in_unit(value: float, *, percent: bool) -> float:
    """Return an effect as a number to show: in percent if it is a difference of logarithms, else as it is."""
    return percent_change(value) if percent else value


def effect_text(value: float, *, percent: bool) -> str:
    """Format an effect: in percent if `value` is a difference of logarithms, else with its sign; a dash for none."""
    return amount(in_unit(value, percent=percent), percent=percent) if math.isfinite(value) else wording.UNKNOWN


def effect_cell(value: float, *, percent: bool) -> Cell:
    """Return a cell with an effect's size, without its sign, in the unit of the row's effect."""
    size = abs(value)
    return Cell(
        effect_text(size, percent=percent).lstrip("+"), _finite(size), (_finite(in_unit(size, percent=percent)),)
    )


def estimate_cells(value: float, low: float, high: float, *, percent: bool) -> tuple[Cell, Cell]:
    """Return the cells of an effect and its interval, for the columns of `ESTIMATE_COLUMNS`.

    Args:
        percent: whether the values are differences of logarithms, shown in percent.
    """
    estimate, *ends = (_finite(in_unit(each, percent=percent)) for each in (value, low, high))
    interval = " to ".join(effect_text(each, percent=percent) for each in (low, high))
    return (
        Cell(effect_text(value, percent=percent), _finite(value), (estimate, "%" if percent else "")),
        Cell(interval if math.isfinite(low) else wording.UNKNOWN, _finite(low), tuple(ends)),
    )


def failed_cell(start: Share, end: Share) -> Cell:
    """Return a cell with the trials of both sides that diverged or failed, e.g. ``0/3, 1/3``."""
    data = (start.diverged, start.runs, end.diverged, end.runs)
    return Cell(f"{start}, {end}", float(start.diverged + end.diverged), data)


def number_cell(value: float, text: str | None = None) -> Cell:
    """Return a cell with a number that sorts by its value; a dash if there is none."""
    return Cell(text or str(value), float(value)) if math.isfinite(value) else Cell(wording.UNKNOWN)


def _finite(value: float) -> float | None:
    """Return the value, or None if it is not a finite number."""
    return value if math.isfinite(value) else None
