"""What a reader must know of the best lengths on which a verdict rests."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from sweeper.evidence.claims.evidence import Evidence, Part
from sweeper.evidence.data.arm_lengths import ArmKey, ArmLengths, length_text
from sweeper.evidence.data.cells import level_text
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.formatting import clean, count, listed, metric_name, number, percent

MOST: Final = 4  # configurations that are named
NOTED: Final = 0.2  # of a standard error, from which on the optimism of a choice is noted


def length_notes(found: Evidence, runs: Runs) -> tuple[str, ...]:
    """Return notes on the best lengths of what a claim compares; none where lengths are those of the phases."""
    arms = [*compared_arms(found.headline, runs).values()]
    if not arms:
        return ()
    shown = [f"{arm_name(arm, runs)} {length_text(arm, arm.best)}" for arm in arms[:MOST]]
    more = [f"{len(arms) - MOST} more"] if len(arms) > MOST else []
    chooser = metric_name(arms[0].chooser.metric.name)
    place = "the mean over seeds" if len(arms[0].seeds) > 1 else "one seed"
    return (
        f"Best lengths by {place} of {chooser}: {listed([*shown, *more])}.",
        *(text for arm in arms[:MOST] for text in _of_arm(arm, runs)),
    )


def compared_arms(part: Part, runs: Runs) -> dict[ArmKey, ArmLengths]:
    """Return the lengths of the configurations that a part of a claim compares, the reference first."""
    weights: dict[ArmKey, float] = {}
    for unit in part.comparison.units:
        for cell, weight in unit.terms:
            weights.setdefault((cell.arm, cell.stratum[1:]), weight)
    keys = sorted(weights, key=lambda key: weights[key])
    return {key: runs.lengths[key] for key in keys if key in runs.lengths}


def arm_name(arm: ArmLengths, runs: Runs) -> str:
    """Return what a configuration is called: an arm's name, or what it changes from the baseline."""
    name = runs.arm_names.name({factor: json.loads(key) for factor, key in arm.levels.items()})
    if name is not None:
        return clean(name)
    baseline = next(iter(runs.phases.values())).baseline
    changes = [f"{clean(each)} = {level_text(key)}" for each, key in arm.levels.items() if key != baseline.get(each)]
    return ", ".join(changes) or "the baseline"


def _of_arm(arm: ArmLengths, runs: Runs) -> Iterator[str]:
    name = arm_name(arm, runs)
    if arm.edge:
        yield (
            f"{name[:1].upper()}{name[1:]} is best at the {arm.edge} of its {count(len(arm.lengths), 'length')}, so a "
            f"{'longer' if arm.edge == 'longest' else 'shorter'} one may be better still."
        )
    optimism = arm.choice.optimism
    if math.isfinite(optimism) and optimism > 0 and _is_worth_saying(arm):
        size = percent(optimism).lstrip("+") if arm.measure.is_log else number(optimism, 2)
        yield f"The best length of {name} looks better by {size} than it is, which its value allows for."
    if arm.others:
        yield f"Without one of its seeds, {name} would be best {_alternatives(arm)}."


def _alternatives(arm: ArmLengths) -> str:
    texts: Sequence[str] = [length_text(arm, other) for other in arm.others]
    return " or ".join(texts)


def _is_worth_saying(arm: ArmLengths) -> bool:
    """Return whether the optimism counts beside the standard error of the configuration's mean."""
    known = arm.at_best
    return arm.choice.optimism >= NOTED * float(np.std(known, ddof=1)) / math.sqrt(len(known))
