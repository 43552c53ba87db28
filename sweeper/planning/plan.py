"""From a study to its trials, before anything runs: which configurations, seeds and budgets, in which order.

Within a phase the first seed of all configurations comes first, so that a study that stops early has whole replicates.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from sweeper.designs.factor import DesignError
from sweeper.designs.kinds import DesignKind, PromoteDesign, SamplerDesign
from sweeper.designs.levels import Configuration, Level
from sweeper.designs.paths import Config, apply_levels
from sweeper.errors import UsageError
from sweeper.spec.configurations import (
    baseline_config,
    configuration_hash,
    enumerate_phase,
    factors_in,
    with_defaults,
)
from sweeper.spec.phase import BudgetUnit, Phase
from sweeper.spec.study import Study

SHOWN_REFUSALS: Final = 5  # of one phase

Reference = tuple[str, int]  # phase and number
Key = tuple[str, int, str]  # hash of the configuration, seed and budget


@dataclass(frozen=True, slots=True)
class TrialBudget:
    """How long a trial trains.

    Attributes:
        unit: steps, tokens or epochs; runs for one run of a program that ends by itself.
        repeat: which exact repeat of its configuration, seed and budget the trial is; 0 for the first.
        reference_hours: what the phase gives in hours on the reference device; None if it gives another unit.
    """

    unit: BudgetUnit
    amount: int | float
    repeat: int = 0
    reference_hours: float | None = field(default=None, compare=False)

    def as_dict(self) -> dict[str, int | float]:
        """Return the budget as the program gets it."""
        return {self.unit: self.amount}

    @property
    def key(self) -> str:
        """Text that equal budgets share; an exact repeat has its own."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return f"{text}#{self.repeat}" if self.repeat else text


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial of a phase.

    Attributes:
        configuration: a level for every factor; None, as are its config and hash, until the study runs.
        config: the program's complete configuration.
    """

    phase: str
    number: int
    configuration: Mapping[str, Level] | None
    config: Config | None
    configuration_hash: str | None
    seed: int
    budget: TrialBudget


@dataclass(frozen=True)
class PlannedPhase:
    """A phase and its trials.

    Attributes:
        trials: those that the phase owns, because no earlier phase has them.
        members: all trials of the phase, in its order, those of earlier phases by reference.
    """

    phase: Phase
    trials: tuple[PlannedTrial, ...]
    members: tuple[Reference, ...]

    @property
    def name(self) -> str:
        """The phase's name."""
        return self.phase.name

    @property
    def kind(self) -> DesignKind:
        """The kind of the phase's design."""
        return self.phase.design.kind


@dataclass(frozen=True)
class Plan:
    """All trials of a study, each once."""

    study: str
    phases: tuple[PlannedPhase, ...]

    @cached_property
    def trials(self) -> tuple[PlannedTrial, ...]:
        """The trials of all phases in their order."""
        return tuple(trial for phase in self.phases for trial in phase.trials)

    @cached_property
    def by_reference(self) -> Mapping[Reference, PlannedTrial]:
        """The trials by phase and number."""
        return {(trial.phase, trial.number): trial for trial in self.trials}

    def wanted(self, phase: PlannedPhase) -> tuple[PlannedTrial, ...]:
        """Return all trials of a phase, those of earlier phases included."""
        return tuple(self.by_reference[member] for member in phase.members)


def make_plan(study: Study) -> Plan:
    """Return the plan of a study; the same study always gives the same plan.

    Raises:
        UsageError: a design cannot be made of its factors, or the built-in trainer refuses a combination; the message
            has all of them.
    """
    known: dict[Key, Reference] = {}
    phases: list[PlannedPhase] = []
    mistakes: list[str] = []
    for phase in study.phases:
        try:
            phases.append(_number(phase, _cells(study, phase), known))
        except UsageError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return Plan(study.name, tuple(phases))


def with_all_seeds(study: Study) -> Study:
    """Return a study whose phases have all the seeds that they may get; those without a maximum have the first ones."""
    phases = (
        phase
        if phase.adaptive is None or phase.adaptive.most is None
        else replace(phase, seeds=tuple(range(phase.adaptive.most)))
        for phase in study.phases
    )
    return replace(study, phases=tuple(phases))


def trial_budget(study: Study, phase: Phase) -> TrialBudget:
    """Return the budget of a phase's trials; reference hours become steps by the study's calibration."""
    budget = phase.budget
    if budget.unit != "reference_hours":
        return TrialBudget(budget.unit, budget.amount)
    speed = study.trial.steps_per_hour
    if speed is None:
        raise UsageError(
            f"phases.{phase.name}.budget: reference_hours needs trial.calibration: {{steps_per_hour: ...}}"
        )
    return TrialBudget("steps", max(1, round(budget.amount * speed)), reference_hours=float(budget.amount))


def further_seed(
    study: Study, phase: Phase, seed: int, plan: Plan, *, number: int, only: Collection[str] | None = None
) -> tuple[PlannedTrial, ...]:
    """Return the trials of a phase with a seed that the plan does not have yet.

    Args:
        phase: with a fixed design; its first seeds are in the plan.
        number: of the first new trial; the phase's own trials are numbered one after another.
        only: the hashes of the configurations that are wanted; None for all.
    """
    known = {(trial.configuration_hash, trial.seed, trial.budget.key) for trial in plan.trials}
    found: list[PlannedTrial] = []
    for arm, _, budget in _cells(study, replace(phase, seeds=(seed,))):
        if arm is None:
            raise ValueError(f"a {phase.design.kind} design has no configurations before it has run")
        wanted = only is None or arm.configuration_hash in only
        if wanted and (arm.configuration_hash, seed, budget.key) not in known:
            found.append(
                PlannedTrial(
                    phase.name,
                    number + len(found),
                    arm.configuration,
                    arm.config,
                    arm.configuration_hash,
                    seed,
                    budget,
                )
            )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Arm:
    """A configuration with its complete config."""

    configuration: Configuration
    config: Config
    configuration_hash: str


_Cell = tuple[_Arm | None, int, TrialBudget]


def _cells(study: Study, phase: Phase) -> list[_Cell]:
    """Return the arms, seeds and budgets of a phase, in its order."""
    budget, design = trial_budget(study, phase), phase.design
    budgets = [TrialBudget(budget.unit, budget.amount, k, budget.reference_hours) for k in range(phase.repeats)]
    if isinstance(design, SamplerDesign):
        seeds = [phase.seeds[number % len(phase.seeds)] for number in range(design.trials)]
        return [(None, seed, each) for each in budgets for seed in seeds]
    if isinstance(design, PromoteDesign):
        return [(None, seed, each) for each in budgets for seed in phase.seeds for _ in range(design.top)]
    arms = _arms(study, phase)
    return [(arm, seed, each) for each in budgets for seed in phase.seeds for arm in arms]


def _number(phase: Phase, cells: Iterable[_Cell], known: dict[Key, Reference]) -> PlannedPhase:
    """Number a phase's own trials, and add them to those that are known from earlier phases."""
    own: list[PlannedTrial] = []
    members: dict[Reference, None] = {}
    keys: dict[int, str] = {}
    for arm, seed, budget in cells:
        if id(budget) not in keys:
            keys[id(budget)] = budget.key
        reference = (phase.name, len(own))
        if arm is not None:
            reference = known.setdefault((arm.configuration_hash, seed, keys[id(budget)]), reference)
        members[reference] = None
        if reference == (phase.name, len(own)):
            levels, config, identity = (
                (None, None, None) if arm is None else (arm.configuration, arm.config, arm.configuration_hash)
            )
            own.append(PlannedTrial(phase.name, len(own), levels, config, identity, seed, budget))
    return PlannedPhase(phase, tuple(own), tuple(members))


def _arms(study: Study, phase: Phase) -> list[_Arm]:
    """Return the configurations of a phase with their complete configs."""
    try:
        rows = enumerate_phase(phase, factors_in(study, phase))
    except DesignError as error:
        raise UsageError(f"phases.{phase.name}.design: {error}") from error
    if not rows:
        raise UsageError(f"phases.{phase.name}.exclude: leaves no configuration. Exclude less")
    return _resolved(study, phase, rows)


def _resolved(study: Study, phase: Phase, rows: Sequence[Configuration]) -> list[_Arm]:
    base = baseline_config(study, phase)
    arms: list[_Arm] = []
    refused: dict[str, Configuration] = {}
    for row in rows:
        try:
            config = with_defaults(study.trial, apply_levels(base, study.factors, row))
        except ValueError as error:  # the trainer's ConfigError
            refused.setdefault(str(error), row)
            continue
        arms.append(_Arm(row, config, configuration_hash(study.trial, config)))
    if refused:
        raise UsageError("\n".join(_refusals(phase.name, refused)))
    return arms


def _refusals(phase: str, refused: Mapping[str, Configuration]) -> list[str]:
    lines = [
        f"phases.{phase}: the trainer refuses {_levels_text(row)}: {message} Or leave it out: exclude: [{{...}}]"
        for message, row in list(refused.items())[:SHOWN_REFUSALS]
    ]
    more = len(refused) - SHOWN_REFUSALS
    return lines if more <= 0 else [*lines, f"phases.{phase}: … and {more} more"]


def _levels_text(row: Configuration) -> str:
    return ", ".join(f"{name}={level}" for name, level in row.items()) or "the baseline"
