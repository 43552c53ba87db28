"""Checks of what a phase changes about factors: levels of its own, and the blocks in which its design is repeated."""

from collections.abc import Iterator
from typing import Any

from sweeper.designs.levels import repeats_earlier
from sweeper.spec.arms import at_phase
from sweeper.spec.checks.factors import no_level
from sweeper.spec.complaints import Complaints
from sweeper.spec.designs import ListDesign, design_kind
from sweeper.spec.factors import Factor
from sweeper.spec.forms import Fault, form_faults
from sweeper.spec.models import Phase, Range
from sweeper.spec.names import listed, unknown
from sweeper.spec.normal import NormalFactor
from sweeper.spec.parts import Parts
from sweeper.spec.yaml_source import KeyPath
from trainer.config.wording import shown

UNDRAWN = ("sampler", "promote")


def check_blocks(parts: Parts, place: int, phase: Phase, complaints: Complaints) -> None:
    """Note the mistakes of a phase's levels and blocks."""
    here: KeyPath = ("phases", place)
    for name, own in phase.levels.items():
        where = (*here, "levels", name)
        if name not in parts.factor_names:
            complaints.add(where, unknown(name, "factor", parts.factor_names), at_key=True)
        elif name in parts.factors:
            for inner, message in _level_faults(parts.factors[name], own):
                complaints.add((*where, *inner), message)
    for number, name in enumerate(phase.blocks):
        if fault := _block_fault(parts, phase, number, name):
            complaints.add((*here, "blocks", number), fault)
    kind = design_kind(phase.design)
    if phase.blocks and kind in UNDRAWN:
        complaints.add((*here, "blocks"), f"a {kind} design has none. Write a phase for each level, and remove blocks.")
    elif isinstance(phase.design, ListDesign):
        for number, row in enumerate(phase.design.rows):
            for name in set(phase.blocks) & row.keys():
                message = f"{name} is a block, at each of whose levels the row is run. Remove it here, or from blocks."
                complaints.add((*here, "design", "list", number, name), message, at_key=True)


def _level_faults(factor: NormalFactor, own: list[Any] | Range) -> Iterator[Fault]:
    if isinstance(own, Range):
        if factor.groups is not None:
            yield (), f"{factor.name} has named levels, of which there is no range. Name some of them."
        else:
            yield from form_faults(Factor(low=own.low, high=own.high, log=own.log, step=own.step))
        return
    for number, (level, again) in enumerate(zip(own, repeats_earlier(own), strict=True)):
        if again:
            yield (number,), f"the level {shown(level)} is given twice. Keep one."
        elif factor.groups is not None and level not in factor.groups:
            yield (number,), no_level(level, factor.name, factor.levels or ())


def _block_fault(parts: Parts, phase: Phase, number: int, name: str) -> str:  # noqa: PLR0911 - a rule each
    if name not in parts.factor_names:
        return unknown(name, "factor", parts.factor_names)
    if name in phase.blocks[:number]:
        return f"{shown(name)} is named twice. Name each factor once."
    if name in (phase.factors or ()):
        return f"{shown(name)} is varied by the design already. Remove it from factors, or from blocks."
    factor = parts.factors.get(name)
    if factor is None:
        return ""
    own = at_phase(factor, phase)
    if own.levels is None:
        return f"{shown(name)} has a range, which has no levels to repeat the design at. Give it levels."
    if own.when:
        return f"{shown(name)} depends on {listed(own.when)} (when). Take a factor that does not."
    return ""
