"""Choose the runs of a pilot: which configurations, how often and for how long, so that it is short but informative.

Configurations of one cost class (`forecast.footprint.cost_class`) take the same time, so one of each is enough. If
there are many classes, a selection spans them: by operations for the built-in trainer, otherwise such that every level
of every factor occurs. The runs fill the slots, because trials that share a machine slow each other down.

If the study has claims, one configuration also runs with other seeds, to measure how much runs vary between them.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from sweeper.designs.levels import Level
from sweeper.designs.paths import Config, leaves
from sweeper.forecast.candidates import sampled_configurations
from sweeper.forecast.footprint import cost_class
from sweeper.planning.plan import Plan, PlannedPhase, trial_budget
from sweeper.spec.phase import BudgetUnit
from sweeper.spec.program import Program, TrainerProgram
from sweeper.spec.study import Study
from trainer.config import training_flops

MOST_CLASSES: Final = 16
REPEATED_CLASSES: Final = 4  # up to this many run twice, to measure the difference between runs
LENGTHS: Final = {"steps": 100.0, "epochs": 1.0, "tokens": 20_000.0, "runs": 1.0}  # default length of a run
MIN_SHARE: Final = 0.02  # of the longest budget, so that programs that report seldom do report
TRAINER_EVALUATIONS: Final = 2
TRAINER_LINES: Final = 20
OTHER_SEEDS: Final = 2  # with which one configuration runs as well
MOST_KINDS: Final = 4  # of trials that a pilot runs side by side

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PilotTrial:
    """One run of a pilot.

    Attributes:
        repeat: which run of the same configuration it is, from 0.
    """

    configuration: Mapping[str, Level]
    config: Config
    seed: int
    unit: BudgetUnit
    amount: float
    repeat: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    configuration: Mapping[str, Level]
    config: Config
    seed: int
    unit: BudgetUnit
    most: float  # the longest budget of its phase


def pilot_trials(plan: Plan, study: Study, *, slots: int, amount: int | None) -> tuple[PilotTrial, ...]:
    """Return the runs of a pilot: each chosen class in turn, repeated until the slots are full.

    Args:
        amount: length of each run, in steps or in the unit of the phases' budgets; None for the default.
    """
    program = study.trial.program
    classes: dict[str, list[_Candidate]] = {}
    for candidate in _candidates(plan, study):
        classes.setdefault(cost_class(program, candidate.config), []).append(candidate)
    chosen = _spanning(program, list(classes.values()))
    repeats = max(2 if len(chosen) <= REPEATED_CLASSES else 1, math.ceil(slots / max(1, len(chosen))))
    trials: list[PilotTrial] = []
    for repeat in range(repeats):
        for members in chosen:
            trials.append(_run_of(_spread_over(members, repeats)[repeat], study, amount, repeat=repeat))
    return (*trials, *_with_other_seeds(trials[0])) if study.claims and trials else tuple(trials)


def first_trial(plan: Plan, study: Study, *, amount: int | None) -> PilotTrial | None:
    """Return a short run of the configuration that a plan has first; None if none can be drawn."""
    one = next(iter(_candidates(plan, study)), None)
    return None if one is None else _run_of(one, study, amount, repeat=0)


@dataclass(frozen=True, slots=True)
class Sample:
    """A run that stands for a kind of trial.

    Attributes:
        kind: the hash of its cost class.
        most: the longest budget of such trials, in the run's unit; infinity if it is unknown.
    """

    kind: str
    trial: PilotTrial
    most: float

    def of_length(self, amount: float, repeat: int) -> PilotTrial:
        """Return the run with another length, at most that of its trials."""
        length = min(amount, self.most)
        whole = length if self.trial.unit == "epochs" else float(max(1, round(length)))
        return replace(self.trial, amount=whole, repeat=repeat)


def samples(plan: Plan, study: Study) -> tuple[Sample, ...]:
    """Return a run of each kind of trial of a plan, or of a selection that spans them; none if none can be drawn."""
    program = study.trial.program
    classes: dict[str, list[_Candidate]] = {}
    for candidate in _candidates(plan, study):
        classes.setdefault(cost_class(program, candidate.config), []).append(candidate)
    spanning = _spanning(program, list(classes.values()))
    chosen = _evenly(spanning, MOST_KINDS) if len(spanning) > MOST_KINDS else spanning
    found = []
    for members in chosen:
        (one,) = _spread_over(members, 1)
        kind = hashlib.sha256(cost_class(program, one.config).encode()).hexdigest()
        found.append(Sample(kind, _run_of(one, study, None, repeat=0), one.most))
    return tuple(found)


def _run_of(one: _Candidate, study: Study, amount: int | None, *, repeat: int) -> PilotTrial:
    config = _for_pilot(one.config) if study.trial.is_trainer else one.config
    return PilotTrial(one.configuration, config, one.seed, one.unit, _length(one, amount), repeat)


def _with_other_seeds(first: PilotTrial) -> list[PilotTrial]:
    return [replace(first, seed=first.seed + offset) for offset in range(1, OTHER_SEEDS + 1)]


def _candidates(plan: Plan, study: Study) -> list[_Candidate]:
    """Return the configurations that the study will run or may draw, each with the longest of its budgets."""
    found: dict[str, _Candidate] = {}
    for phase in plan.phases:
        unit, most = _budget(study, phase)
        seed = phase.phase.seeds[0]
        for configuration, config in _of_phase(plan, study, phase):
            key = json.dumps(config, sort_keys=True) + unit
            if key not in found or found[key].most < most:
                found[key] = _Candidate(configuration, config, seed, unit, most)
    return list(found.values())


def _of_phase(plan: Plan, study: Study, phase: PlannedPhase) -> Sequence[tuple[Mapping[str, Level], Config]]:
    if phase.kind == "sampler":
        return sampled_configurations(study, phase.phase)
    unique = {trial.configuration_hash: trial for trial in plan.wanted(phase)}
    return [
        (trial.configuration, trial.config)
        for trial in unique.values()
        if trial.configuration is not None and trial.config is not None
    ]


def _budget(study: Study, phase: PlannedPhase) -> tuple[BudgetUnit, float]:
    """Return the unit and length of a phase's budget; the trainer's runs are always measured in steps."""
    budget = trial_budget(study, phase.phase)
    if not study.trial.is_trainer or budget.unit == "steps":
        return budget.unit, float(budget.amount)
    return "steps", math.inf  # unknown without the corpus, and longer than any pilot


def _length(one: _Candidate, amount: int | None) -> float:
    if amount is not None:
        wanted = float(amount)
    else:
        share = MIN_SHARE * one.most if math.isfinite(one.most) and one.unit != "epochs" else 0.0
        wanted = max(LENGTHS[one.unit], share)
    length = min(wanted, one.most)
    return length if one.unit == "epochs" else float(max(1, round(length)))


def _for_pilot(config: Config) -> Config:
    """Return a trainer's config that evaluates twice and reports its progress in between."""
    evaluation = config["evaluation"]
    assert isinstance(evaluation, Mapping)
    others = {name: value for name, value in evaluation.items() if name not in ("every_steps", "geometric")}
    return {**config, "evaluation": {**others, "times": TRAINER_EVALUATIONS, "log_times": TRAINER_LINES}}


def _spread_over(members: Sequence[_Candidate], number: int) -> list[_Candidate]:
    """Return members of a class, from the one with the fewest options switched on to the one with the most."""
    ordered = sorted(members, key=lambda one: sum(bool(value) for _, value in leaves(one.config)))
    if number == 1:
        return [ordered[len(ordered) // 2]]
    return _evenly(ordered, number)


def _spanning(program: Program, classes: Sequence[list[_Candidate]]) -> list[list[_Candidate]]:
    """Return all classes, or a selection that spans them if there are many."""
    if len(classes) <= MOST_CLASSES:
        return list(classes)
    if isinstance(program, TrainerProgram):
        return _evenly(sorted(classes, key=lambda members: training_flops(members[0].config, 1)), MOST_CLASSES)
    return _covering(classes)


def _evenly(ordered: Sequence[Item], number: int) -> list[Item]:
    """Return items at even distances, including the first and the last."""
    return [ordered[round(index * (len(ordered) - 1) / (number - 1))] for index in range(number)]


def _covering(classes: Sequence[list[_Candidate]]) -> list[list[_Candidate]]:
    """Choose classes greedily such that as many values of the configs as possible occur."""
    values = [{json.dumps(leaf) for leaf in leaves(members[0].config)} for members in classes]
    seen: set[str] = set()
    left = list(range(len(classes)))
    chosen: list[int] = []
    while left and len(chosen) < MOST_CLASSES:
        best = max(left, key=lambda index: len(values[index] - seen))
        if chosen and not values[best] - seen:
            break
        seen |= values[best]
        chosen.append(best)
        left.remove(best)
    return [classes[index] for index in chosen]
