"""Runs that exist as a study that is proposed for them: its typed form, its plan, and how each of its trials ended."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.designs.levels import Level, level_key
from sweeper.importing.arranged import Arranged
from sweeper.importing.outcomes import EndedRun
from sweeper.importing.phases import ImportedPhase
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, Reference, trial_budget
from sweeper.spec.configurations import configuration_hash, resolve
from sweeper.spec.load import parse_study
from sweeper.spec.study import Study
from sweeper.store.enrolment.imported import ImportedTrial, with_own_keys
from sweeper.store.records import ExitReason

REASONS: Final[Mapping[str, ExitReason]] = {
    "completed": "completed",
    "pruned": "pruned",
    "failed": "crashed",
    "diverged": "diverged",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedStudy:
    """A study and its runs.

    Attributes:
        results: by phase and number of the plan.
        notes: on runs that the study has no place for.
    """

    study: Study
    plan: Plan
    results: Mapping[Reference, ImportedTrial]
    notes: tuple[str, ...] = ()


def proposed_study(text: str, name: str, found: Arranged, phases: Sequence[ImportedPhase]) -> ImportedStudy:
    """Return the study of a proposed file, with the runs as its trials and no others.

    Args:
        name: of the file, in messages and in the store.
    """
    study = parse_study(text, name)
    configs: dict[tuple[str, str], tuple[dict[str, Level], Mapping[str, object], str]] = {}
    planned: list[PlannedTrial] = []
    rows: list[int] = []
    for imported in phases:
        phase = study.phase(imported.name)
        budget = trial_budget(study, phase)
        for number, row in enumerate(imported.rows):
            levels = found.configuration(row) if imported.kind == "sampler" else found.levels(row)
            key = (phase.name, level_key(levels))
            if key not in configs:
                config = resolve(study, phase, levels)
                configs[key] = levels, config, configuration_hash(study.trial, config)
            planned.append(PlannedTrial(phase.name, number, *configs[key], found.known.seeds[row], budget))
            rows.append(row)
    trials = list(with_own_keys(planned))
    results = {(trial.phase, trial.number): result_of(found.runs[row]) for trial, row in zip(trials, rows, strict=True)}
    return ImportedStudy(study=study, plan=_plan(study, trials), results=results)


def _plan(study: Study, trials: Sequence[PlannedTrial]) -> Plan:
    by_phase: dict[str, list[PlannedTrial]] = {phase.name: [] for phase in study.phases}
    for trial in trials:
        by_phase[trial.phase].append(trial)
    return Plan(
        study.name,
        tuple(
            PlannedPhase(
                phase,
                tuple(by_phase[phase.name]),
                tuple((phase.name, trial.number) for trial in by_phase[phase.name]),
            )
            for phase in study.phases
        ),
    )


def result_of(ended: EndedRun) -> ImportedTrial:
    """Return how a run ended, as the store keeps it."""
    return ImportedTrial(
        state="failed" if ended.state == "diverged" else ended.state,
        exit_reason=REASONS[ended.state],
        message=ended.message,
        value=ended.value,
        result={name: value for name, value in ended.run.values.items() if math.isfinite(value)},
        curves=ended.run.curves,
        started_at=ended.run.started_at,
        ended_at=ended.run.ended_at,
    )
