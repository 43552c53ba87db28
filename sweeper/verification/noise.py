"""Where a trial's value lies if it is run again elsewhere, as the seeds of its configuration show."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import Runs, study_runs

LEVEL: Final = 0.99  # of the interval, of each trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where a further run of a configuration lies, in the metric's unit."""

    low: float
    high: float

    def has(self, value: float) -> bool:
        """Return whether a value lies in it."""
        return self.low <= value <= self.high


class Noise:
    """How the completed runs of a study vary between seeds, by phase and stratum."""

    def __init__(self, data: StudyData) -> None:
        self._runs: Runs = study_runs(data)
        self._strata: dict[tuple[object, ...], list[Cell]] = defaultdict(list)
        self._cell_of: dict[int, tuple[tuple[object, ...], Cell]] = {}
        for phase in self._runs.phases.values():
            for cell in phase.cells:
                if cell.is_measured:
                    key = (phase.name, *cell.stratum)
                    self._strata[key].append(cell)
                    self._cell_of |= {trial: (key, cell) for trial in cell.trial_ids if trial not in self._cell_of}

    def prediction(self, trial: int) -> Interval | None:
        """Return the prediction interval for a further run of a trial's configuration; None if seeds do not show any.

        Its centre is the mean over the configuration's seeds. Its width rests on the variance between seeds, pooled
        over the configurations of the same phase and stratum.
        """
        if trial not in self._cell_of:
            return None
        key, cell = self._cell_of[trial]
        arms: dict[str, list[float]] = defaultdict(list)
        for other in self._strata[key]:
            arms[other.arm].append(other.value)
        freedom = sum(len(values) - 1 for values in arms.values())
        if freedom == 0:
            return None
        squares = sum(float(np.sum((np.asarray(values) - np.mean(values)) ** 2)) for values in arms.values())
        own = arms[cell.arm]
        error = math.sqrt(squares / freedom * (1 + 1 / len(own)))
        reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
        centre = float(np.mean(own))
        measure = self._runs.measure
        return Interval(low=measure.measured(centre - reach), high=measure.measured(centre + reach))
