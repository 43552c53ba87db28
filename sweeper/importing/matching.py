"""Runs that exist as those of a given study file, to whose trials they are matched by phase, levels and seed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sweeper.designs.factor import Factor
from sweeper.designs.levels import Level, level_key
from sweeper.importing.arranged import Arranged
from sweeper.importing.outcomes import places
from sweeper.importing.seeds import seed_text, whole_seed
from sweeper.importing.source_runs import SourceRun
from sweeper.importing.studies import ImportedStudy, result_of
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, Reference, make_plan
from sweeper.spec.configurations import configuration_hash, resolve
from sweeper.spec.names import listed, row_text
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study
from sweeper.store.enrolment.imported import ImportedTrial

SEEDS: Final = "\0"  # in a reason, those of the runs that share it
Identity = tuple[str, str, int]  # the phase, the configuration as text, and the seed
Drawn = Mapping[str, Iterator[PlannedTrial]]  # by phase of a sampler, the trials that no run is of yet


def matched_study(study: Study, found: Arranged) -> ImportedStudy:
    """Return a given study with the runs as results of its planned trials; those that no run is of wait.

    Runs of samplers become the phase's trials in their order. Further runs of a configuration and seed become exact
    repeats of its trial, beyond those that the file plans, so that they are averaged like any others.
    """
    plan = make_plan(study)
    drawn = {phase.name: iter(phase.trials) for phase in plan.phases if any(t.config is None for t in phase.trials)}
    planned = _by_identity(plan)
    results: dict[Reference, ImportedTrial] = {}
    changed: dict[Reference, PlannedTrial] = {}
    repeats: dict[Reference, list[PlannedTrial]] = {}
    strangers = []
    for row, ended in enumerate(found.runs):
        candidates = list(_candidates(study, found, row, planned))
        trial = next((each for each in candidates if _key(each) not in changed), None)
        if trial is None:
            trial = _next_drawn(study, found, row, drawn, changed.values())
        if trial is None and candidates:
            trial = _repeat(plan, candidates, repeats)
        if trial is None:
            strangers.append(row)
            continue
        results[_key(trial)] = result_of(ended)
        changed[_key(trial)] = trial
    plan, names = _renumbered(_with_runs(study, plan, changed, repeats))
    return ImportedStudy(
        study=study,
        plan=plan,
        results={names[reference]: result for reference, result in results.items()},
        notes=tuple(_stranger_notes(study, found, strangers, planned)),
    )


def _with_runs(
    study: Study,
    plan: Plan,
    changed: Mapping[Reference, PlannedTrial],
    repeats: Mapping[Reference, Sequence[PlannedTrial]],
) -> Plan:
    """Return a plan with the trials that have runs as they ran; without a program, there are no others."""

    def kept(reference: Reference) -> bool:
        return reference in changed or not study.trial.is_imported

    def own(phase: PlannedPhase) -> Iterator[PlannedTrial]:
        yield from (changed.get(_key(trial), trial) for trial in phase.trials if kept(_key(trial)))
        yield from (each for (name, _), added in repeats.items() if name == phase.name for each in added)

    def members(phase: PlannedPhase) -> Iterator[Reference]:
        yield from (member for member in phase.members if kept(member))
        yield from (_key(each) for member in phase.members for each in repeats.get(member, ()))

    return Plan(
        plan.study,
        tuple(replace(each, trials=tuple(own(each)), members=tuple(members(each))) for each in plan.phases),
    )


def _renumbered(plan: Plan) -> tuple[Plan, dict[Reference, Reference]]:
    """Return a plan whose trials are numbered without gaps, as the store numbers them, and their new numbers."""
    new = {_key(trial): (phase.name, number) for phase in plan.phases for number, trial in enumerate(phase.trials)}
    phases = (
        replace(
            phase,
            trials=tuple(replace(trial, number=number) for number, trial in enumerate(phase.trials)),
            members=tuple(new[member] for member in phase.members),
        )
        for phase in plan.phases
    )
    return Plan(plan.study, tuple(phases)), new


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
    study: Study, found: Arranged, row: int, planned: Mapping[Identity, Sequence[PlannedTrial]]
) -> Iterator[PlannedTrial]:
    """Yield the planned trials that a run may be of: in the phase that it names, else in any."""
    for phase in _phases_of(study, found.runs[row].run):
        levels = level_key(_levels(study, phase, found, row))
        yield from planned.get((phase.name, levels, found.known.seeds[row]), ())


def _phases_of(study: Study, run: SourceRun) -> list[Phase]:
    return [phase for phase in study.phases if run.phase in ("", phase.name)]


def _next_drawn(
    study: Study, found: Arranged, row: int, drawn: Drawn, before: Collection[PlannedTrial]
) -> PlannedTrial | None:
    """Return the next trial of a search that a run may be of, with its configuration and seed."""
    for phase in _phases_of(study, found.runs[row].run):
        if (trial := next(drawn.get(phase.name, iter(())), None)) is None:
            continue
        levels = _levels(study, phase, found, row)
        config = resolve(study, phase, levels)
        identity = configuration_hash(study.trial, config)
        seed, unit, amount = found.known.seeds[row], trial.budget.unit, trial.budget.amount
        alike = [
            each
            for each in before
            if (each.configuration_hash, each.seed, each.budget.unit, each.budget.amount)
            == (identity, seed, unit, amount)
        ]
        return replace(
            trial,
            configuration=levels,
            config=config,
            configuration_hash=identity,
            seed=seed,
            budget=replace(trial.budget, repeat=len(alike)),
        )
    return None


def _repeat(plan: Plan, planned: Sequence[PlannedTrial], repeats: dict[Reference, list[PlannedTrial]]) -> PlannedTrial:
    """Return a further exact repeat of a trial, and remember it.

    Args:
        planned: the trials of its configuration and seed.
    """
    first = planned[0]
    budget = replace(first.budget, repeat=0)
    same = {_key(each): each for each in planned if replace(each.budget, repeat=0) == budget}
    known = repeats.setdefault(_key(first), [])
    number = sum(len(each.trials) for each in plan.phases if each.name == first.phase)
    number += sum(len(added) for (name, _), added in repeats.items() if name == first.phase)
    found = replace(first, number=number, budget=replace(budget, repeat=len(same) + len(known)))
    known.append(found)
    return found


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


def _stranger_notes(study: Study, found: Arranged, rows: Sequence[int], planned: Collection[Identity]) -> Iterator[str]:
    """Yield a note on runs that are of no trial, for each reason and what to do about it."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for phase, levels, seed in planned:
        seeds.setdefault((phase, levels), []).append(seed)
    by_reason: dict[str, list[int]] = {}
    for row in rows:
        by_reason.setdefault(_reason(study, found, row, seeds), []).append(row)
    for reason, members in by_reason.items():
        verb = "is" if len(members) == 1 else "are"
        own = listed(dict.fromkeys(seed_text(found.runs[row].run.seed) for row in members))
        where = places([found.runs[row].run for row in members])
        yield f"{where}: not in the plan of {study.path}, and {verb} left out: {reason.replace(SEEDS, own)}"


def _reason(study: Study, found: Arranged, row: int, seeds: Mapping[tuple[str, str], Sequence[int]]) -> str:
    """Return why a run is of no trial, and what to do."""
    run, phases = found.runs[row].run, _phases_of(study, found.runs[row].run)
    if not phases:
        return f"there is no phase {run.phase!r}. Use one of {listed(phase.name for phase in study.phases)}."
    levels = {phase.name: _levels(study, phase, found, row) for phase in phases}
    with_them = {name: known for name, each in levels.items() if (known := seeds.get((name, level_key(each))))}
    if not with_them:
        which = "no phase plans" if len(phases) > 1 else f"phase {phases[0].name} does not plan"
        return f"{which} {row_text(levels[phases[0].name])}. Add the levels to the file."
    if run.seed is None:
        return "without a seed, a run is of no trial. Give it its seed."
    name, known = next(iter(with_them.items()))
    has = f"phase {name} has the {'seed' if len(known) == 1 else 'seeds'} {listed(map(str, sorted(set(known))))} there"
    if whole_seed(run.seed) is None:
        return f"{has}, and {seed_text(run.seed)} is no whole number. Give runs the seeds of their trials."
    return f"{has}, not {SEEDS}. Add what is missing to the seeds of the phase."
