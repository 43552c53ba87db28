"""Checks of a phase's own levels and of its blocks."""

from collections.abc import Iterator

from sweeper.designs.factor import Factor
from sweeper.designs.kinds import ListDesign, is_fixed
from sweeper.designs.levels import Level, repeats_earlier
from sweeper.spec.checks.factors import none_of
from sweeper.spec.entries.factors import FactorEntry
from sweeper.spec.entries.phases import RangeEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.forms import Fault, form_faults
from sweeper.spec.names import listed, unknown
from sweeper.spec.phase import Phase
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown


def check_blocks(sections: Sections, index: int, phase: Phase, errors: ErrorCollector) -> None:
    """Report mistakes in a phase's levels and blocks."""
    here: KeyPath = ("phases", index)
    for name, own in sections.phase_entries[index].levels.items():
        where = (*here, "levels", name)
        if name not in sections.factor_names:
            errors.add(where, unknown(name, "factor", sections.factor_names), at_key=True)
        elif name in sections.factors:
            for inner, message in _level_faults(sections.factors[name], own):
                errors.add((*where, *inner), message)
    for number, name in enumerate(phase.blocks):
        if fault := _block_fault(sections, phase, number, name):
            errors.add((*here, "blocks", number), fault)
    kind = phase.design.kind
    if phase.blocks and not is_fixed(phase.design):
        errors.add(
            (*here, "blocks"),
            f"a {kind} design cannot be repeated in blocks. Use a phase for each level, and remove blocks.",
        )
    elif isinstance(phase.design, ListDesign):
        for number, row in enumerate(phase.design.rows):
            for name in set(phase.blocks) & row.keys():
                message = f"{name} is a block, so the row runs at each of its levels. Remove it here, or from blocks."
                errors.add((*here, "design", "list", number, name), message, at_key=True)


def _level_faults(factor: Factor, own: list[Level] | RangeEntry) -> Iterator[Fault]:
    if isinstance(own, RangeEntry):
        if factor.groups is not None:
            yield (), f"{factor.name} has named levels, so it cannot have a range. Name some of its levels."
        else:
            yield from form_faults(FactorEntry(low=own.low, high=own.high, log=own.log, step=own.step))
        return
    for number, (level, again) in enumerate(zip(own, repeats_earlier(own), strict=True)):
        if again:
            yield (number,), f"{shown(level)} is a duplicate level. Keep one."
        elif not factor.has_named(level):
            yield (number,), none_of(level, factor.name, factor.levels or ())


def _block_fault(sections: Sections, phase: Phase, number: int, name: str) -> str:  # noqa: PLR0911 - a rule each
    if name not in sections.factor_names:
        return unknown(name, "factor", sections.factor_names)
    if name in phase.blocks[:number]:
        return f"{shown(name)} is a duplicate. Name each factor once."
    if name in (phase.factors or ()):
        return f"{shown(name)} is already varied by the design. Remove it from factors or from blocks."
    factor = sections.factors.get(name)
    if factor is None:
        return ""
    own = phase.adapt(factor)
    if own.levels is None:
        return f"{shown(name)} has a range, so it has no levels to repeat the design at. Give it levels."
    if own.when:
        return f"{shown(name)} depends on {listed(own.when)} (when). Use a factor without conditions."
    return ""
