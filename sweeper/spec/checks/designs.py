"""Checks of a phase's design: whether its factors, its rule and its source allow it."""

from collections.abc import Iterator
from typing import Any

from sweeper.designs.levels import same_level
from sweeper.spec.arms import at_phase, factors_in, is_whole, num_configurations, num_seeds
from sweeper.spec.checks.factors import no_level
from sweeper.spec.complaints import Complaints
from sweeper.spec.designs import FractionalDesign, LadderDesign, ListDesign, PromoteDesign, SamplerDesign, design_kind
from sweeper.spec.models import Phase
from sweeper.spec.names import levels_text, listed, unknown
from sweeper.spec.normal import NormalFactor
from sweeper.spec.parts import Parts
from sweeper.spec.resolution import rule_fault
from sweeper.spec.sampler_options import option_fault
from sweeper.spec.yaml_source import KeyPath
from trainer.config.wording import shown


def check_design(parts: Parts, place: int, phase: Phase, complaints: Complaints) -> None:
    """Note what a phase's design lacks."""
    here: KeyPath = ("phases", place, "design")
    factors = factors_in(parts, phase)
    kind = design_kind(phase.design)
    if kind not in ("list", "promote") and is_whole(parts, phase) and not factors:
        complaints.add(here, f"{kind} varies factors, but the phase has none. Add factors, or use {{list: [{{}}]}}.")
        return
    if kind not in ("sampler", "promote", "list"):
        _check_no_ranges(kind, phase, factors, here, complaints)
    match phase.design:
        case ListDesign() as design:
            for number, row in enumerate(design.rows):
                check_levels(parts, row, (*here, "list", number), complaints, phase)
        case LadderDesign() as design:
            _check_ladder(parts, phase, design, here, complaints)
        case FractionalDesign() | "plackett_burman":
            _check_two_levels(phase, factors, here, complaints)
            if isinstance(phase.design, FractionalDesign) and is_whole(parts, phase):
                _check_rule(phase.design, list(factors), here, complaints)
        case SamplerDesign() as design:
            for option in design.options:
                if fault := option_fault(design.sampler, option):
                    complaints.add((*here, "options", option), fault, at_key=True)
        case PromoteDesign() as design:
            _check_promotion(parts, place, phase, design, complaints)


def _check_no_ranges(
    kind: str, phase: Phase, factors: dict[str, NormalFactor], here: KeyPath, complaints: Complaints
) -> None:
    ranges = [name for name, factor in factors.items() if factor.levels is None]
    if isinstance(phase.design, LadderDesign):
        ranges = [name for name in ranges if name in phase.design.ladder]
    if ranges:
        rest = [name for name in factors if name not in ranges]
        complaints.add(
            here,
            f"{kind} needs levels, but {listed(ranges)} has a range, from which only samplers draw. "
            f"Give it levels, or limit the phase to other factors, e.g. factors: [{', '.join(rest) or '...'}].",
        )


def check_levels(
    parts: Parts, row: dict[str, Any], here: KeyPath, complaints: Complaints, phase: Phase | None = None
) -> None:
    """Note factors and levels that neither the study nor the phase has."""
    for name, level in row.items():
        if name not in parts.factor_names:
            complaints.add((*here, name), unknown(name, "factor", parts.factor_names), at_key=True)
        elif (factor := parts.factors.get(name)) is not None and not factor.allows(level):
            if phase is not None and at_phase(factor, phase).allows(level):
                continue
            if factor.levels is None:
                message = f"{shown(level)} is not in the range of {name}, from {factor.low} to {factor.high}."
            else:
                message = no_level(level, name, factor.all_levels)
            complaints.add((*here, name), message)


def _check_ladder(parts: Parts, phase: Phase, design: LadderDesign, here: KeyPath, complaints: Complaints) -> None:
    varied = phase.factors if phase.factors is not None else parts.factor_names
    for number, name in enumerate(design.ladder):
        where = (*here, "ladder", number)
        if name in design.ladder[:number]:
            complaints.add(where, f"{shown(name)} is named twice. Name each factor once, where it is added.")
        elif name not in parts.factor_names:
            complaints.add(where, unknown(name, "factor", parts.factor_names))
        elif name not in varied:
            complaints.add(where, f"{shown(name)} is not among the phase's factors: {listed(varied)}. Add it to them.")


def _check_two_levels(phase: Phase, factors: dict[str, NormalFactor], here: KeyPath, complaints: Complaints) -> None:
    kind = design_kind(phase.design)
    for name, factor in factors.items():
        others = [level for level in factor.levels or () if not same_level(level, factor.baseline)]
        if factor.levels is not None and len(others) != 1:
            complaints.add(
                here,
                f"{kind} takes the baseline and one other level of each factor, but {name} has "
                f"{1 + len(others)} levels: {levels_text(factor.all_levels)}. Leave some out, or use grid.",
            )
        if factor.when:
            complaints.add(
                here,
                f"{kind} takes factors that do not depend on each other, but {name} has conditions (when). "
                "Use grid, or limit the phase to other factors (factors: [...]).",
            )
    if phase.exclude:
        complaints.add(
            ("phases", here[1], "exclude"),
            f"a {kind} design without some of its rows is not balanced any more. Remove exclude, or use grid.",
        )


def _check_rule(design: FractionalDesign, names: list[str], here: KeyPath, complaints: Complaints) -> None:
    where = (*here, "fractional")
    key, fault = rule_fault(design.fraction.resolution, design.fraction.generators, names)
    if fault:
        complaints.add((*where, key) if not isinstance(design.fractional, int) else where, fault)


def _check_promotion(parts: Parts, place: int, phase: Phase, design: PromoteDesign, complaints: Complaints) -> None:
    here: KeyPath = ("phases", place, "design")
    earlier = {other.name: other for number, other in parts.phases.items() if number < place}
    names = parts.phase_names
    if design.promote not in names:
        complaints.add((*here, "promote"), unknown(design.promote, "phase", [n for n in names if n != phase.name]))
        return
    if design.promote == phase.name and design.promote not in names[:place]:
        complaints.add((*here, "promote"), f"{shown(design.promote)} is this phase itself. Name an earlier one.")
        return
    source = earlier.get(design.promote)
    if source is None:
        if design.promote not in names[:place]:
            complaints.add(
                (*here, "promote"), f"{shown(design.promote)} is not an earlier phase. Put that phase before this one."
            )
        return
    for fault, where in _promotion_faults(parts, phase, design, source):
        complaints.add(("phases", place, *where), fault)


def _promotion_faults(
    parts: Parts, phase: Phase, design: PromoteDesign, source: Phase
) -> Iterator[tuple[str, KeyPath]]:
    number = num_configurations(parts, source) if is_whole(parts, source) else None
    if number is not None and design.top > number:
        yield (
            f"{design.top} is more than the {number} configurations of phase {source.name}. Promote fewer of them.",
            ("design", "top"),
        )
    if phase.factors is not None:
        yield f"the configurations are those of phase {source.name}. Remove factors.", ("factors",)
    if phase.exclude:
        yield f"the configurations are those of phase {source.name}. Exclude there.", ("exclude",)
    if design.start == "checkpoint":
        yield from _checkpoint_faults(parts, phase, source)


def _checkpoint_faults(parts: Parts, phase: Phase, source: Phase) -> Iterator[tuple[str, KeyPath]]:
    program = parts.trial.program if parts.trial is not None else "trainer"
    if program != "trainer" and getattr(program, "checkpoint", None) is None:
        yield (
            "the program names no checkpoint. Add trial.program.checkpoint, or write from: scratch.",
            ("design", "from"),
        )
    known = set(_seeds(source))
    if new := [seed for seed in _seeds(phase) if seed not in known]:
        yield (
            f"phase {source.name} has no checkpoints of seed {listed(map(str, new))}. Use its seeds, or from: scratch.",
            ("seeds",),
        )
    for unit, amount in phase.budget.model_dump(exclude_none=True).items():
        before = getattr(source.budget, unit)
        if before is None:
            yield (
                f"{unit} cannot be counted on from phase {source.name}, whose budget has another unit. "
                "Give both the same unit, or write from: scratch.",
                ("budget", unit),
            )
        elif amount <= before:
            yield (
                f"{amount} is not more than the {before} that phase {source.name} has trained already. "
                "The budget counts from the start of training; raise it.",
                ("budget", unit),
            )


def _seeds(phase: Phase) -> list[int] | range:
    return range(num_seeds(phase)) if isinstance(phase.seeds, int) else phase.seeds
