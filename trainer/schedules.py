"""Compute the learning rate over a run."""

import math

from trainer.config.optimizer import Schedule


def learning_rate(
    step: int,
    num_steps: int,
    *,
    peak: float,
    warmup_fraction: float,
    schedule: Schedule,
    cooldown_fraction: float = 0.2,
) -> float:
    """Return the learning rate of a step: a linear warm-up from 0, then what the schedule says.

    - cosine: as in the small-data recipe, the cosine spans the whole run, warm-up included. So the rate drops a little
      where the warm-up ends, from the peak to the cosine's value.
    - linear: the rate falls from the peak, at the end of the warm-up, to 0 at the end of the run.
    - wsd (warm-up, stable, decay): the peak, then a linear fall to 0 over the last `cooldown_fraction` of the steps.
    - constant: the peak.

    Args:
        step: from 0 to num_steps - 1; the first step of a warm-up has rate peak / warm-up steps, not 0, and the last
            step of a fall over n steps peak / n.
    """
    warmup_steps = round(warmup_fraction * num_steps)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if schedule == "cosine":
        return 0.5 * peak * (1.0 + math.cos(math.pi * step / num_steps))
    if schedule == "constant":
        return peak
    falling = num_steps - warmup_steps if schedule == "linear" else max(1, round(cooldown_fraction * num_steps))
    return peak * min(1.0, (num_steps - step) / falling)
