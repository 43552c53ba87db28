"""Device-seconds of each planned trial before anything runs, with an honest interval, and from what they follow.

1. Completed runs of the same study, on a device of the same kind, for configurations that cost alike.
2. A pilot's runs (`sweeper.forecast.pilot_throughput`).
3. Other runs of the program that ended: those of the same study, and all if the study's configurations have run before
   or the phase says nothing of hours.
4. The phase's ``reference_hours``.
5. Runs of the program in other studies, scaled by operations.
6. For the built-in trainer: its floating-point operations over an assumed rate.

Of another program that never ran nothing is known, and nothing is invented.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

from sweeper.designs.factor import Factor, settled
from sweeper.designs.kinds import PromoteDesign
from sweeper.designs.levels import Configuration, Level
from sweeper.forecast.footprint import cost_class, training_work, work_key
from sweeper.forecast.pilot_throughput import Pilots
from sweeper.forecast.throughput import Pace, Timed, Work, fit
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, Reference, TrialBudget
from sweeper.spec.configurations import complete_configuration, resolve, varied_factors
from sweeper.spec.program import Program
from sweeper.spec.study import Study

Basis = Literal["reference_hours", "history", "operations", "pilot"]
Config = Mapping[str, Any]

CPU_RATE: Final = 3e10  # operations a second of one thread; 30 to 65 G measured on a server's core of 2024
GPU_RATE: Final = 1e13
RATE_FACTOR: Final = 3.0  # slower or faster, assumed
GPU_STEP_S: Final = 3e-3  # the least that a step takes on a GPU, whose small kernels wait for the CPU
GPU_LAYER_S: Final = 1e-3
START_S: Final = 4.0  # importing and reading the corpus
REFERENCE_FACTOR: Final = 1.25  # hours on the reference device are meant for that device
EARLY_END: Final = 0.25  # the least share of their budget that a pruner leaves trials, assumed
DRAWS: Final = 24  # configurations drawn to know what a sampler's trials may cost


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that ended, of any study."""

    study: str
    program: Program
    config: Config
    configuration_hash: str | None
    budget: Mapping[str, Any]
    step: int | None  # how far it came, where that is known
    completed: bool
    device: str  # cpu or cuda
    device_seconds: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """Device-seconds of a trial: expected, and between which bounds."""

    seconds: float
    low: float
    high: float
    basis: Basis


def predict(
    plan: Plan,
    study: Study,
    history: Sequence[PastRun] = (),
    *,
    device: str = "cpu",
    pilots: Pilots | None = None,
) -> dict[Reference, Prediction]:
    """Predictions by phase and number; trials of which nothing is known are left out.

    Args:
        history: runs that ended, of whatever program and study.
        pilots: what pilots of the program measured on such slots.
        device: cpu or cuda, where the trials will run.
    """
    return _Predictor(plan, study, history, device, pilots or Pilots(study.trial.program)).all()


def seconds_of(predictions: Mapping[Reference, Prediction]) -> dict[Reference, float]:
    """The expected device-seconds alone."""
    return {place: prediction.seconds for place, prediction in predictions.items()}


def total(predictions: Sequence[Prediction]) -> Prediction | None:
    """The sum; the interval's ends are those of trials that are all too slow or all too fast together."""
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
    device: str
    pilots: Pilots
    _works: dict[tuple[str, str], Work] = field(default_factory=dict)
    _candidates: dict[str, list[tuple[Config, str | None]]] = field(default_factory=dict)

    def all(self) -> dict[Reference, Prediction]:
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
            each = [self._config(config, key, trial.budget) for config, key in self._may_be(phase)]
            known = [prediction for prediction in each if prediction is not None]
            prediction = None if not known else _average(known)
        if prediction is None or not _prunes(phase):
            return prediction
        return Prediction(prediction.seconds, prediction.low * EARLY_END, prediction.high, prediction.basis)

    def _config(self, config: Config, configuration_hash: str | None, budget: TrialBudget) -> Prediction | None:
        if cost_class(self._program, config) not in self._proven:
            piloted = self.pilots.seconds(config, budget.as_dict())
            if piloted is not None:
                return Prediction(*piloted, "pilot")
        work = self._work(config, budget.as_dict())
        pace = self._pace_of_kin if budget.reference_hours is not None else self._pace_of_all
        if pace is not None and work is not None:
            seconds, low, high = pace.seconds(work, configuration_hash)
            return Prediction(seconds, low, high, "history")
        if budget.reference_hours is not None:
            seconds = budget.reference_hours * 3600
            return Prediction(seconds, seconds / REFERENCE_FACTOR, seconds * REFERENCE_FACTOR, "reference_hours")
        if work is None or work.operations is None:
            return None
        return self._assumed(config, work)

    def _assumed(self, config: Config, work: Work) -> Prediction:
        assert work.operations is not None
        if self.device == "cpu":
            threads = self.study.resources.threads_per_trial
            seconds = work.operations / (CPU_RATE * threads**0.8)
        else:
            waits = GPU_STEP_S + GPU_LAYER_S * float(config["model"].get("layers") or 1)
            seconds = max(work.operations / GPU_RATE, work.amount * waits)
        low, high = START_S / RATE_FACTOR + seconds / RATE_FACTOR, RATE_FACTOR * (START_S + seconds)
        return Prediction(START_S + seconds, low, high, "operations")

    def _work(self, config: Config, amount: Mapping[str, Any]) -> Work | None:
        """A run's work; of another program its budget, if all of its runs are measured alike."""
        if not self.study.trial.is_trainer:
            (unit, value), *_ = amount.items()
            return Work(float(value)) if unit == self._unit else None
        key = work_key(config), json.dumps(dict(amount), sort_keys=True)
        if key not in self._works:
            self._works[key] = training_work(config, amount)
        return self._works[key]

    @property
    def _program(self) -> Program:
        return self.study.trial.program

    @cached_property
    def _unit(self) -> str | None:
        """In what the runs of another program are measured: what most of its history is."""
        units = [next(iter(run.budget)) for run in self._runs if run.budget]
        return max(sorted(set(units)), key=units.count) if units else None

    @cached_property
    def _runs(self) -> list[PastRun]:
        return [
            run for run in self.history if run.program == self._program and run.device == self.device and run.budget
        ]

    @cached_property
    def _pace_of_all(self) -> Pace | None:
        return fit([timed for run in self._runs if (timed := self._timed(run)) is not None])

    @cached_property
    def _pace_of_kin(self) -> Pace | None:
        """Runs that know better than hours on the reference device: this study's, or of its configurations."""
        mine = {trial.configuration_hash for trial in self.plan.trials if trial.configuration_hash is not None}
        kin = [run for run in self._runs if run.study == self.plan.study or run.configuration_hash in mine]
        return fit([timed for run in kin if (timed := self._timed(run)) is not None])

    @cached_property
    def _proven(self) -> frozenset[str]:
        """The cost classes of which trials of this very study have completed."""
        mine = (run for run in self._runs if run.study == self.plan.study and run.completed)
        return frozenset(cost_class(self._program, run.config) for run in mine)

    def _timed(self, run: PastRun) -> Timed | None:
        work = self._work(run.config, run.budget)
        if work is None or work.amount <= 0:
            return None
        if run.completed:
            return Timed(work, run.device_seconds, run.configuration_hash)
        share = (run.step or 0) / work.amount
        if not 0 < share <= 1 or (not self.study.trial.is_trainer and self._unit != "steps"):
            return None
        operations = None if work.operations is None else work.operations * share
        return Timed(Work(work.amount * share, operations), run.device_seconds, run.configuration_hash)

    def _may_be(self, phase: PlannedPhase) -> list[tuple[Config, str | None]]:
        """Complete configs that a phase's trials may get, with their hashes where they are known."""
        if phase.name not in self._candidates:
            found: list[tuple[Config, str | None]]
            design = phase.phase.design
            if isinstance(design, PromoteDesign):
                source = next(each for each in self.plan.phases if each.name == design.phase)
                known = {trial.configuration_hash: trial.config for trial in self.plan.wanted(source)}
                found = [(config, key) for key, config in known.items() if config is not None]
                found = found or self._may_be(source)
            else:
                found = [(config, None) for _, config in drawn(self.study, phase)]
            self._candidates[phase.name] = found
        return self._candidates[phase.name]


def _prunes(phase: PlannedPhase) -> bool:
    return phase.phase.pruner.name != "none"


def _average(each: Sequence[Prediction]) -> Prediction:
    """One of several trials, nobody knows which."""
    return Prediction(
        math.fsum(prediction.seconds for prediction in each) / len(each),
        min(prediction.low for prediction in each),
        max(prediction.high for prediction in each),
        each[0].basis,
    )


def drawn(study: Study, phase: PlannedPhase) -> list[tuple[Configuration, Config]]:
    """Some configurations drawn at random, with their configs; those that the trainer refuses are left out."""
    rng = np.random.default_rng(0)
    factors = varied_factors(study, phase.phase)
    found: list[tuple[Configuration, Config]] = []
    for _ in range(DRAWS):
        levels = settled({name: _level(factor, rng) for name, factor in sorted(factors.items())}, factors)
        try:
            config = resolve(study, phase.phase, levels)
        except ValueError:  # the trainer's ConfigError
            continue
        found.append((complete_configuration(study, phase.phase, levels), config))
    return found


def _level(factor: Factor, rng: np.random.Generator) -> Level:
    if factor.range is None:
        levels = factor.listed_levels
        return levels[int(rng.integers(len(levels)))]
    low, high = factor.range.low, factor.range.high
    value = math.exp(rng.uniform(math.log(low), math.log(high))) if factor.range.log else float(rng.uniform(low, high))
    return round(value) if isinstance(low, int) and isinstance(high, int) else value
