"""Predictions of the device-seconds of each planned trial, with an interval and their basis.

A prediction uses the first of these that is available:

1. Completed runs of the same study, on the same kind of device, of configurations in the same cost class.
2. A pilot's runs (`sweeper.forecast.pilot_throughput`).
3. Other runs of the program that ended: those of the same study; also those of other studies if the study's
   configurations have run before or the phase gives no reference hours.
4. The phase's ``reference_hours``.
5. Runs of the program in other studies, scaled by operations.
6. For the built-in trainer: its floating-point operations at an assumed rate.

For another program that has never run, there is no prediction.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from sweeper.designs.kinds import PromoteDesign
from sweeper.designs.paths import Config
from sweeper.forecast.candidates import sampled_configurations
from sweeper.forecast.footprint import Amounts, cost_class, training_work, work_key
from sweeper.forecast.pilot_throughput import Pilots
from sweeper.forecast.throughput import Throughput, TimedRun, Work, fit_throughput
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, Reference, TrialBudget
from sweeper.spec.program import Program
from sweeper.spec.study import Study
from trainer.config import ConfigError, parse

Basis = Literal["reference_hours", "history", "operations", "pilot"]
TrialDevice = Literal["cpu", "cuda"]

CPU_RATE: Final = 4.4e10  # operations per second of one thread; 30 to 65 G measured on a server core of 2024
MIXED_CPU_RATE: Final = 6e10  # with products in bfloat16; 93 G measured on that core, which has instructions for them
GPU_RATE: Final = 1e13
RATE_FACTOR: Final = 3.0  # how much slower or faster the rate may be, assumed
GPU_STEP_S: Final = 3e-3  # the shortest step on a GPU, whose small kernels wait for the CPU
GPU_LAYER_S: Final = 1e-3
START_S: Final = 4.0  # importing PyTorch and reading the corpus
REFERENCE_FACTOR: Final = 1.25  # reference hours are meant for the reference device
EARLY_END: Final = 0.25  # the smallest share of the budget that a pruner leaves a trial, assumed


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that ended, of any study.

    Attributes:
        step: the last step that it reported; None if unknown.
        device: cpu or cuda.
    """

    study: str
    program: Program
    config: Config
    configuration_hash: str | None
    budget: Amounts
    step: int | None
    completed: bool
    device: str
    device_seconds: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The expected device-seconds of a trial, and their bounds."""

    seconds: float
    low: float
    high: float
    basis: Basis


def trial_seconds(
    plan: Plan,
    study: Study,
    history: Sequence[PastRun] = (),
    *,
    device: TrialDevice = "cpu",
    pilots: Pilots | None = None,
) -> dict[Reference, Prediction]:
    """Predict the device-seconds of planned trials, by phase and number, where possible.

    Args:
        history: runs that ended, of any program and study.
        device: where the trials will run.
        pilots: what pilots of the program measured on the same kind of slots.
    """
    return _Predictor(plan, study, history, device, pilots or Pilots(study.trial.program)).predictions()


def expected_seconds(predictions: Mapping[Reference, Prediction]) -> dict[Reference, float]:
    """Return only the expected device-seconds."""
    return {reference: prediction.seconds for reference, prediction in predictions.items()}


def total(predictions: Sequence[Prediction]) -> Prediction | None:
    """Add up predictions; the bounds are those of trials that are all too fast or all too slow together."""
    if not predictions:
        return None
    return Prediction(
        math.fsum(each.seconds for each in predictions),
        math.fsum(each.low for each in predictions),
        math.fsum(each.high for each in predictions),
        predictions[0].basis,
    )


@dataclass
class _Predictor:
    plan: Plan
    study: Study
    history: Sequence[PastRun]
    device: TrialDevice
    pilots: Pilots
    _works: dict[tuple[str, str], Work] = field(default_factory=dict)
    _candidates: dict[str, list[tuple[Config, str | None]]] = field(default_factory=dict)

    def predictions(self) -> dict[Reference, Prediction]:
        found: dict[Reference, Prediction] = {}
        for phase in self.plan.phases:
            known: dict[tuple[str | None, str], Prediction | None] = {}
            for trial in phase.trials:
                key = (trial.configuration_hash, trial.budget.key.split("#")[0])
                if key not in known:
                    known[key] = self._trial(phase, trial)
                prediction = known[key]
                if prediction is not None:
                    found[trial.phase, trial.number] = prediction
        return found

    def _trial(self, phase: PlannedPhase, trial: PlannedTrial) -> Prediction | None:
        if trial.config is not None:
            prediction = self._config(trial.config, trial.configuration_hash, trial.budget)
        else:
            each = [self._config(config, key, trial.budget) for config, key in self._possible(phase)]
            known = [prediction for prediction in each if prediction is not None]
            prediction = _mean(known) if known else None
        if prediction is None or phase.phase.pruner.name == "none":
            return prediction
        return Prediction(prediction.seconds, prediction.low * EARLY_END, prediction.high, prediction.basis)

    def _config(self, config: Config, configuration_hash: str | None, budget: TrialBudget) -> Prediction | None:
        if cost_class(self._program, config) not in self._proven:
            piloted = self.pilots.seconds(config, budget.as_dict())
            if piloted is not None:
                return Prediction(*piloted, "pilot")
        work = self._work(config, budget.as_dict())
        throughput = self._related_throughput if budget.reference_hours is not None else self._throughput
        if throughput is not None and work is not None:
            return Prediction(*throughput.seconds(work, configuration_hash), "history")
        if budget.reference_hours is not None:
            seconds = budget.reference_hours * 3600
            return Prediction(seconds, seconds / REFERENCE_FACTOR, seconds * REFERENCE_FACTOR, "reference_hours")
        if work is None or work.operations is None:
            return None
        return self._assumed(config, work.amount, work.operations)

    def _assumed(self, config: Config, steps: float, operations: float) -> Prediction:
        if self.device == "cpu":
            rate = MIXED_CPU_RATE if parse(config).precision == "mixed" else CPU_RATE
            seconds = operations / (rate * self.study.resources.threads_per_trial**0.8)
        else:
            step_s = GPU_STEP_S + GPU_LAYER_S * parse(config).model.layers
            seconds = max(operations / GPU_RATE, steps * step_s)
        low, high = START_S / RATE_FACTOR + seconds / RATE_FACTOR, RATE_FACTOR * (START_S + seconds)
        return Prediction(START_S + seconds, low, high, "operations")

    def _work(self, config: Config, budget: Amounts) -> Work | None:
        """Return a run's work; for other programs than the trainer its budget, if it is in the unit of most runs."""
        if not self.study.trial.is_trainer:
            ((unit, amount),) = budget.items()
            return Work(float(amount)) if unit == self._unit else None
        key = work_key(config), json.dumps(dict(budget), sort_keys=True)
        if key not in self._works:
            self._works[key] = training_work(config, budget)
        return self._works[key]

    @property
    def _program(self) -> Program:
        return self.study.trial.program

    @cached_property
    def _unit(self) -> str | None:
        """The unit in which most past runs of another program than the trainer are measured."""
        units = [next(iter(run.budget)) for run in self._runs if run.budget]
        return max(sorted(set(units)), key=units.count) if units else None

    @cached_property
    def _runs(self) -> list[PastRun]:
        return [
            run for run in self.history if run.program == self._program and run.device == self.device and run.budget
        ]

    @cached_property
    def _throughput(self) -> Throughput | None:
        return fit_throughput([timed for run in self._runs if (timed := self._timed(run)) is not None])

    @cached_property
    def _related_throughput(self) -> Throughput | None:
        """The throughput of runs that are better evidence than reference hours: same study or same configuration."""
        mine = {trial.configuration_hash for trial in self.plan.trials if trial.configuration_hash is not None}
        related = [run for run in self._runs if run.study == self.plan.study or run.configuration_hash in mine]
        return fit_throughput([timed for run in related if (timed := self._timed(run)) is not None])

    @cached_property
    def _proven(self) -> frozenset[str]:
        """The cost classes in which trials of this study have completed."""
        mine = (run for run in self._runs if run.study == self.plan.study and run.completed)
        return frozenset(cost_class(self._program, run.config) for run in mine)

    def _timed(self, run: PastRun) -> TimedRun | None:
        try:
            work = self._work(run.config, run.budget)
        except ConfigError:  # of an earlier version, which accepted what has no effect
            return None
        if work is None or work.amount <= 0:
            return None
        if run.completed:
            return TimedRun(work, run.device_seconds, run.configuration_hash)
        share = (run.step or 0) / work.amount
        if not 0 < share <= 1 or (not self.study.trial.is_trainer and self._unit != "steps"):
            return None
        operations = None if work.operations is None else work.operations * share
        return TimedRun(Work(work.amount * share, operations), run.device_seconds, run.configuration_hash)

    def _possible(self, phase: PlannedPhase) -> list[tuple[Config, str | None]]:
        """Return complete configs that a phase's trials may get, with their hashes where they are known."""
        if phase.name not in self._candidates:
            found: list[tuple[Config, str | None]]
            design = phase.phase.design
            if isinstance(design, PromoteDesign):
                source = next(each for each in self.plan.phases if each.name == design.phase)
                known = {trial.configuration_hash: trial.config for trial in self.plan.wanted(source)}
                found = [(config, key) for key, config in known.items() if config is not None]
                found = found or self._possible(source)
            else:
                found = [(config, None) for _, config in sampled_configurations(self.study, phase.phase)]
            self._candidates[phase.name] = found
        return self._candidates[phase.name]


def _mean(predictions: Sequence[Prediction]) -> Prediction:
    """Predict a trial that will be one of several, with equal probability."""
    return Prediction(
        math.fsum(prediction.seconds for prediction in predictions) / len(predictions),
        min(prediction.low for prediction in predictions),
        max(prediction.high for prediction in predictions),
        predictions[0].basis,
    )
