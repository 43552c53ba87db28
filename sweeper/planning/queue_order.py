"""The order in which the queue takes phases: long trials first, so that no slot idles while the last long one ends.

Durations within a factor of about two count as equal, so that small differences in predictions do not change the order
of the study file.
"""

import math


def length_class(seconds: float | None) -> int:
    """Return the class of a phase by its longest trial: larger ones come earlier; 0 if the duration is unknown."""
    return round(math.log2(seconds)) + OFFSET if seconds else 0


OFFSET = 64  # so that known durations, even of a nanosecond, come before unknown ones
