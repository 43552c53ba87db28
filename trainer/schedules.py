"""The learning rate over a run."""

import math
from typing import Literal


def learning_rate(
    step: int, num_steps: int, *, peak: float, warmup_fraction: float, schedule: Literal["cosine", "constant"]
) -> float:
    """The learning rate of a step: a linear rise from 0, then a cosine of the whole run to 0, or a constant.

    As in the small-data recipe, the cosine takes no notice of the warm-up: where the rise ends, the rate falls a
    little, from the peak to the cosine's value.

    Args:
        step: from 0 to num_steps - 1; the first step of a rise has rate peak / warm-up steps, not 0.
    """
    warmup_steps = round(warmup_fraction * num_steps)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if schedule == "constant":
        return peak
    return 0.5 * peak * (1.0 + math.cos(math.pi * step / num_steps))
