"""Checks of claims on trends: the numbers over which a gain changes, and whether both ends run at them."""

from collections.abc import Mapping

from sweeper.designs.levels import Configuration, Level, has_levels
from sweeper.spec.checks.designs import check_levels
from sweeper.spec.checks.factors import no_level
from sweeper.spec.checks.known_configurations import compared, levels_in, matching, with_baselines
from sweeper.spec.entries.claims import ArmTrendEntry, LevelsEntry, TrendEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.names import levels_text, row_text, unknown
from sweeper.spec.phase import Phase
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown


def check_trend(
    sections: Sections, statement: TrendEntry | ArmTrendEntry, here: KeyPath, errors: ErrorCollector
) -> None:
    """Report what a claim on a trend needs and the phases do not have.

    Args:
        statement: with the levels of the arms that it names.
    """
    if not _has_one_form(statement, here, errors):
        return
    phases = [
        _phase(sections, name, (*here, "phases", index) if statement.phases is not None else (*here, "phase"), errors)
        for index, name in enumerate(statement.phases or [statement.phase or ""])
    ]
    check_levels(sections, statement.where, (*here, "where"), errors)
    _check_ends(sections, statement, [phase for phase in phases if phase is not None], here, errors)
    if statement.over is not None and phases[0] is not None:
        _check_over(sections, statement, phases[0], here, errors)
    elif statement.phases is not None:
        _check_budgets(statement.phases, phases, here, errors)
    if errors.blames(here):
        return
    for phase in phases:
        if phase is not None:
            _check_pairs(sections, statement, phase, here, errors)


def _has_one_form(statement: TrendEntry | ArmTrendEntry, here: KeyPath, errors: ErrorCollector) -> bool:
    """Return whether there is either a phase with a factor, or several phases; report it if not."""
    if statement.phases is None and (statement.phase is None or statement.over is None):
        absent = "over" if statement.phase is not None else "phase"
        errors.add(
            (*here, absent),
            "is missing. Name a phase and the numeric factor over which the gain changes, or phases with different "
            "budgets: {phases: [short, long]}.",
        )
        return False
    for key in ("phase", "over"):
        if statement.phases is not None and getattr(statement, key) is not None:
            message = f"{shown(getattr(statement, key))} is not allowed with phases. Remove one of the two."
            errors.add((*here, key), message)
    return not errors.blames(here)


def _phase(sections: Sections, name: str, where: KeyPath, errors: ErrorCollector) -> Phase | None:
    if name not in sections.phase_names:
        errors.add(where, unknown(name, "phase", sections.phase_names))
    return next((phase for phase in sections.phases.values() if phase.name == name), None)


def _check_ends(
    sections: Sections,
    statement: TrendEntry | ArmTrendEntry,
    phases: list[Phase],
    here: KeyPath,
    errors: ErrorCollector,
) -> None:
    """Report levels that there are not, and ends that are the same."""
    if isinstance(statement, TrendEntry):
        factor = sections.factors.get(statement.factor)
        if statement.factor not in sections.factor_names:
            errors.add((*here, "factor"), unknown(statement.factor, "factor", sections.factor_names))
        if statement.factor in statement.where:
            errors.add((*here, "where", statement.factor), "is the factor that is compared. Remove it here.")
        for key, level in (("from", statement.start), ("to", statement.to)):
            if factor is not None and not any(phase.adapt(factor).allows(level) for phase in phases):
                errors.add((*here, key), no_level(level, factor))
        if factor is not None and factor.canonical(statement.start) == factor.canonical(statement.to):
            errors.add((*here, "to"), f"{shown(statement.to)} is the same level as from. Name another one.")
        return
    for key, end in (("from", statement.start), ("to", statement.to)):
        assert isinstance(end, LevelsEntry)
        check_levels(sections, end.levels, (*here, key, "levels"), errors, phases[0] if phases else None)


def _check_over(
    sections: Sections,
    statement: TrendEntry | ArmTrendEntry,
    phase: Phase,
    here: KeyPath,
    errors: ErrorCollector,
) -> None:
    """Report a factor that has no two numbers in the phase, or that is compared itself."""
    where, over = (*here, "over"), statement.over or ""
    if over not in sections.factor_names:
        errors.add(where, unknown(over, "factor", sections.factor_names))
        return
    ends = [statement.start, statement.to] if isinstance(statement, ArmTrendEntry) else []
    compares = isinstance(statement, TrendEntry) and statement.factor == over
    if compares or over in statement.where or any(over in end.levels for end in ends if isinstance(end, LevelsEntry)):
        errors.add(where, f"{shown(over)} is fixed by what is compared. Name another factor.")
        return
    levels = levels_in(sections, phase, over) if over in sections.factors else None
    if levels is None:
        return
    words = [level for level in levels if isinstance(level, bool) or not isinstance(level, int | float)]
    if words:
        errors.add(where, f"{shown(words[0])} of {over} is not a number. Use a factor whose levels are numbers.")
    elif len(levels) < 2:
        known = levels_text(levels)
        errors.add(
            where, f"{over} is {known} in all of phase {phase.name}, so nothing changes with it. Give it more levels."
        )


def _check_budgets(names: list[str], phases: list[Phase | None], here: KeyPath, errors: ErrorCollector) -> None:
    seen: dict[object, str] = {}
    for index, (name, phase) in enumerate(zip(names, phases, strict=True)):
        where = (*here, "phases", index)
        if name in names[:index]:
            errors.add(where, f"{shown(name)} is a duplicate. Name each phase once.")
        elif phase is not None:
            budget = phase.budget
            first = next(iter(seen), None)
            if isinstance(first, tuple) and first[0] != budget.unit:
                errors.add(
                    where, f"the budget of {name} is in {budget.unit}, that of {names[0]} in {first[0]}. Use one unit."
                )
            same = seen.setdefault((budget.unit, budget.amount), name)
            if same != name:
                errors.add(where, f"{name} has the same budget as {same}. Name phases with different budgets.")


def _check_pairs(
    sections: Sections, statement: TrendEntry | ArmTrendEntry, phase: Phase, here: KeyPath, errors: ErrorCollector
) -> None:
    """Report a phase in which both ends do not run at two numbers, or in a phase of several, at all."""
    rows = compared(sections, phase)
    if rows is None:
        return
    places: list[dict[str, Level]] = [{}]
    if statement.over is not None:
        over = statement.over
        places = [{over: level} for level in levels_in(sections, phase, over) or ()]
    number = sum(_runs_at(sections, statement, phase, rows, {**statement.where, **place}) for place in places)
    if number >= min(2, len(places)):
        return
    what = f"at two levels of {statement.over} or more" if statement.over is not None else "of the claim"
    condition = f" where {row_text(statement.where)}" if statement.where else ""
    errors.add(
        here,
        f"phase {phase.name} does not have both configurations {what}{condition}. Use a grid with all of these "
        "factors, or list the configurations.",
    )


def _runs_at(
    sections: Sections,
    statement: TrendEntry | ArmTrendEntry,
    phase: Phase,
    rows: list[Configuration],
    place: Mapping[str, Level],
) -> bool:
    """Return whether a phase has two configurations to compare that have some levels."""
    if isinstance(statement, TrendEntry):
        starts = matching(rows, {**place, statement.factor: statement.start})
        return any({**row, statement.factor: statement.to} in rows for row in starts)
    ends = [end.levels for end in (statement.start, statement.to) if isinstance(end, LevelsEntry)]
    wanted = [with_baselines(sections, phase, {**end, **place}) for end in ends]
    return all(any(has_levels(row, each) for row in rows) for each in wanted)
