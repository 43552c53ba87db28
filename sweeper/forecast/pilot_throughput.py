"""Predictions from a pilot's short runs: seconds = start + amount x seconds per unit + evaluations.

The seconds per unit come from the reports of a run in progress, so that its start does not count as steps; if a run
reports only once, they come from the whole run. They apply to the configurations of the same cost class.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from statistics import fmean
from typing import Final

import numpy as np

from sweeper.designs.paths import Config, leaves
from sweeper.forecast.footprint import (
    Amounts,
    Footprint,
    cost_class,
    evaluated_tokens,
    num_evaluations,
    training_work,
)
from sweeper.spec.program import Program, TrainerProgram
from trainer.config import ConfigError, parse, training_flops

MIN_SPREAD: Final = 0.05  # of the logarithm: no two runs on a machine take the same time
FEW_SPREAD: Final = 0.15  # with too few reports to estimate it
BLIND_SPREAD: Final = 0.5  # without intermediate reports: the start may be most of the run
SHORTEST: Final = 1e-12  # seconds, which have a logarithm even where none were measured
CARRIED_SPREAD: Final = 0.2  # for a class that did not run, inferred from others
SPREADS: Final = 2.0  # half the interval's width, in standard deviations


@dataclass(frozen=True, slots=True)
class Report:
    """A report of a run in progress.

    Attributes:
        amount: how much of its budget, in the budget's unit, was done.
        seconds: device-seconds until then.
        is_evaluation: whether the built-in trainer was evaluated just before.
    """

    amount: float
    seconds: float
    is_evaluation: bool = False


@dataclass(frozen=True, slots=True)
class PilotThroughput:
    """Device-seconds of the start, of a unit of the budget and of an evaluation, and the spread of a unit's seconds."""

    start: float
    unit: float
    evaluation: float
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotRun:
    """One run of a pilot.

    Attributes:
        study: the name of the study that the pilot was for.
        device: cpu or cuda.
        slots: number of runs in parallel.
        unit: steps, tokens or epochs.
        amount: how many units it ran.
        peak_memory_bytes, disk_bytes: None if they could not be measured.
        measured_at: seconds since the epoch; the same for all runs of a pilot.
        seed: None, as `metric` and `value`, for pilots of older versions.
        metric: the study's.
        value: of the metric; None if the run was stopped before its end.
    """

    study: str
    program: Program
    config: Config
    host: str
    device: str
    device_share: float
    threads: int
    slots: int
    unit: str
    amount: float
    device_seconds: float
    throughput: PilotThroughput
    peak_memory_bytes: int | None
    disk_bytes: int | None
    measured_at: float
    seed: int | None = None
    metric: str | None = None
    value: float | None = None


def throughput_of(reports: Sequence[Report], total_s: float, amount: float) -> PilotThroughput:
    """Return the throughput of a run.

    Args:
        reports: in order of their amounts, which increase.
        total_s: device-seconds of the whole run.
        amount: units of the whole run.
    """
    steps = [
        (later.amount - earlier.amount, later.seconds - earlier.seconds, earlier.is_evaluation, later.is_evaluation)
        for earlier, later in itertools.pairwise(reports)
        if later.amount > earlier.amount and later.seconds > earlier.seconds
    ]
    if not steps:
        return PilotThroughput(0.0, total_s / amount, 0.0, BLIND_SPREAD)
    # An evaluation is reported together with the steps before it; its checkpoint is written in the time after it.
    plain = [(units, seconds) for units, seconds, after, of in steps if not after and not of] or [
        (units, seconds) for units, seconds, *_ in steps
    ]
    unit = sum(seconds for _, seconds in plain) / sum(units for units, _ in plain)
    evaluations = sum(report.is_evaluation for report in reports)
    extra = sum(seconds - unit * units for units, seconds, after, of in steps if after or of)
    evaluation = max(0.0, extra) / evaluations if evaluations else 0.0
    start = max(0.0, total_s - unit * amount - evaluation * evaluations)
    return PilotThroughput(start, unit, evaluation, _spread([seconds / units for units, seconds in plain]))


def _spread(unit_seconds: Sequence[float]) -> float:
    """Return the standard error of the logarithm of a mean of seconds per unit."""
    if len(unit_seconds) < 3:
        return FEW_SPREAD
    return max(MIN_SPREAD, float(np.std(np.log(unit_seconds), ddof=1)) / math.sqrt(len(unit_seconds)))


@dataclass(frozen=True)
class Pilots:
    """The newest pilots of a program on one kind of slot."""

    program: Program
    runs: tuple[PilotRun, ...] = ()

    @property
    def is_trainer(self) -> bool:
        """Whether the program is the built-in trainer."""
        return isinstance(self.program, TrainerProgram)

    @cached_property
    def by_class(self) -> Mapping[str, tuple[PilotRun, ...]]:
        """The runs of each cost class, from its newest pilot."""
        found: dict[str, list[PilotRun]] = {}
        for run in self.runs:
            found.setdefault(cost_class(self.program, run.config), []).append(run)
        newest = {key: max(run.measured_at for run in runs) for key, runs in found.items()}
        return {key: tuple(run for run in runs if run.measured_at == newest[key]) for key, runs in found.items()}

    def measured(self, config: Config) -> tuple[PilotRun, ...]:
        """Return the runs of the config's cost class."""
        return self.by_class.get(cost_class(self.program, config), ())

    def seconds(self, config: Config, budget: Amounts) -> tuple[float, float, float] | None:
        """Return the expected device-seconds of a run and their bounds; None if no pilot measured them."""
        if not self.runs:
            return None
        ((unit, amount),) = budget.items()
        if self.is_trainer:
            unit, amount = "steps", training_work(config, budget).amount
        runs = [run for run in self.measured(config) if run.unit == unit]
        found = _pooled([run.throughput for run in runs]) if runs else self._carried(config, unit)
        if found is None:
            return None
        evaluations = num_evaluations(config, round(amount)) if self.is_trainer else 0
        seconds = found.start + found.unit * amount + found.evaluation * evaluations
        width = math.exp(SPREADS * found.spread)
        return seconds, seconds / width, seconds * width

    def footprint(self, config: Config) -> Footprint | None:
        """Return the largest memory and disk space among runs of the config's class; None if not measured.

        For programs other than the trainer, a class that did not run gets the largest among all runs. A process that
        needed no more memory than the slot that started it counts as none.
        """
        runs = self.measured(config) or (() if self.is_trainer else self.runs)
        disk = [run.disk_bytes for run in runs if run.disk_bytes is not None]
        if not disk:
            return None
        memory = max(run.peak_memory_bytes or 0 for run in runs)
        return Footprint(memory, max(disk), measured=True)

    def _carried(self, config: Config, unit: str) -> PilotThroughput | None:
        """Infer the throughput of a class that did not run, by operations or from the most similar classes."""
        known = {
            key: (runs[0].config, _pooled([run.throughput for run in runs]))
            for key, runs in self.by_class.items()
            if all(run.unit == unit for run in runs) and self._is_accepted(runs[0].config)
        }
        if not known:
            return None
        if self.is_trainer:
            return _by_operations(config, list(known.values()))
        similarity = {key: _num_shared(config, other) for key, (other, _) in known.items()}
        nearest = [known[key][1] for key, number in similarity.items() if number == max(similarity.values())]
        units = [each.unit for _, each in known.values()]
        among = float(np.std(np.log(units))) if len(units) > 1 else 0.0
        found = _pooled(nearest)
        return PilotThroughput(found.start, found.unit, 0.0, math.hypot(found.spread, CARRIED_SPREAD, among))

    def _is_accepted(self, config: Config) -> bool:
        """Return whether the program accepts a config; earlier versions of the trainer accepted more."""
        if not self.is_trainer:
            return True
        try:
            parse(config)
        except ConfigError:
            return False
        return True


def _by_operations(config: Config, known: Sequence[tuple[Config, PilotThroughput]]) -> PilotThroughput:
    """Interpolate by the operations of a step between the classes with the next fewer and the next more."""
    sized = sorted(((math.log(training_flops(other, 1)), other, each) for other, each in known), key=itemgetter(0))
    here = math.log(training_flops(config, 1))
    sizes, found = [size for size, *_ in sized], [each for *_, each in sized]
    per_token = [each.evaluation / evaluated_tokens(parse(other)).on_the_way for _, other, each in sized]
    above = max(0.0, here - sizes[-1])
    outside = max(above, sizes[0] - here)

    def interpolated(seconds: Sequence[float]) -> float:
        # Beyond the largest class that ran, the time grows in proportion to the operations.
        return math.exp(float(np.interp(here, sizes, np.log(np.maximum(seconds, SHORTEST)))) + above)

    return PilotThroughput(
        fmean(each.start for each in found),
        interpolated([each.unit for each in found]),
        interpolated(per_token) * evaluated_tokens(parse(config)).on_the_way,
        math.hypot(max(each.spread for each in found), CARRIED_SPREAD, outside / 2),
    )


def _pooled(runs: Sequence[PilotThroughput]) -> PilotThroughput:
    """Average the runs of a class; the differences between them add to the spread."""
    units = [run.unit for run in runs]
    between = float(np.std(np.log(units), ddof=1)) if len(units) > 1 else 0.0
    return PilotThroughput(
        fmean(run.start for run in runs),
        fmean(units),
        fmean(run.evaluation for run in runs),
        math.hypot(fmean(run.spread for run in runs), between),
    )


def _num_shared(one: Config, other: Config) -> int:
    """Return the number of values that two configs have in common."""
    mine, theirs = ({json.dumps(leaf) for leaf in leaves(config)} for config in (one, other))
    return len(mine & theirs)
