"""Which point of a curve is a trial's value where the study file does not say: `metric.value`.

It is the last one where all trials of each phase end at the same planned step: their last values are measured alike,
while the best of a curve would favor arms that are evaluated more often or more noisily. It is the best one where that
is not so, or where the best evaluation chooses the weights that are tested:

- a phase has a pruner, or a setting speaks of patience or early stopping;
- a command is not given its phase's budget, or there is none, so that it ends when it decides to;
- a test metric is measured with the weights of the best evaluation, as the built-in trainer does.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sweeper.designs.factor import Factor
from sweeper.designs.paths import Config, get_path, leaves, merged
from sweeper.spec.metric import BEST, LAST, CurveValue, Metric
from sweeper.spec.phase import BUDGET_UNITS, OWN_LENGTH, Phase
from sweeper.spec.placeholders import names_in_config, placeholders
from sweeper.spec.program import CommandProgram, Trial
from sweeper.spec.study import Study

STOPS_EARLY: Final = re.compile(r"patience|early[-_ ]?stop", re.IGNORECASE)
TEST: Final = re.compile(r"(?<![a-z])test(?![a-z])", re.IGNORECASE)
BUDGET_VARIABLE: Final = "SWEEPER_BUDGET"


def usual_value(
    trial: Trial, phases: Sequence[Phase], factors: Mapping[str, Factor], claimed: Iterable[str] = ()
) -> CurveValue:
    """Return the point of a curve that is a trial's value unless the study file names one.

    Args:
        claimed: the names of the metrics that the study's claims are about.
    """
    planned = all(phase.pruner.name == "none" and phase.budget != OWN_LENGTH for phase in phases)
    fixed = planned and is_given_budget(trial)
    if not fixed or _stops_early(trial, phases, factors) or _is_tested(trial, phases, claimed):
        return BEST
    return LAST


def with_value(study: Study, value: CurveValue) -> Study:
    """Return a study with another value where its file names none, in its claims' metrics too."""

    def changed(metric: Metric) -> Metric:
        return replace(metric, value=value) if metric.is_usual_value else metric

    claims = tuple(replace(claim, metric=changed(claim.metric)) for claim in study.claims)
    return replace(study, metric=changed(study.metric), claims=claims)


def is_given_budget(trial: Trial) -> bool:
    """Return whether the program learns how long it is to run; a function is always offered its budget."""
    if not isinstance(trial.program, CommandProgram):
        return True
    texts = [*trial.program.command, *trial.environment.values()]
    names = {found.name for text in texts for found in placeholders(text) if found is not None}
    names |= names_in_config(trial.config)
    return bool(names & set(BUDGET_UNITS)) or any(BUDGET_VARIABLE in text for text in texts)


def _stops_early(trial: Trial, phases: Sequence[Phase], factors: Mapping[str, Factor]) -> bool:
    """Return whether a setting speaks of ending a run before its budget."""
    paths = [path for config in _configs(trial, phases) for path, _ in leaves(config)]
    paths += [path for factor in factors.values() for path in (factor.name, *factor.paths)]
    command = trial.program.command if isinstance(trial.program, CommandProgram) else ()
    return any(STOPS_EARLY.search(text) for text in (*paths, *command))


def _is_tested(trial: Trial, phases: Sequence[Phase], claimed: Iterable[str]) -> bool:
    """Return whether a test metric belongs to the weights that the best evaluation chose."""
    if trial.is_trainer:
        return any(get_path(config, "evaluation.test", True) is not False for config in _configs(trial, phases))
    reported = trial.program.metric_names if isinstance(trial.program, CommandProgram) else []
    return any(TEST.search(name) for name in (*reported, *claimed))


def _configs(trial: Trial, phases: Sequence[Phase]) -> list[Config]:
    return [merged(trial.config, phase.config) for phase in phases]
