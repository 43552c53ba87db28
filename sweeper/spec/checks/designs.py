"""Checks of a phase's design: its factors, its settings, and the phase that it promotes from."""

import math
from collections.abc import Iterator, Mapping

from sweeper.designs.factor import Factors
from sweeper.designs.generators import rule_fault
from sweeper.designs.kinds import FractionalDesign, LadderDesign, ListDesign, PromoteDesign, SamplerDesign, SimpleDesign
from sweeper.designs.levels import Level, same_level
from sweeper.designs.plackett_burman import size_fault
from sweeper.spec.checks.factors import no_level
from sweeper.spec.checks.known_configurations import is_whole, num_configurations, varied_in
from sweeper.spec.entries.designs import FractionalDesignEntry, option_fault
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.names import levels_text, listed, unknown
from sweeper.spec.phase import Phase
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown


def check_design(sections: Sections, index: int, phase: Phase, errors: ErrorCollector) -> None:
    """Report mistakes in a phase's design."""
    here: KeyPath = ("phases", index, "design")
    factors = varied_in(sections, phase)
    kind = phase.design.kind
    if kind not in ("list", "promote") and is_whole(sections, phase) and not factors:
        errors.add(here, f"{kind} needs factors, but the phase has none. Add factors, or use {{list: [{{}}]}}.")
        return
    if kind not in ("sampler", "promote", "list"):
        _check_no_ranges(kind, phase, factors, here, errors)
    match phase.design:
        case ListDesign() as design:
            for number, row in enumerate(design.rows):
                check_levels(sections, row, (*here, "list", number), errors, phase)
        case LadderDesign() as design:
            _check_ladder(sections, phase, design, here, errors)
        case FractionalDesign() | SimpleDesign(kind="plackett_burman"):
            _check_two_levels(phase, factors, here, errors)
            if is_whole(sections, phase):
                _check_size(sections, index, phase.design, len(factors), errors)
        case SamplerDesign() as design:
            for option in design.options:
                if unknown_option := option_fault(design.sampler, option):
                    errors.add((*here, "options", option), unknown_option, at_key=True)
            _check_redraws(design, factors, here, errors)
        case PromoteDesign() as design:
            _check_promotion(sections, index, phase, design, errors)


def _check_no_ranges(kind: str, phase: Phase, factors: Factors, here: KeyPath, errors: ErrorCollector) -> None:
    ranges = [name for name, factor in factors.items() if factor.levels is None]
    if isinstance(phase.design, LadderDesign):
        ranges = [name for name in ranges if name in phase.design.factors]
    if ranges:
        rest = [name for name in factors if name not in ranges]
        errors.add(
            here,
            f"{kind} needs levels, but {listed(ranges)} has a range, which only samplers draw from. "
            f"Give it levels, or limit the phase to other factors, e.g. factors: [{', '.join(rest) or '...'}].",
        )


def check_levels(
    sections: Sections, row: Mapping[str, Level], here: KeyPath, errors: ErrorCollector, phase: Phase | None = None
) -> None:
    """Report factors and levels that neither the study nor the phase has."""
    for name, level in row.items():
        if name not in sections.factor_names:
            errors.add((*here, name), unknown(name, "factor", sections.factor_names), at_key=True)
        elif (factor := sections.factors.get(name)) is not None and not factor.allows(level):
            if phase is not None and phase.adapt(factor).allows(level):
                continue
            errors.add((*here, name), no_level(level, factor))


def _check_ladder(
    sections: Sections, phase: Phase, design: LadderDesign, here: KeyPath, errors: ErrorCollector
) -> None:
    varied = phase.factors if phase.factors is not None else sections.factor_names
    for number, name in enumerate(design.factors):
        where = (*here, "ladder", number)
        if name in design.factors[:number]:
            errors.add(where, f"{shown(name)} is a duplicate. Name each factor once, where it is added.")
        elif name not in sections.factor_names:
            errors.add(where, unknown(name, "factor", sections.factor_names))
        elif name not in varied:
            errors.add(where, f"{shown(name)} is not one of the phase's factors: {listed(varied)}. Add it to them.")


def _check_redraws(design: SamplerDesign, factors: Factors, here: KeyPath, errors: ErrorCollector) -> None:
    """Report more trials than there are configurations, if none may be drawn twice."""
    if design.duplicates != "redraw" or any(factor.levels is None for factor in factors.values()):
        return
    number = math.prod(len(factor.all_levels if factor.when else factor.listed_levels) for factor in factors.values())
    if design.trials > number:
        errors.add(
            (*here, "trials"),
            f"{design.trials} is more than the {number} configurations of the factors' levels. Draw fewer, or use "
            "duplicates: reseed.",
        )


def _check_two_levels(phase: Phase, factors: Factors, here: KeyPath, errors: ErrorCollector) -> None:
    kind = phase.design.kind
    for name, factor in factors.items():
        others = [level for level in factor.levels or () if not same_level(level, factor.baseline)]
        if factor.levels is not None and len(others) != 1:
            errors.add(
                here,
                f"{kind} needs the baseline and one other level of each factor, but {name} has "
                f"{1 + len(others)} levels: {levels_text(factor.all_levels)}. Keep one of them, or use grid.",
            )
        if factor.when:
            errors.add(
                here,
                f"{kind} needs factors that do not depend on each other, but {name} has conditions (when). "
                "Use grid, or limit the phase to other factors (factors: [...]).",
            )
    if phase.exclude:
        errors.add(
            ("phases", here[1], "exclude"),
            f"a {kind} design is not balanced without some of its rows. Remove exclude, or use grid.",
        )


def _check_size(
    sections: Sections,
    index: int,
    design: FractionalDesign | SimpleDesign,
    num_factors: int,
    errors: ErrorCollector,
) -> None:
    """Report a number of factors, a resolution or generators for which there is no such design."""
    here: KeyPath = ("phases", index, "design")
    if isinstance(design, SimpleDesign):
        if too_many := size_fault(num_factors):
            errors.add(here, too_many)
        return
    fault = rule_fault(design, num_factors)
    if fault is None:
        return
    entry = sections.phase_entries[index].design
    is_mapping = isinstance(entry, FractionalDesignEntry) and not isinstance(entry.fractional, int)
    key, message = fault
    errors.add((*here, "fractional", *((key,) if is_mapping else ())), message)


def _check_promotion(
    sections: Sections, index: int, phase: Phase, design: PromoteDesign, errors: ErrorCollector
) -> None:
    here: KeyPath = ("phases", index, "design")
    earlier = {other.name: other for number, other in sections.phases.items() if number < index}
    names = sections.phase_names
    if design.phase not in names:
        errors.add((*here, "promote"), unknown(design.phase, "phase", [n for n in names if n != phase.name]))
        return
    if design.phase == phase.name and design.phase not in names[:index]:
        errors.add((*here, "promote"), f"{shown(design.phase)} is this phase itself. Name an earlier one.")
        return
    source = earlier.get(design.phase)
    if source is None:
        if design.phase not in names[:index]:
            errors.add(
                (*here, "promote"), f"{shown(design.phase)} is not an earlier phase. Move that phase before this one."
            )
        return
    for fault, where in _promotion_faults(sections, phase, design, source):
        errors.add(("phases", index, *where), fault)


def _promotion_faults(
    sections: Sections, phase: Phase, design: PromoteDesign, source: Phase
) -> Iterator[tuple[str, KeyPath]]:
    number = num_configurations(sections, source) if is_whole(sections, source) else None
    if number is not None and design.top > number:
        yield (
            f"{design.top} is more than the {number} configurations of phase {source.name}. Promote fewer.",
            ("design", "top"),
        )
    if phase.factors is not None:
        yield f"has no effect, since the configurations are those of phase {source.name}. Remove factors.", ("factors",)
    if phase.exclude:
        yield (
            f"has no effect, since the configurations are those of phase {source.name}. Exclude them there.",
            ("exclude",),
        )
    if design.start == "checkpoint":
        yield from _checkpoint_faults(sections, phase, source)


def _checkpoint_faults(sections: Sections, phase: Phase, source: Phase) -> Iterator[tuple[str, KeyPath]]:
    if sections.trial is not None and not sections.trial.has_checkpoint:
        yield (
            "the program has no checkpoint. Add trial.program.checkpoint, or use from: scratch.",
            ("design", "from"),
        )
    known = set(source.seeds)
    if new := [seed for seed in phase.seeds if seed not in known]:
        yield (
            f"phase {source.name} has no checkpoints of seed {listed(map(str, new))}. Use its seeds, or from: scratch.",
            ("seeds",),
        )
    unit, amount, before = phase.budget.unit, phase.budget.amount, source.budget
    if before.unit != unit:
        yield (
            f"{unit} cannot continue from phase {source.name}, whose budget is in {before.unit}. "
            "Use the same unit in both, or from: scratch.",
            ("budget", unit),
        )
    elif amount <= before.amount:
        yield (
            f"{amount} is not more than the {before.amount} that phase {source.name} has already trained. "
            "Budgets count from the start of training; raise it.",
            ("budget", unit),
        )
