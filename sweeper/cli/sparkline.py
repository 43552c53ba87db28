"""Draws a curve in one line of text, one character per interval of steps."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

BARS: Final = "▁▂▃▄▅▆▇█"
ASCII: Final = "_.-~=+*#"
NOT_FINITE: Final = "!"


def sparkline(values: Sequence[float], *, width: int, is_log: bool = False, bars: str = BARS) -> str:
    """Draw the last value of each of `width` intervals, scaled to the smallest and the largest of them.

    Args:
        is_log: whether to use a log scale; ignored unless all values are positive.
        bars: characters from low to high.
    """
    shown = _last_of_intervals(values, width)
    finite = [value for value in shown if math.isfinite(value)]
    if is_log and finite and min(finite) > 0:
        shown = [math.log(value) if math.isfinite(value) else value for value in shown]
        finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return NOT_FINITE * len(shown)
    low, high = min(finite), max(finite)
    return "".join(_bar(value, low, high, bars) for value in shown)


def _last_of_intervals(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    ends = [round(index * len(values) / width) for index in range(width + 1)]
    return [values[end - 1] for _, end in pairwise(ends)]


def _bar(value: float, low: float, high: float, bars: str) -> str:
    if not math.isfinite(value):
        return NOT_FINITE
    # Halved, so that differences cannot overflow.
    share = 0.5 if high <= low else (value / 2 - low / 2) / (high / 2 - low / 2)
    return bars[min(len(bars) - 1, int(share * len(bars)))]
