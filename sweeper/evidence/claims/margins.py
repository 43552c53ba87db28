"""The margins of claims: ``1%`` or a number, as a distance on the measure's scale."""

import math

from sweeper.evidence.data.measures import Measure

Margin = str | int | float | None


def increase(margin: Margin, measure: Measure, reference: float) -> float:
    """By how much a rise by `margin` raises the metric on its scale.

    Args:
        margin: a share such as ``1%``, or a number: nats on a log scale, else in the metric's unit. None is 0.
        measure: whose scale it is.
        reference: the value as measured that a share on a linear scale is of.
    """
    share = _share(margin)
    if share is None:
        return float(margin or 0.0)
    return math.log1p(share) if measure.scale == "log" else share * abs(reference)


def decrease(margin: Margin, measure: Measure, reference: float) -> float:
    """By how much a fall by `margin` lowers the metric on its scale, as a positive number."""
    share = _share(margin)
    if share is None:
        return float(margin or 0.0)
    return -math.log1p(-share) if measure.scale == "log" else share * abs(reference)


def margin_text(margin: Margin, measure: Measure) -> str:
    """A margin as a reader sees it."""
    if isinstance(margin, str):
        return margin.replace("%", " %").replace("  %", " %")
    return f"{margin or 0:g} nats" if measure.scale == "log" else f"{margin or 0:g}"


def _share(margin: Margin) -> float | None:
    if not isinstance(margin, str):
        return None
    return float(margin.strip().removesuffix("%")) / 100
