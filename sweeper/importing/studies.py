"""Runs that exist as a study: its typed form, its plan, and how each of its trials ended.

Either the study is proposed from the runs, or a study file is given, to whose trials runs are matched by phase, levels
and seed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sweeper.designs.factor import Factor
from sweeper.designs.levels import Level, level_key
from sweeper.importing.arranged import Arranged
from sweeper.importing.outcomes import EndedRun, places
from sweeper.importing.phases import ImportedPhase
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, Reference, make_plan, trial_budget
from sweeper.spec.configurations import configuration_hash, resolve
from sweeper.spec.load import parse_study
from sweeper.spec.phase import Phase
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
    results = {(trial.phase, trial.number): _result(found.runs[row]) for trial, row in zip(trials, rows, strict=True)}
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


def _result(ended: EndedRun) -> ImportedTrial:
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


def matched_study(study: Study, found: Arranged) -> ImportedStudy:
    """Return a given study with the runs as results of its planned trials; those that no run is of wait.

    Runs of samplers become the phase's trials in their order.
    """
    plan = make_plan(study)
    drawn = {phase.name: iter(phase.trials) for phase in plan.phases if any(t.config is None for t in phase.trials)}
    planned = _by_identity(plan)
    results: dict[Reference, ImportedTrial] = {}
    changed: dict[Reference, PlannedTrial] = {}
    strangers = []
    for row, ended in enumerate(found.runs):
        trial = next(
            (each for each in _candidates(study, found, row, planned, drawn) if _key(each) not in changed), None
        )
        if trial is None:
            strangers.append(ended.run)
            continue
        reference = _key(trial)
        results[reference] = _result(ended)
        changed[reference] = trial
    notes: tuple[str, ...] = ()
    if strangers:
        verb = "is" if len(strangers) == 1 else "are"
        notes = (
            f"{places(strangers)}: not in the plan of {study.path}, and {verb} left out. Add {REMEDY} to the file.",
        )
    return ImportedStudy(study=study, plan=_with_runs(study, plan, changed), results=results, notes=notes)


def _with_runs(study: Study, plan: Plan, changed: Mapping[Reference, PlannedTrial]) -> Plan:
    """Return a plan with the trials that have runs as they ran; without a program, there are no others."""

    def kept(reference: Reference) -> bool:
        return reference in changed or not study.trial.is_imported

    phases = tuple(
        replace(
            phase,
            trials=tuple(changed.get(_key(trial), trial) for trial in phase.trials if kept(_key(trial))),
            members=tuple(member for member in phase.members if kept(member)),
        )
        for phase in plan.phases
    )
    return Plan(plan.study, phases)


REMEDY: Final = "their levels, seeds or phases"
Identity = tuple[str, str, int]  # the phase, the configuration as text, and the seed


def _by_identity(plan: Plan) -> dict[Identity, list[PlannedTrial]]:
    """Return the planned trials of each phase, its members of earlier phases included, by what a run shows of them."""
    found: dict[Identity, list[PlannedTrial]] = {}
    for phase in plan.phases:
        for trial in plan.wanted(phase):
            if trial.configuration is not None:
                identity = (phase.name, level_key(dict(trial.configuration)), trial.seed)
                found.setdefault(identity, []).append(trial)
    return found


def _candidates(
    study: Study,
    found: Arranged,
    row: int,
    planned: Mapping[Identity, Sequence[PlannedTrial]],
    drawn: Mapping[str, Iterator[PlannedTrial]],
) -> Iterator[PlannedTrial]:
    """Yield the trials that a run may be of: in the phase that it names, else in any."""
    run, seed = found.runs[row].run, found.known.seeds[row]
    for phase in study.phases:
        if run.phase not in ("", phase.name):
            continue
        levels = _levels(study, phase, found, row)
        if phase.name in drawn:
            yield from (_drawn(study, phase, trial, levels, seed) for trial in drawn[phase.name])
        yield from planned.get((phase.name, level_key(levels), seed), ())


def _key(trial: PlannedTrial) -> Reference:
    return trial.phase, trial.number


def _levels(study: Study, phase: Phase, found: Arranged, row: int) -> dict[str, Level]:
    """Return the level of each factor of a study: that of the run, else the phase's baseline."""
    cells = found.runs[row].run.cells
    levels: dict[str, Level] = {}
    for name, factor in study.factors.items():
        column = column_of(factor, cells)
        if column is not None and not (cells[column] is None and not factor.allows(None)):
            levels[name] = factor.canonical(cells[column])
        elif phase.adapt(factor).has_baseline:
            levels[name] = phase.adapt(factor).baseline
    return levels


def column_of(factor: Factor, columns: Mapping[str, object] | Sequence[str]) -> str | None:
    """Return the column that has a factor's levels: of its name, or of its path."""
    return next((name for name in (factor.name, *_own_paths(factor)) if name in columns), None)


def parameter_names(study: Study) -> tuple[str, ...]:
    """Return the names of a study's factors and their paths: those of the columns that may have their levels."""
    return tuple(name for factor in study.factors.values() for name in (factor.name, *_own_paths(factor)))


def _own_paths(factor: Factor) -> tuple[str, ...]:
    return factor.paths if factor.groups is None else ()


def _drawn(study: Study, phase: Phase, trial: PlannedTrial, levels: dict[str, Level], seed: int) -> PlannedTrial:
    config = resolve(study, phase, levels)
    return replace(
        trial,
        configuration=levels,
        config=config,
        configuration_hash=configuration_hash(study.trial, config),
        seed=seed,
    )
