"""Compute the learning rate over a run."""

import math
from typing import Literal


def learning_rate(
    step: int, num_steps: int, *, peak: float, warmup_fraction: float, schedule: Literal["cosine", "constant"]
) -> float:
    """Return the learning rate of a step: a linear warm-up from 0, then a cosine decay to 0 or a constant.

    As in the small-data recipe, the cosine spans the whole run, warm-up included. So the rate drops a little where the
    warm-up ends, from the peak to the cosine's value.

    Args:
        step: from 0 to num_steps - 1; the first step of a warm-up has rate peak / warm-up steps, not 0.
    """
    warmup_steps = round(warmup_fraction * num_steps)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if schedule == "constant":
        return peak
    return 0.5 * peak * (1.0 + math.cos(math.pi * step / num_steps))
