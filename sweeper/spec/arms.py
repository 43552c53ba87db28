"""Which configurations a phase gives, as far as that is known before it runs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sweeper import designs
from sweeper.designs.configuration import baseline_level, complete
from sweeper.designs.levels import DesignError, distinct_levels, is_excluded, same_level, settled
from sweeper.spec.designs import FractionalDesign, LadderDesign, ListDesign, PromoteDesign, SamplerDesign, design_kind
from sweeper.spec.models import Phase, Range
from sweeper.spec.normal import NormalFactor
from sweeper.spec.parts import Parts

MOST_CONFIGURATIONS: Final = 5_000  # beyond it, checking each takes longer than it helps

Configuration = dict[str, Any]


def factors_in(parts: Parts, phase: Phase) -> dict[str, NormalFactor]:
    """The factors that a phase's design varies, with their levels and baselines in it, as far as they are in order."""
    names = phase.factors if phase.factors is not None else list(parts.factors)
    return {
        name: at_phase(parts.factors[name], phase)
        for name in names
        if name in parts.factors and name not in phase.blocks
    }


def blocks_in(parts: Parts, phase: Phase) -> dict[str, tuple[Any, ...]]:
    """The levels of each factor at which a phase repeats its design."""
    found = {name: at_phase(parts.factors[name], phase) for name in phase.blocks if name in parts.factors}
    return {name: factor.levels for name, factor in found.items() if factor.levels}


def at_phase(factor: NormalFactor, phase: Phase) -> NormalFactor:
    """A factor with its levels and its baseline in a phase."""
    level = baseline_level(factor.name, factor.as_document(), {"config": phase.config})
    usable = level is None or isinstance(level, bool | int | float | str)
    own = phase.levels.get(factor.name)
    return (factor if own is None else _with_levels(factor, own)).with_baseline(level if usable else factor.baseline)


def _with_levels(factor: NormalFactor, own: list[Any] | Range) -> NormalFactor:
    """A factor with other levels, or with a range of the kind of numbers that its baseline is."""
    if isinstance(own, list):
        known = [level for level in own if factor.groups is None or level in factor.groups]
        levels = distinct_levels(tuple(factor.canonical(level) for level in known or factor.levels or ()))
        return replace(factor, levels=levels, low=None, high=None, log=False, step=None)
    kind = float if isinstance(factor.baseline, float) else _as_it_is
    step = None if own.step is None else kind(own.step)
    return replace(factor, levels=None, low=kind(own.low), high=kind(own.high), log=own.log, step=step)


def _as_it_is(number: float) -> float:
    return number


def is_whole(parts: Parts, phase: Phase) -> bool:
    """Whether all factors that a phase depends on could be read."""
    wanted = {*parts.factor_names, *(phase.factors or ())}
    return wanted == set(parts.factors)


def configurations(parts: Parts, phase: Phase) -> list[Configuration] | None:
    """A phase's configurations, each with a level for every factor of the study.

    None where they are drawn at run time, are a fraction that would have to be computed, are very many, or where the
    factors have mistakes.
    """
    if id(phase) not in parts.known_configurations:
        parts.known_configurations[id(phase)] = _configurations(parts, phase)
    return parts.known_configurations[id(phase)]


def _configurations(parts: Parts, phase: Phase) -> list[Configuration] | None:
    kind = design_kind(phase.design)
    known = kind in ("grid", "one_at_a_time", "leave_one_out", "ladder", "list")
    if not known or not is_whole(parts, phase) or num_configurations(parts, phase) > MOST_CONFIGURATIONS:
        return None
    every = {name: at_phase(factor, phase).as_document() for name, factor in parts.factors.items()}
    varied = {name: every[name] for name in factors_in(parts, phase)}
    document, spec = {"factors": every}, {"config": phase.config}
    try:
        rows = designs.rows(_design(phase), varied, every=every)
    except DesignError:
        return None
    crossed = designs.crossed(rows, blocks_in(parts, phase))
    full = (settled(complete(document, spec, row), every) for row in crossed)
    return [row for row in full if not is_excluded(row, phase.exclude)]


def _design(phase: Phase) -> str | dict[str, Any]:
    return phase.design if isinstance(phase.design, str) else phase.design.model_dump(by_alias=True)


def num_configurations(parts: Parts, phase: Phase) -> int:
    """How many configurations a phase asks for before exclusions; at least, for a fraction."""
    return _num_of_design(parts, phase) * math.prod(len(levels) for levels in blocks_in(parts, phase).values())


def _num_of_design(parts: Parts, phase: Phase) -> int:  # noqa: PLR0911 - a case for each design
    factors = factors_in(parts, phase)
    levels = [factor.levels for factor in factors.values() if factor.levels is not None]
    match phase.design:
        case ListDesign() as design:
            return len(design.rows)
        case LadderDesign() as design:
            return 1 + len(design.ladder)
        case SamplerDesign() as design:
            return design.trials
        case PromoteDesign() as design:
            return design.top
        case FractionalDesign() as design:
            return fewest_runs(len(factors), design.fraction.resolution)
        case "grid":
            return math.prod(len(each) for each in levels)
        case "plackett_burman":
            return 4 * (len(factors) // 4 + 1)
        case "one_at_a_time":
            return 1 + sum(len(factor.all_levels) - 1 for factor in factors.values())
        case _:
            return 1 + len(factors)


def num_trials(parts: Parts, phase: Phase) -> int:
    """How many trials a phase asks for before exclusions and sharing."""
    seeds = 1 if isinstance(phase.design, SamplerDesign) else num_seeds(phase)
    return num_configurations(parts, phase) * seeds * phase.repeats


def num_seeds(phase: Phase) -> int:
    """How many seeds a phase has."""
    return phase.seeds if isinstance(phase.seeds, int) else len(phase.seeds)


def fewest_runs(num_factors: int, resolution: int) -> int:
    """A lower bound of the runs of a two-level fraction, a power of two.

    Source: C. R. Rao (1947), Factorial experiments derivable from combinatorial arrangements of arrays.
    """
    strength = min(resolution - 1, num_factors)
    half = strength // 2
    bound = sum(math.comb(num_factors, order) for order in range(half + 1))
    if strength % 2 and num_factors > 0:
        bound += math.comb(num_factors - 1, half)
    return 1 << max(0, (bound - 1).bit_length())


def levels_in(parts: Parts, phase: Phase, name: str) -> tuple[Any, ...] | None:
    """The levels that a phase gives a factor; None where a range is drawn from."""
    source = promoted_from(parts, phase)
    if source is not None and source is not phase:
        return levels_in(parts, source, name)
    rows = configurations(parts, phase)
    if rows is not None:
        return distinct_levels(tuple(row[name] for row in rows if name in row))
    factor = at_phase(parts.factors[name], phase)
    if name in phase.blocks:
        return factor.levels
    if name not in factors_in(parts, phase):
        return (factor.baseline,)
    if factor.levels is None:
        return None
    return factor.all_levels if factor.when or design_kind(phase.design) != "grid" else factor.levels


def promoted_from(parts: Parts, phase: Phase) -> Phase | None:
    """The phase whose design drew a phase's configurations: itself, or where its promotions began."""
    seen: set[str] = set()
    while isinstance(phase.design, PromoteDesign):
        source = phase.design.promote
        if source in seen:
            return None
        seen.add(source)
        found = next((each for each in parts.phases.values() if each.name == source), None)
        if found is None:
            return None
        phase = found
    return phase


def matching(rows: list[Configuration], levels: Mapping[str, Any]) -> Iterator[Configuration]:
    """The configurations that have some levels."""
    for row in rows:
        if all(name in row and same_level(row[name], level) for name, level in levels.items()):
            yield row
