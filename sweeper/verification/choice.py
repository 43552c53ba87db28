"""Which trials of a study are run again: of every phase in turn, and of each the cheaper ones."""

import math
from collections.abc import Sequence
from itertools import chain, zip_longest
from statistics import median

import numpy as np

from sweeper.designs.kinds import PromoteDesign
from sweeper.spec.study import Study
from sweeper.store.reading.reader import TrialRow


def chosen(study: Study, trials: Sequence[TrialRow], number: int, seed: int) -> list[TrialRow]:
    """Return the trials to run again.

    They are drawn phase by phase in turn: at random, first among the half of a phase's completed trials that took the
    least device time, then among the others.

    Args:
        number: how many at most.
        seed: of the choice.
    """
    generator = np.random.default_rng(seed)
    phases = [
        _in_random_order(
            [trial for trial in trials if trial.phase == phase.name and can_run_again(study, trial)], generator
        )
        for phase in study.phases
    ]
    return [trial for trial in chain.from_iterable(zip_longest(*phases)) if trial is not None][:number]


def can_run_again(study: Study, trial: TrialRow) -> bool:
    """Return whether a trial completed, and did so on its own: not from the checkpoint of another one."""
    design = study.phase(trial.phase).design
    continues = isinstance(design, PromoteDesign) and design.start == "checkpoint"
    has_value = trial.value is not None and math.isfinite(trial.value)
    return trial.state == "completed" and has_value and trial.config is not None and not continues


def _in_random_order(trials: Sequence[TrialRow], generator: np.random.Generator) -> list[TrialRow]:
    if not trials:
        return []
    middle = median(trial.device_seconds for trial in trials)
    cheap = [trial for trial in trials if trial.device_seconds <= middle]
    others = [trial for trial in trials if trial.device_seconds > middle]
    return [group[int(place)] for group in (cheap, others) for place in generator.permutation(len(group))]
