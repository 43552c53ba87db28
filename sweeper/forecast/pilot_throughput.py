"""What short runs of a pilot say about long ones: seconds = start + amount x seconds of a unit + evaluations.

The pace comes from what a run reports while it goes on, so that its start does not count as steps; where it reports
only once, from all of it. What has been measured holds for the configurations of its cost class.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any, Final

import numpy as np

from sweeper.designs.paths import leaves
from sweeper.forecast.footprint import Footprint, cost_class, training_work
from sweeper.spec.program import Program, TrainerProgram

LEAST_SPREAD: Final = 0.05  # of the logarithm: no two runs of a machine take the same time
FEW_SPREAD: Final = 0.15  # with too few reports to tell
BLIND_SPREAD: Final = 0.5  # nothing was reported on the way: the start may be most of it
CARRIED_SPREAD: Final = 0.2  # for a class that was not run, from those that were
SPREADS: Final = 2.0  # half the interval's width, as many standard deviations


@dataclass(frozen=True, slots=True)
class Report:
    """A moment of a run at which it reported.

    Attributes:
        amount: of its budget's unit that was done.
        seconds: of device time until then.
        is_evaluation: the built-in trainer evaluated just before.
    """

    amount: float
    seconds: float
    is_evaluation: bool = False


@dataclass(frozen=True, slots=True)
class Paces:
    """Device-seconds that do not grow, those of a unit, and those of an evaluation; the spread of the unit's."""

    start: float
    unit: float
    evaluation: float
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotRun:
    """One run of a pilot.

    Attributes:
        study: the name of the study that asked.
        device: cpu or cuda.
        slots: how many runs went on at a time.
        unit: steps, tokens or epochs; amount: how many of them it ran.
        peak_memory_bytes, disk_bytes: None where they could not be measured.
        measured_at: seconds since the epoch; the same for all runs of one pilot.
    """

    study: str
    program: Program
    config: Mapping[str, Any]
    host: str
    device: str
    device_share: float
    threads: int
    slots: int
    unit: str
    amount: float
    device_seconds: float
    paces: Paces
    peak_memory_bytes: int | None
    disk_bytes: int | None
    measured_at: float


def paces(reports: Sequence[Report], total_s: float, amount: float) -> Paces:
    """What a run says.

    Args:
        reports: in their order, each with a larger amount than the one before.
        total_s: device-seconds of the whole run.
        amount: units that it ran in all.
    """
    steps = [
        (later.amount - earlier.amount, later.seconds - earlier.seconds, earlier.is_evaluation, later.is_evaluation)
        for earlier, later in itertools.pairwise(reports)
        if later.amount > earlier.amount and later.seconds > earlier.seconds
    ]
    if not steps:
        return Paces(0.0, total_s / amount, 0.0, BLIND_SPREAD)
    # An evaluation is reported together with the steps before it; its checkpoint falls into the time after it.
    plain = [(units, seconds) for units, seconds, after, of in steps if not after and not of] or [
        (units, seconds) for units, seconds, *_ in steps
    ]
    unit = sum(seconds for _, seconds in plain) / sum(units for units, _ in plain)
    evaluations = sum(report.is_evaluation for report in reports)
    extra = sum(seconds - unit * units for units, seconds, after, of in steps if after or of)
    evaluation = max(0.0, extra) / evaluations if evaluations else 0.0
    start = max(0.0, total_s - unit * amount - evaluation * evaluations)
    return Paces(start, unit, evaluation, _spread([seconds / units for units, seconds in plain]))


def _spread(each: Sequence[float]) -> float:
    """The standard error of the logarithm of a mean of paces."""
    if len(each) < 3:
        return FEW_SPREAD
    return max(LEAST_SPREAD, float(np.std(np.log(each), ddof=1)) / math.sqrt(len(each)))


@dataclass(frozen=True)
class Pilots:
    """What the newest pilots of a program know, for one kind of slot."""

    program: Program
    runs: tuple[PilotRun, ...] = ()

    @property
    def is_trainer(self) -> bool:
        """Whether the program is the built-in trainer."""
        return isinstance(self.program, TrainerProgram)

    @cached_property
    def by_class(self) -> Mapping[str, tuple[PilotRun, ...]]:
        """The runs of each cost class, of its newest pilot alone."""
        found: dict[str, list[PilotRun]] = {}
        for run in self.runs:
            found.setdefault(cost_class(self.program, run.config), []).append(run)
        newest = {key: max(run.measured_at for run in runs) for key, runs in found.items()}
        return {key: tuple(run for run in runs if run.measured_at == newest[key]) for key, runs in found.items()}

    def measured(self, config: Mapping[str, Any]) -> tuple[PilotRun, ...]:
        """The runs of the config's own class."""
        return self.by_class.get(cost_class(self.program, config), ())

    def seconds(self, config: Mapping[str, Any], amount: Mapping[str, Any]) -> tuple[float, float, float] | None:
        """Expected device-seconds of a run and their bounds; None where no pilot tells."""
        if not self.runs:
            return None
        (unit, value), *_ = amount.items()
        if self.is_trainer:
            unit, value = "steps", training_work(config, amount).amount
        runs = [run for run in self.measured(config) if run.unit == unit]
        found = _joined([run.paces for run in runs]) if runs else self._carried(config, unit)
        if found is None:
            return None
        evaluations = config["evaluation"]["times"] if self.is_trainer else 0
        seconds = found.start + found.unit * float(value) + found.evaluation * min(evaluations, float(value))
        width = math.exp(SPREADS * found.spread)
        return seconds, seconds / width, seconds * width

    def footprint(self, config: Mapping[str, Any]) -> Footprint | None:
        """The most memory and disk that runs of the config's class took; of another program's unknown class, all's.

        A process that took no more memory than the slot that started it counts as none.
        """
        runs = self.measured(config) or (() if self.is_trainer else self.runs)
        disk = [run.disk_bytes for run in runs if run.disk_bytes is not None]
        if not disk:
            return None
        memory = max(run.peak_memory_bytes or 0 for run in runs)
        return Footprint(memory, max(disk), measured=True)

    def _carried(self, config: Mapping[str, Any], unit: str) -> Paces | None:
        """Paces for a class that was not run: by operations between those that were, or those of the nearest."""
        known = {
            key: (runs[0].config, _joined([run.paces for run in runs]))
            for key, runs in self.by_class.items()
            if all(run.unit == unit for run in runs)
        }
        if not known:
            return None
        if self.is_trainer:
            return _by_operations(config, list(known.values()))
        alike = {key: _shared(config, other) for key, (other, _) in known.items()}
        nearest = [known[key][1] for key, number in alike.items() if number == max(alike.values())]
        units = [each.unit for _, each in known.values()]
        among = float(np.std(np.log(units))) if len(units) > 1 else 0.0
        found = _joined(nearest)
        return Paces(found.start, found.unit, 0.0, math.hypot(found.spread, CARRIED_SPREAD, among))


def _by_operations(config: Mapping[str, Any], known: Sequence[tuple[Mapping[str, Any], Paces]]) -> Paces:
    """Each pace scaled by the operations of a step, from the classes with the next fewer and the next more."""
    from trainer.config import training_flops  # noqa: PLC0415 - pydantic is slow to load

    sizes = sorted(((math.log(training_flops(other, 1)), paces) for other, paces in known), key=_size)
    here = math.log(training_flops(config, 1))
    at = [size for size, _ in sizes]
    beyond = max(0.0, at[0] - here, here - at[-1])

    def value(of: Sequence[float]) -> float:
        # Beyond the classes that were run, time grows with the operations.
        return math.exp(float(np.interp(here, at, np.log(np.maximum(of, 1e-9)))) + max(0.0, here - at[-1]))

    spread = max(paces.spread for _, paces in sizes)
    return Paces(
        fmean(paces.start for _, paces in sizes),
        value([paces.unit for _, paces in sizes]),
        value([paces.evaluation for _, paces in sizes]),
        math.hypot(spread, CARRIED_SPREAD, beyond / 2),
    )


def _size(pair: tuple[float, Paces]) -> float:
    return pair[0]


def _joined(each: Sequence[Paces]) -> Paces:
    """One class's paces from all of its runs; how far the runs are apart counts as spread."""
    units = [paces.unit for paces in each]
    apart = float(np.std(np.log(units), ddof=1)) if len(units) > 1 else 0.0
    return Paces(
        fmean(paces.start for paces in each),
        fmean(units),
        fmean(paces.evaluation for paces in each),
        math.hypot(fmean(paces.spread for paces in each), apart),
    )


def _shared(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """How many values two configs have in common."""
    mine, theirs = ({json.dumps(leaf) for leaf in leaves(config)} for config in (one, other))
    return len(mine & theirs)
