"""Checks of whether the phases of a study have the trials that a claim compares."""

from collections.abc import Collection

from sweeper.designs.levels import Configuration, Level, distinct_levels, same_level
from sweeper.spec.checks.designs import check_levels
from sweeper.spec.checks.factors import no_level, none_of
from sweeper.spec.checks.known_configurations import (
    arm_row,
    blocks_in,
    compared,
    is_whole,
    known_rows,
    levels_in,
    matching,
    with_baselines,
)
from sweeper.spec.checks.trends import check_trend
from sweeper.spec.entries.claims import (
    ArmContrastEntry,
    ArmEntry,
    ArmInteractionEntry,
    ArmTrendEntry,
    ConstantEntry,
    ContrastEntry,
    InteractionEntry,
    OrderingEntry,
    OtherFactorEntry,
    StatementEntry,
    TrendEntry,
)
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.metric import Metric
from sweeper.spec.names import level_text, levels_text, listed, row_text, unknown
from sweeper.spec.phase import Phase
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown

_Ends = ContrastEntry | InteractionEntry | OtherFactorEntry


def check_statement(
    sections: Sections, statement: StatementEntry, metric: Metric | None, here: KeyPath, errors: ErrorCollector
) -> None:
    """Report what a claim needs and the phases do not have.

    Args:
        statement: with the levels of the arms that it names.
        metric: the claim's; None if it is not known.
    """
    match statement:
        case ContrastEntry():
            _check_contrast(sections, statement, here, errors)
        case ArmInteractionEntry(other=other):
            _check_arms(sections, statement, here, errors)
            if isinstance(other, ArmContrastEntry):
                _check_arms(sections, other, (*here, "with"), errors)
                _check_differences(sections, statement, other, here, errors)
        case ArmContrastEntry():
            _check_arms(sections, statement, here, errors)
        case ConstantEntry():
            _check_arm(sections, statement, here, errors)
            _check_blocks(sections, statement, here, errors)
            _check_positive(metric, statement, here, errors)
        case TrendEntry() | ArmTrendEntry():
            check_trend(sections, statement, here, errors)
        case OrderingEntry():
            _check_ordering(sections, statement, here, errors)
        case InteractionEntry():
            _check_interaction(sections, statement, here, errors)


def _phase(sections: Sections, name: str, where: KeyPath, errors: ErrorCollector) -> Phase | None:
    """Return the phase of a name; if there is none, report it and return None."""
    if name not in sections.phase_names:
        errors.add(where, unknown(name, "phase", sections.phase_names))
    return next((phase for phase in sections.phases.values() if phase.name == name), None)


def _check_level(  # noqa: PLR0917
    sections: Sections, phase: Phase | None, name: str, level: Level, where: KeyPath, errors: ErrorCollector
) -> bool:
    """Return whether a phase has a level of a factor; report it if not."""
    factor = sections.factors.get(name)
    if factor is None or phase is None:
        return False
    if not factor.allows(level) and not phase.adapt(factor).allows(level):
        errors.add(where, no_level(level, factor))
        return False
    given = levels_in(sections, phase, name) if is_whole(sections, phase) else None
    if given is not None and not any(same_level(level, each) for each in given):
        errors.add(where, none_of(level, name, given, f" in phase {phase.name}"))
        return False
    return True


def _check_varied(sections: Sections, phase: Phase | None, name: str, where: KeyPath, errors: ErrorCollector) -> bool:
    """Return whether there is a factor and the phase varies it; report it if not."""
    if name not in sections.factor_names:
        errors.add(where, unknown(name, "factor", sections.factor_names))
        return False
    if phase is None or name not in sections.factors or not is_whole(sections, phase):
        return phase is not None and name in sections.factors
    given = levels_in(sections, phase, name)
    if given is not None and len(given) < 2:
        varied = [each for each in sections.factors if len(levels_in(sections, phase, each) or (1, 2)) > 1]
        errors.add(
            where,
            f"{shown(name)} is not varied in phase {phase.name}, which varies {listed(varied) or 'nothing'}. "
            "Name another phase or another factor.",
        )
        return False
    return True


def _check_ends(
    sections: Sections,
    phase: Phase | None,
    ends: _Ends,
    here: KeyPath,
    errors: ErrorCollector,
    *,
    at: KeyPath | None = None,
) -> bool:
    """Return whether a phase has two different levels of a factor; report it if not."""
    where = at if at is not None else here
    if not _check_varied(sections, phase, ends.factor, (*where, "factor"), errors):
        return False
    fine = [
        _check_level(sections, phase, ends.factor, level, (*where, key), errors)
        for key, level in (("from", ends.start), ("to", ends.to))
    ]
    if same_level(ends.start, ends.to):
        errors.add((*where, "to"), f"{shown(ends.to)} is the same level as from. Name another one.")
        return False
    return all(fine)


def _check_contrast(sections: Sections, statement: ContrastEntry, here: KeyPath, errors: ErrorCollector) -> None:
    phase = _phase(sections, statement.phase, (*here, "phase"), errors)
    fine = _check_ends(sections, phase, statement, here, errors)
    if statement.factor in statement.where:
        errors.add((*here, "where", statement.factor), "is the factor that is compared. Remove it here.")
        return
    check_levels(sections, statement.where, (*here, "where"), errors, phase)
    if not fine or phase is None or errors.blames(here):
        return
    rows = compared(sections, phase)
    if rows is None:
        return
    name = statement.factor
    starts = list(matching(rows, {**statement.where, name: statement.start}))
    if not any(_pair(start, name, statement.to) in rows for start in starts):
        where = f" where {row_text(statement.where)}" if statement.where else ""
        errors.add(
            here,
            f"phase {phase.name} has no two configurations that differ only in {name}, "
            f"{shown(statement.start)} and {shown(statement.to)}{where}. Change where, or use the design grid.",
        )


def _pair(row: Configuration, name: str, level: Level) -> Configuration:
    return {**row, name: level}


def _check_arms(
    sections: Sections, statement: ArmContrastEntry | ArmInteractionEntry, here: KeyPath, errors: ErrorCollector
) -> None:
    start, to = statement.start, statement.to
    assert isinstance(start, ArmEntry)
    assert isinstance(to, ArmEntry)
    check_levels(sections, statement.where, (*here, "where"), errors)
    if errors.blames((*here, "where")):
        return
    first = _check_arm(sections, start, (*here, "from"), errors)
    second = _check_arm(sections, to, (*here, "to"), errors)
    if first is None or second is None or not is_whole(sections, first) or errors.blames(here):
        return
    if first is second and arm_row(sections, first, start.levels) == arm_row(sections, second, to.levels):
        errors.add((*here, "to"), "is the same configuration as from. Name other levels or another phase.")
    elif not set(first.seeds) & set(second.seeds):
        errors.add(
            here,
            f"phases {first.name} and {second.name} have no seed in common to pair trials by. Use the same seeds.",
        )


def _check_differences(
    sections: Sections, first: ArmContrastEntry, second: ArmContrastEntry, here: KeyPath, errors: ErrorCollector
) -> None:
    """Report two differences between the same configurations of the same phases."""
    if errors.blames(here):
        return
    sides = [
        known_rows(sections, [side.start, side.to])
        for side in (first, second)
        if isinstance(side.start, ArmEntry) and isinstance(side.to, ArmEntry)
    ]
    if len(sides) == 2 and None not in sides and sides[0] == sides[1] and first.where == second.where:
        errors.add((*here, "with"), "is the same difference as the first. Name other levels or another phase.")


def _check_arm(
    sections: Sections, arm: ArmEntry | ConstantEntry, here: KeyPath, errors: ErrorCollector
) -> Phase | None:
    """Return the phase of an arm; report it if the phase does not have the arm's configuration."""
    phase = _phase(sections, arm.phase, (*here, "phase"), errors)
    levels = arm.levels
    for factor in levels:
        if factor not in sections.factor_names:
            errors.add((*here, "levels", factor), unknown(factor, "factor", sections.factor_names), at_key=True)
    known = {factor: level for factor, level in levels.items() if factor in sections.factors}
    fine = [
        # The claim itself may not write the levels of an arm that has a name.
        _check_level(sections, phase, factor, level, (*here, "levels", factor) if arm.arm is None else here, errors)
        for factor, level in known.items()
    ]
    if phase is None or not all(fine) or len(known) < len(levels):
        return phase
    rows = compared(sections, phase)
    if rows is not None and next(matching(rows, with_baselines(sections, phase, levels)), None) is None:
        errors.add(
            here,
            f"phase {phase.name} has no configuration with {row_text(levels)} and everything else at the baseline. "
            "Use the levels of a configuration in its design.",
        )
    return phase


def _check_blocks(sections: Sections, statement: ConstantEntry, here: KeyPath, errors: ErrorCollector) -> None:
    """Report blocks that a figure would be compared with all at once: their mean is that of none of them."""
    phase = next((phase for phase in sections.phases.values() if phase.name == statement.phase), None)
    if phase is None or errors.blames(here):
        return
    for name, levels in blocks_in(sections, phase).items():
        if name not in statement.levels and len(levels) > 1:
            errors.add(
                here,
                f"the constant covers the blocks {name} = {levels_text(levels)}, whose mean is that of none of them. "
                f"Name one in levels, e.g. levels: {{{name}: {level_text(levels[0])}}}.",
            )


def _check_positive(metric: Metric | None, statement: ConstantEntry, here: KeyPath, errors: ErrorCollector) -> None:
    if metric is not None and metric.scale == "log" and statement.value <= 0:
        message = f"{shown(statement.value)} is not greater than 0, but the metric has a logarithmic scale."
        errors.add((*here, "value"), f"{message} Use the published figure itself.")


def _check_ordering(sections: Sections, statement: OrderingEntry, here: KeyPath, errors: ErrorCollector) -> None:
    phase = _phase(sections, statement.phase, (*here, "phase"), errors)
    largest, among, order = statement.largest, statement.among, statement.order
    by_largest = largest is not None and among is not None and order is None
    if not by_largest and not (order is not None and largest is None and among is None):
        errors.add(here, "needs either largest and among, or order. Use e.g. {phase, order: [dropout, depth]}.")
        return
    named: list[tuple[KeyPath, str]] = [
        ((*here, key, index), name)
        for key, names in (("among", among), ("order", order))
        for index, name in enumerate(names or ())
    ]
    if largest is not None:
        named.insert(0, ((*here, "largest"), largest))
    seen: set[str] = set()
    for where, name in named:
        if name in seen and "among" not in where:
            errors.add(where, f"{shown(name)} is a duplicate. Name each factor once.")
        elif name not in seen and _check_varied(sections, phase, name, where, errors) and phase is not None:
            _check_gain(sections, phase, name, where, errors)
        seen.add(name)
    for name, level in statement.levels.items():
        _check_gain_level(sections, phase, name, level, seen, (*here, "levels", name), errors)
    if len(seen) < 2:
        key = "among" if by_largest else "order"
        errors.add((*here, key), "an ordering needs at least two factors. Add another one.")


def _check_gain_level(  # noqa: PLR0917
    sections: Sections,
    phase: Phase | None,
    name: str,
    level: Level,
    ordered: Collection[str],
    where: KeyPath,
    errors: ErrorCollector,
) -> None:
    """Report a level of an ordering that has no gain: of a factor that it does not order, or the baseline."""
    if name not in ordered:
        message = f"{shown(name)} is not in the ordering. Remove it, or add it to among or order."
        errors.add(where, message, at_key=True)
    elif (
        _check_level(sections, phase, name, level, where, errors)
        and phase is not None
        and same_level(level, phase.adapt(sections.factors[name]).baseline)
    ):
        errors.add(where, f"{shown(level)} is the baseline of {name}, so it has no gain. Name another level.")


def _check_gain(sections: Sections, phase: Phase, name: str, where: KeyPath, errors: ErrorCollector) -> None:
    """Report a gain that the phase does not measure.

    A gain is a difference from the baseline, or in leave_one_out from the full configuration.
    """
    rows = compared(sections, phase)
    if rows is None or phase.design.kind == "leave_one_out":
        return
    rest = {other: level for other, level in with_baselines(sections, phase, {}).items() if other != name}
    base = phase.adapt(sections.factors[name]).baseline
    starts = list(matching(rows, {**rest, name: base}))
    others = [level for level in distinct_levels([row[name] for row in rows]) if not same_level(level, base)]
    if not any(_pair(start, name, level) in rows for start in starts for level in others):
        errors.add(
            where,
            f"phase {phase.name} has no configuration that differs from the baseline only in {name}, so it does not "
            "measure its gain. Use a phase with one_at_a_time, leave_one_out or grid.",
        )


def _check_interaction(sections: Sections, statement: InteractionEntry, here: KeyPath, errors: ErrorCollector) -> None:
    if isinstance(statement.other, OtherFactorEntry):
        _check_two_factors(sections, statement, statement.other, here, errors)
        return
    if statement.phase is not None:
        errors.add(
            (*here, "phase"), f"{shown(statement.phase)} is not allowed with with.phases. Remove one of the two."
        )
    names = statement.other.phases
    if names[0] == names[1]:
        errors.add((*here, "with", "phases", 1), f"{shown(names[1])} is a duplicate. Name two different phases.")
    for index, name in enumerate(names):
        phase = _phase(sections, name, (*here, "with", "phases", index), errors)
        if phase is not None and not errors.blames(here):
            _check_ends(sections, phase, statement, here, errors)


def _check_two_factors(
    sections: Sections, statement: InteractionEntry, other: OtherFactorEntry, here: KeyPath, errors: ErrorCollector
) -> None:
    if statement.phase is None:
        errors.add((*here, "phase"), "is missing. Name the phase in which the two factors interact.")
        return
    phase = _phase(sections, statement.phase, (*here, "phase"), errors)
    fine = [
        _check_ends(sections, phase, statement, here, errors),
        _check_ends(sections, phase, other, here, errors, at=(*here, "with")),
    ]
    if other.factor == statement.factor:
        errors.add((*here, "with", "factor"), f"{shown(other.factor)} is the same factor. Name another one.")
        return
    if not all(fine) or phase is None or errors.blames(here):
        return
    rows = compared(sections, phase)
    if rows is None and phase.design.kind != "plackett_burman":
        return
    corners = [{statement.factor: one, other.factor: two} for one in _two(statement) for two in _two(other)]
    if rows is None or not all(any(matching(rows, corner)) for corner in corners):
        errors.add(
            here,
            f"phase {phase.name} does not vary {statement.factor} and {other.factor} together, "
            "so it does not measure their interaction. Use grid or fractional.",
        )


def _two(ends: InteractionEntry | OtherFactorEntry) -> tuple[Level, Level]:
    return ends.start, ends.to
