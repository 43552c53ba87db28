"""Values of metrics that could not be read, as numbers or at all.

Beside others they are a note. After the last one that was read, they are the value of a trial whose value is the last
of its curve: an older one must not take its place.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.execution.slots.numerals import looks_like_value, number_in
from sweeper.spec.metric import CurveValue


@dataclass(slots=True)
class Unread:
    """Values of one metric that are no numbers: the first, its line, and how many."""

    first: object
    line: int
    count: int = 0

    @property
    def is_number(self) -> bool:
        """Whether the first is the text of a number."""
        return isinstance(self.first, str) and number_in(self.first) is not None

    def text(self, *, is_mixed: bool) -> str:
        """Return what is wrong, and where if other values of the metric are numbers."""
        what = f"the text {self.first[:40]!r}" if isinstance(self.first, str) else json.dumps(self.first)[:40]
        many = f", the first of {self.count:,} values that are no numbers" if self.count > 1 else ""
        where = f" on line {self.line}{many}" if is_mixed else ""
        return f"is {what}{where}; write it as a number{', without quotes' if self.is_number else ''}"


def is_value(value: object) -> bool:
    """Return whether what is no number is a value in another form, as ``tensor(4.0)`` is; words and nothing are none.

    >>> [is_value(value) for value in ("tensor(4.0)", [4.0], "None", "", None)]
    [True, True, False, False, False]
    """
    return value is not None and (not isinstance(value, str) or looks_like_value(value))


def last_fault(metric: str, value: CurveValue, unread_last: Mapping[str, str]) -> str | None:
    """Return that the value of a trial is its last one, and was not read; None if it is not so.

    Args:
        value: which point of the curve is the value of a trial.
        unread_last: by metric whose last value was not read, what there was.
    """
    if value.kind != "last" or metric not in unread_last:
        return None
    return f"the last value of {metric} was not read: {unread_last[metric]}; an older one does not count (metric.value)"
