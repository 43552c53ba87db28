"""Whether the phases of a study have the trials that a claim is about."""

from typing import Any

from sweeper.designs.levels import distinct_levels, same_level
from sweeper.spec.arms import (
    Configuration,
    at_phase,
    configurations,
    is_whole,
    levels_in,
    matching,
    num_seeds,
)
from sweeper.spec.checks.designs import check_levels
from sweeper.spec.checks.factors import no_level
from sweeper.spec.claims import (
    Arm,
    ArmContrast,
    ArmInteraction,
    Constant,
    FactorContrast,
    Interaction,
    Ordering,
    OtherFactor,
)
from sweeper.spec.complaints import Complaints
from sweeper.spec.designs import design_kind
from sweeper.spec.models import Phase
from sweeper.spec.names import listed, row_text, unknown
from sweeper.spec.parts import Parts
from sweeper.spec.yaml_source import KeyPath
from trainer.config.wording import shown


def check_statement(parts: Parts, statement: Any, here: KeyPath, complaints: Complaints) -> None:
    """Note what a claim asks of phases that they do not have."""
    match statement:
        case FactorContrast():
            _check_contrast(parts, statement, here, complaints)
        case ArmContrast():
            _check_arms(parts, statement, here, complaints)
        case ArmInteraction():
            _check_arms(parts, statement, here, complaints)
            _check_arms(parts, statement.other, (*here, "with"), complaints)
        case Constant():
            _check_arm(parts, statement.phase, statement.levels, here, complaints)
            _check_positive(parts, statement, here, complaints)
        case Ordering():
            _check_ordering(parts, statement, here, complaints)
        case Interaction():
            _check_interaction(parts, statement, here, complaints)


def _phase(parts: Parts, name: str, where: KeyPath, complaints: Complaints) -> Phase | None:
    """The phase of a name; None, with a mistake noted, if there is none."""
    if name not in parts.phase_names:
        complaints.add(where, unknown(name, "phase", parts.phase_names))
    return next((phase for phase in parts.phases.values() if phase.name == name), None)


def _check_level(  # noqa: PLR0917
    parts: Parts, phase: Phase | None, name: str, level: Any, where: KeyPath, complaints: Complaints
) -> bool:
    """Whether a phase gives a factor a level; a mistake is noted if it does not, or if there is none such."""
    factor = parts.factors.get(name)
    if factor is None or phase is None:
        return False
    if not factor.allows(level) and not at_phase(factor, phase).allows(level):
        if factor.levels is None:
            complaints.add(where, f"{shown(level)} is not in the range of {name}, {factor.low} to {factor.high}.")
        else:
            complaints.add(where, no_level(level, name, factor.all_levels))
        return False
    given = levels_in(parts, phase, name) if is_whole(parts, phase) else None
    if given is not None and not any(same_level(level, each) for each in given):
        complaints.add(where, no_level(level, name, given, f" in phase {phase.name}"))
        return False
    return True


def _check_varied(parts: Parts, phase: Phase | None, name: str, where: KeyPath, complaints: Complaints) -> bool:
    """Whether a factor is there and the phase varies it."""
    if name not in parts.factor_names:
        complaints.add(where, unknown(name, "factor", parts.factor_names))
        return False
    if phase is None or name not in parts.factors or not is_whole(parts, phase):
        return phase is not None and name in parts.factors
    given = levels_in(parts, phase, name)
    if given is not None and len(given) < 2:
        varied = [each for each in parts.factors if len(levels_in(parts, phase, each) or (1, 2)) > 1]
        complaints.add(
            where,
            f"{shown(name)} is not varied in phase {phase.name}, which varies {listed(varied) or 'nothing'}. "
            "Name another phase, or another factor.",
        )
        return False
    return True


def _check_ends(
    parts: Parts, phase: Phase | None, ends: Any, here: KeyPath, complaints: Complaints, *, at: KeyPath | None = None
) -> bool:
    """Whether a factor, and two different levels of it, are in a phase."""
    where = at if at is not None else here
    if not _check_varied(parts, phase, ends.factor, (*where, "factor"), complaints):
        return False
    fine = [
        _check_level(parts, phase, ends.factor, level, (*where, key), complaints)
        for key, level in (("from", ends.start), ("to", ends.to))
    ]
    if same_level(ends.start, ends.to):
        complaints.add((*where, "to"), f"{shown(ends.to)} is the level that it is compared with. Name another one.")
        return False
    return all(fine)


def _check_contrast(parts: Parts, statement: FactorContrast, here: KeyPath, complaints: Complaints) -> None:
    phase = _phase(parts, statement.phase, (*here, "phase"), complaints)
    fine = _check_ends(parts, phase, statement, here, complaints)
    if statement.factor in statement.where:
        complaints.add((*here, "where", statement.factor), "is the factor that is compared. Remove it here.")
        return
    check_levels(parts, statement.where, (*here, "where"), complaints, phase)
    if not fine or phase is None or complaints.blames(here):
        return
    rows = configurations(parts, phase)
    if rows is None:
        return
    name = statement.factor
    starts = list(matching(rows, {**statement.where, name: statement.start}))
    if not any(_pair(start, name, statement.to) in rows for start in starts):
        where = f" where {row_text(statement.where)}" if statement.where else ""
        complaints.add(
            here,
            f"phase {phase.name} has no two configurations that differ in {name} alone, "
            f"{shown(statement.start)} and {shown(statement.to)}{where}. Change where, or the design to grid.",
        )


def _pair(row: Configuration, name: str, level: Any) -> Configuration:
    return {**row, name: level}


def _check_arms(parts: Parts, statement: ArmContrast | ArmInteraction, here: KeyPath, complaints: Complaints) -> None:
    ends: list[tuple[str, Arm]] = [("from", statement.start), ("to", statement.to)]
    phases = [_check_arm(parts, arm.phase, arm.levels, (*here, key), complaints) for key, arm in ends]
    first, second = phases
    if first is None or second is None or not is_whole(parts, first) or complaints.blames(here):
        return
    if first is second and _arm_row(parts, first, statement.start.levels) == _arm_row(
        parts, second, statement.to.levels
    ):
        complaints.add((*here, "to"), "is the configuration that it is compared with. Name other levels or phases.")
    elif not set(_seeds(first)) & set(_seeds(second)):
        complaints.add(
            here,
            f"phases {first.name} and {second.name} share no seed to pair trials by. Give them the same.",
        )


def _arm_row(parts: Parts, phase: Phase, levels: dict[str, Any]) -> Configuration:
    """An arm's configuration: its levels, and the phase's baseline; it has all levels of the phase's blocks."""
    row = {name: at_phase(factor, phase).baseline for name, factor in parts.factors.items() if name not in phase.blocks}
    return {**row, **{name: parts.factors[name].canonical(level) for name, level in levels.items()}}


def _check_arm(parts: Parts, name: str, levels: dict[str, Any], here: KeyPath, complaints: Complaints) -> Phase | None:
    """Whether a phase has an arm's configuration; the phase."""
    phase = _phase(parts, name, (*here, "phase"), complaints)
    for factor in levels:
        if factor not in parts.factor_names:
            complaints.add((*here, "levels", factor), unknown(factor, "factor", parts.factor_names), at_key=True)
    known = {factor: level for factor, level in levels.items() if factor in parts.factors}
    fine = [
        _check_level(parts, phase, factor, level, (*here, "levels", factor), complaints)
        for factor, level in known.items()
    ]
    if phase is None or not all(fine) or len(known) < len(levels):
        return phase
    rows = configurations(parts, phase)
    if rows is not None and next(matching(rows, _arm_row(parts, phase, levels)), None) is None:
        complaints.add(
            here,
            f"phase {phase.name} has no configuration with {row_text(levels)} and all else at the baseline. "
            "Name the levels of one that its design has.",
        )
    return phase


def _seeds(phase: Phase) -> range | list[int]:
    return range(min(num_seeds(phase), 1_000_000)) if isinstance(phase.seeds, int) else phase.seeds


def _check_positive(parts: Parts, statement: Constant, here: KeyPath, complaints: Complaints) -> None:
    metric = parts.metric
    if metric is not None and metric.effective_scale == "log" and statement.value <= 0:
        message = f"{shown(statement.value)} is not above 0, as values on a logarithmic scale are."
        complaints.add((*here, "value"), f"{message} Write the published figure itself.")


def _check_ordering(parts: Parts, statement: Ordering, here: KeyPath, complaints: Complaints) -> None:
    phase = _phase(parts, statement.phase, (*here, "phase"), complaints)
    largest, among, order = statement.largest, statement.among, statement.order
    by_largest = largest is not None and among is not None and order is None
    if not by_largest and not (order is not None and largest is None and among is None):
        complaints.add(here, "needs either largest and among, or order. Write e.g. {phase, order: [dropout, depth]}.")
        return
    named: list[tuple[KeyPath, str]] = [
        ((*here, key, place), name)
        for key, names in (("among", among), ("order", order))
        for place, name in enumerate(names or ())
    ]
    if largest is not None:
        named.insert(0, ((*here, "largest"), largest))
    seen: set[str] = set()
    for where, name in named:
        if name in seen and "among" not in where:
            complaints.add(where, f"{shown(name)} is named twice. Name each factor once.")
        elif name not in seen and _check_varied(parts, phase, name, where, complaints) and phase is not None:
            _check_gain(parts, phase, name, where, complaints)
        seen.add(name)
    if len(seen) < 2:
        key = "among" if by_largest else "order"
        complaints.add((*here, key), "an ordering needs two factors at least. Name another one.")


def _check_gain(parts: Parts, phase: Phase, name: str, where: KeyPath, complaints: Complaints) -> None:
    """A gain is a difference from the baseline, or in leave_one_out from the full configuration."""
    rows = configurations(parts, phase)
    if rows is None or design_kind(phase.design) == "leave_one_out":
        return
    base = _arm_row(parts, phase, {})
    rest = {other: level for other, level in base.items() if other != name}
    if len(distinct_levels(tuple(row[name] for row in matching(rows, rest)))) < 2:
        complaints.add(
            where,
            f"phase {phase.name} does not compare {name} alone with the baseline, so its gain is not known. "
            "Use a phase with one_at_a_time, leave_one_out or grid.",
        )


def _check_interaction(parts: Parts, statement: Interaction, here: KeyPath, complaints: Complaints) -> None:
    if isinstance(statement.other, OtherFactor):
        _check_two_factors(parts, statement, statement.other, here, complaints)
        return
    if statement.phase is not None:
        complaints.add(
            (*here, "phase"), f"{shown(statement.phase)} has no place beside with.phases. Keep one of the two."
        )
    names = statement.other.phases
    if names[0] == names[1]:
        complaints.add((*here, "with", "phases", 1), f"{shown(names[1])} is named twice. Name two phases.")
    for place, name in enumerate(names):
        phase = _phase(parts, name, (*here, "with", "phases", place), complaints)
        if phase is not None and not complaints.blames(here):
            _check_ends(parts, phase, statement, here, complaints)


def _check_two_factors(
    parts: Parts, statement: Interaction, other: OtherFactor, here: KeyPath, complaints: Complaints
) -> None:
    if statement.phase is None:
        complaints.add((*here, "phase"), "is missing. An interaction of two factors is measured within one phase.")
        return
    phase = _phase(parts, statement.phase, (*here, "phase"), complaints)
    fine = [
        _check_ends(parts, phase, statement, here, complaints),
        _check_ends(parts, phase, other, here, complaints, at=(*here, "with")),
    ]
    if other.factor == statement.factor:
        complaints.add((*here, "with", "factor"), f"{shown(other.factor)} is the same factor. Name another one.")
        return
    if not all(fine) or phase is None or complaints.blames(here):
        return
    rows = configurations(parts, phase)
    if rows is None and design_kind(phase.design) != "plackett_burman":
        return
    corners = [{statement.factor: one, other.factor: two} for one in _two(statement) for two in _two(other)]
    if rows is None or not all(any(matching(rows, corner)) for corner in corners):
        complaints.add(
            here,
            f"phase {phase.name} does not vary {statement.factor} and {other.factor} together, "
            "so their interaction is not known. Use grid or fractional.",
        )


def _two(ends: Interaction | OtherFactor) -> tuple[Any, Any]:
    return ends.start, ends.to
