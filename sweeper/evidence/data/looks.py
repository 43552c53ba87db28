"""At which steps the runs of one budget were evaluated, and which of these are lengths that they share.

A length is compared over seeds, so it counts where more than half of the seeds have it: any two such lengths then have
seeds in common, and what a seed that lacks one adds to the others is known. A run that stopped early, a single
evaluation that is lost, or one run that went on for longer leave the lengths of the others as they are. Most
runs may have evaluations at steps that the others lack, for instance if the program evaluates every ten seconds. Then
there is no common length, and nothing can be said of the best one.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

from sweeper.evidence.data.arm_lengths import Looks
from sweeper.evidence.data.runs import Runs


def looks_of(by_seed: Mapping[int, Sequence[int]], *of: Runs) -> Looks:
    """Return the evaluations of some runs.

    Args:
        by_seed: the trials of each seed, at least one.
        of: the runs on each metric that is needed at a length.
    """
    known = {
        seed: set.intersection(*(_steps(each, trial) for each in of for trial in trials))
        for seed, trials in by_seed.items()
    }
    if not any(known.values()):
        return Looks()
    counts = Counter(step for steps in known.values() for step in steps)
    shared = sorted(step for step, number in counts.items() if 2 * number > len(known))
    apart = {seed: tuple(sorted(rest)) for seed, steps in known.items() if (rest := steps.difference(shared))}
    if not shared or 2 * len(apart) > len(known):
        return Looks(
            apart=apart or {seed: tuple(sorted(steps)) for seed, steps in known.items() if steps}, is_uneven=True
        )
    return Looks(shared=tuple(shared), apart=apart)


def look_at(runs: Runs, trial: int, step: int) -> float | None:
    """Return the value of a trial at an evaluation, as measured; None if it was not evaluated then, or to no value."""
    curve = runs.endings.curves.get(trial)
    if curve is None or len(curve.steps) < 2:
        return None
    place = bisect_left(curve.steps, step)
    if place == len(curve.steps) or curve.steps[place] != step:
        return None
    value = curve.values[place]
    return value if math.isfinite(value) and not runs.measure.why_not(value) else None


def _steps(runs: Runs, trial: int) -> set[int]:
    """Return the steps at which a trial was evaluated; none if it was measured once."""
    curve = runs.endings.curves.get(trial)
    if curve is None or len(curve.steps) < 2:
        return set()
    return {
        step
        for step, value in zip(curve.steps, curve.values, strict=True)
        if math.isfinite(value) and not runs.measure.why_not(value)
    }
