"""Which configurations a pilot runs, how often and for how long, so that it is short and says what the study costs.

Configurations of one cost class (`forecast.footprint.cost_class`) take the same time, so one of each is enough; where
there are many classes, those that span them: by operations for the built-in trainer, else such that every level of
every factor is seen. Runs fill the slots, since trials that share a machine slow each other down.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sweeper.designs.paths import leaves
from sweeper.forecast.footprint import cost_class
from sweeper.forecast.trial_seconds import drawn
from sweeper.planning.plan import Plan, PlannedPhase, trial_budget
from sweeper.spec.phase import BudgetUnit
from sweeper.spec.program import Program, TrainerProgram
from sweeper.spec.study import Study

MOST_CLASSES: Final = 16
REPEATED_CLASSES: Final = 4  # so few are run twice, to see how far two runs of one are apart
LENGTHS: Final = {"steps": 100.0, "epochs": 1.0, "tokens": 20_000.0}  # of a pilot's run, if nobody says
LEAST_SHARE: Final = 0.02  # of the longest budget: programs that report seldom have to be seen reporting
TRAINER_EVALUATIONS: Final = 2
TRAINER_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class PilotTrial:
    """What one run of a pilot is given.

    Attributes:
        repeat: which run of the same configuration it is, from 0.
    """

    configuration: Mapping[str, Any]
    config: Mapping[str, Any]
    seed: int
    unit: BudgetUnit
    amount: float
    repeat: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    configuration: Mapping[str, Any]
    config: Mapping[str, Any]
    seed: int
    unit: BudgetUnit
    most: float  # the longest budget of its phase


def pilot_trials(plan: Plan, study: Study, *, slots: int, amount: int | None) -> tuple[PilotTrial, ...]:
    """The runs of a pilot, one class after the other, as often as it takes to fill the slots.

    Args:
        amount: steps of each run, or tokens or epochs where those are the phases' budgets; None for a sensible number.
    """
    program = study.trial.program
    classes: dict[str, list[_Candidate]] = {}
    for candidate in _candidates(plan, study):
        classes.setdefault(cost_class(program, candidate.config), []).append(candidate)
    chosen = _spanning(program, list(classes.values()))
    repeats = max(2 if len(chosen) <= REPEATED_CLASSES else 1, math.ceil(slots / max(1, len(chosen))))
    trials: list[PilotTrial] = []
    for repeat in range(repeats):
        for alike in chosen:
            one = _spread_over(alike, repeats)[repeat]
            length = _length(one, amount)
            config = _for_pilot(one.config) if study.trial.is_trainer else one.config
            trials.append(PilotTrial(one.configuration, config, one.seed, one.unit, length, repeat))
    return tuple(trials)


def _candidates(plan: Plan, study: Study) -> list[_Candidate]:
    """Configurations that the study will run or may draw, each once, with the longest budget that they get."""
    found: dict[str, _Candidate] = {}
    for phase in plan.phases:
        unit, most = _budget(study, phase)
        seed = phase.phase.seeds[0]
        for configuration, config in _of_phase(plan, study, phase):
            key = json.dumps(config, sort_keys=True) + unit
            if key not in found or found[key].most < most:
                found[key] = _Candidate(configuration, config, seed, unit, most)
    return list(found.values())


def _of_phase(plan: Plan, study: Study, phase: PlannedPhase) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    if phase.kind == "sampler":
        return list(drawn(study, phase))
    unique = {trial.configuration_hash: trial for trial in plan.wanted(phase)}
    return [
        (trial.configuration, trial.config)
        for trial in unique.values()
        if trial.configuration is not None and trial.config is not None
    ]


def _budget(study: Study, phase: PlannedPhase) -> tuple[BudgetUnit, float]:
    """Unit and length; the trainer's runs are all measured in steps."""
    budget = trial_budget(study, phase.phase)
    if not study.trial.is_trainer or budget.unit == "steps":
        return budget.unit, float(budget.amount)
    return "steps", math.inf  # longer than any pilot, for all that is known here


def _length(one: _Candidate, amount: int | None) -> float:
    if amount is not None:
        wanted = float(amount)
    else:
        share = LEAST_SHARE * one.most if math.isfinite(one.most) and one.unit != "epochs" else 0.0
        wanted = max(LENGTHS[one.unit], share)
    length = min(wanted, one.most)
    return length if one.unit == "epochs" else float(max(1, round(length)))


def _for_pilot(config: Mapping[str, Any]) -> dict[str, Any]:
    """A trainer's config that evaluates twice, and says on the way how fast it is."""
    evaluation = {**config["evaluation"], "times": TRAINER_EVALUATIONS, "log_times": TRAINER_LINES}
    return {**config, "evaluation": evaluation}


def _spread_over(alike: Sequence[_Candidate], number: int) -> list[_Candidate]:
    """So many of a class, from those with the fewest options switched on to those with the most."""
    ordered = sorted(alike, key=lambda one: sum(bool(value) for _, value in leaves(one.config)))
    if number == 1:
        return [ordered[len(ordered) // 2]]
    return [ordered[round(place * (len(ordered) - 1) / (number - 1))] for place in range(number)]


def _spanning(program: Program, classes: Sequence[list[_Candidate]]) -> list[list[_Candidate]]:
    """All classes, or if they are many, some that span them."""
    if len(classes) <= MOST_CLASSES:
        return list(classes)
    if isinstance(program, TrainerProgram):
        from trainer.config import training_flops  # noqa: PLC0415 - pydantic is slow to load

        ordered = sorted(classes, key=lambda alike: training_flops(alike[0].config, 1))
        return [ordered[round(place * (len(ordered) - 1) / (MOST_CLASSES - 1))] for place in range(MOST_CLASSES)]
    return _covering(classes)


def _covering(classes: Sequence[list[_Candidate]]) -> list[list[_Candidate]]:
    """Classes in which as many values of the configs as possible are seen; greedily, the first of equals."""
    values = [{json.dumps(leaf) for leaf in leaves(alike[0].config)} for alike in classes]
    seen: set[str] = set()
    left = list(range(len(classes)))
    chosen: list[int] = []
    while left and len(chosen) < MOST_CLASSES:
        best = max(left, key=lambda place: len(values[place] - seen))
        if chosen and not values[best] - seen:
            break
        seen |= values[best]
        chosen.append(best)
        left.remove(best)
    return [classes[place] for place in chosen]
