"""In which order the queue takes phases: long trials first, so that no slot idles while the last long one ends.

Lengths within a factor of about two count as the same, so that a predicted second more or less does not turn the order
of the study file around.
"""

import math


def length_class(seconds: float | None) -> int:
    """The class of a phase by its longest trial, the larger the earlier; 0 where the length is unknown."""
    return round(math.log2(seconds)) + OFFSET if seconds else 0


OFFSET = 64  # so that known lengths, of a nanosecond too, come before unknown ones
