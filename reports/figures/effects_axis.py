"""What figures of effects have in common: how findings look, and how effects and intervals are written and drawn."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from reports import wording
from reports.figures.panel import Panel
from reports.figures.scales import Scale, span_scale
from reports.figures.sheet import BLUE, MUTED, ORANGE, Style

Finding = Literal["better", "worse", "unclear"]
COLOURS: Final[dict[Finding, str]] = {"better": BLUE, "worse": ORANGE, "unclear": MUTED}
WORDS: Final[dict[Finding, str]] = {
    "better": "better: the interval excludes 0",
    "worse": "worse: the interval excludes 0",
    "unclear": "unclear: the interval includes 0, or there is none",
}
ARROW: Final = 3.0  # points
# An axis ends at a multiple of the largest estimate, or of the median end of an interval if that is further: there most
# intervals are whole, however close to 0 the estimates are.
REACH: Final = 6.0
REACH_OF_ENDS: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One effect: the estimate with its interval, NaN if there is none; in percent or in the metric's unit.

    Attributes:
        group: the heading above it, e.g. its block; empty for none.
        n: the pairs on which it rests.
    """

    group: str
    label: str
    estimate: float
    low: float
    high: float
    n: int
    finding: Finding


def effect_scale(estimates: Iterable[float], ends: Iterable[float], label: str) -> Scale:
    """Return the scale of effects; wide intervals are cut if they would squeeze the estimates."""
    values = np.array([value for value in estimates if math.isfinite(value)])
    far = np.array([end for end in ends if math.isfinite(end)])
    typical = float(np.median(np.abs(far))) if far.size else 0.0
    reach = max(REACH * float(np.abs(values).max()), REACH_OF_ENDS * typical, 1e-12)
    return span_scale([*values, *np.clip(far, -reach, reach)], label)


def finding_of(low: float, high: float, *, improves: bool) -> Finding:
    """Return what an interval shows: better or worse if it excludes 0."""
    if not (low > 0 or high < 0):
        return "unclear"
    return "better" if improves else "worse"


def amount(value: float, *, percent: bool) -> str:
    """Format an effect with its sign, in percent or as a number."""
    return wording.signed(value, 1) + "%" if percent else wording.signed(value, 4)


def interval_text(low: float, high: float, *, percent: bool) -> str:
    """Format an interval, with its unit once; empty if there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{amount(low, percent=percent).removesuffix('%')} to {amount(high, percent=percent)}"


def draw_interval(panel: Panel, y: float, ends: tuple[float, float], *, colour: str, width: float) -> None:
    """Draw an interval, with an arrow where it leaves the panel."""
    if not all(map(math.isfinite, ends)):
        return
    places = panel.across(ends)
    low, high = max(float(places[0]), panel.left), min(float(places[1]), panel.right)
    if low <= high:
        panel.sheet.line((low, y), (high, y), colour=colour, width=width)
    for place, edge, sign in ((places[0], panel.left, 1.0), (places[1], panel.right, -1.0)):
        if sign * (place - edge) < -0.5:
            tips = [(edge + sign * ARROW, y - ARROW / 2), (edge, y), (edge + sign * ARROW, y + ARROW / 2)]
            panel.sheet.curve(tips, colour=colour, width=min(width, 1.0))


def finding_style(finding: Finding) -> Style:
    """Return how the point of an effect looks."""
    marker: Literal["square", "circle"] = "square" if finding == "worse" else "circle"
    return Style(marker=marker, colour=COLOURS[finding], size=2.5, is_open=finding == "unclear")
