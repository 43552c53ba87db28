"""Which configurations a phase has, as far as that is known before it runs."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from sweeper.designs.factor import DesignError, Factor, Factors
from sweeper.designs.generators import fewest_basic
from sweeper.designs.kinds import (
    FractionalDesign,
    LadderDesign,
    ListDesign,
    PromoteDesign,
    SamplerDesign,
    SimpleDesign,
    SimpleKind,
)
from sweeper.designs.levels import Configuration, Level, distinct_levels, has_levels
from sweeper.spec.configurations import enumerate_phase
from sweeper.spec.entries.phases import PhaseEntry, SeedsEntry
from sweeper.spec.phase import Phase
from sweeper.spec.sections import Sections

MOST_CONFIGURATIONS: Final = 5_000  # beyond it, checking each takes longer than it helps
LISTED: Final = ("grid", "one_at_a_time", "leave_one_out", "ladder", "list")  # known without a search


def factors_in(sections: Sections, phase: Phase) -> dict[str, Factor]:
    """Return the valid factors, with their levels and baselines in a phase."""
    return {name: phase.adapt(factor) for name, factor in sections.factors.items()}


def varied_in(sections: Sections, phase: Phase) -> dict[str, Factor]:
    """Return the valid factors that a phase's design varies."""
    every = factors_in(sections, phase)
    names = phase.factors if phase.factors is not None else tuple(every)
    return {name: every[name] for name in names if name in every and name not in phase.blocks}


def blocks_in(sections: Sections, phase: Phase) -> dict[str, tuple[Level, ...]]:
    """Return the levels of each factor at which a phase repeats its design."""
    every = factors_in(sections, phase)
    return {name: levels for name in phase.blocks if name in every and (levels := every[name].levels)}


def is_whole(sections: Sections, phase: Phase) -> bool:
    """Return whether all factors that a phase depends on are valid."""
    wanted = {*sections.factor_names, *(phase.factors or ())}
    return wanted == set(sections.factors)


def configurations(sections: Sections, phase: Phase) -> list[Configuration] | None:
    """Return the configurations of a phase, each with a level for every factor of the study.

    None if they are drawn at run time, would take a search, are very many, or the factors have mistakes.
    """
    if id(phase) not in sections.known_configurations:
        sections.known_configurations[id(phase)] = _configurations(sections, phase)
    return sections.known_configurations[id(phase)]


def compared(sections: Sections, phase: Phase) -> list[Configuration] | None:
    """Return the configurations of a phase as claims compare them, with a level for every factor.

    A factor without a baseline that a configuration leaves out is at null, as in the analysis.
    """
    rows = configurations(sections, phase)
    return None if rows is None else [{**dict.fromkeys(sections.factors), **row} for row in rows]


def _configurations(sections: Sections, phase: Phase) -> list[Configuration] | None:
    known = phase.design.kind in LISTED
    if not known or not is_whole(sections, phase) or num_configurations(sections, phase) > MOST_CONFIGURATIONS:
        return None
    try:
        return enumerate_phase(phase, factors_in(sections, phase))
    except (DesignError, KeyError):  # what is wrong is reported where it is
        return None


def num_configurations(sections: Sections, phase: Phase) -> int:
    """Return how many configurations a phase has before exclusions; for a fraction, a lower bound."""
    of_blocks = math.prod(len(levels) for levels in blocks_in(sections, phase).values())
    return _num_of_design(sections, phase) * of_blocks


def _num_of_design(sections: Sections, phase: Phase) -> int:
    factors = varied_in(sections, phase)
    match phase.design:
        case ListDesign(rows=rows):
            return len(rows)
        case LadderDesign(factors=names):
            return 1 + len(names)
        case SamplerDesign(trials=trials):
            return trials
        case PromoteDesign(top=top):
            return top
        case FractionalDesign() as design:
            return 1 << fewest_basic(len(factors), design.resolution or 3)
        case SimpleDesign(kind=kind):
            return _num_of_kind(kind, factors)


def _num_of_kind(kind: SimpleKind, factors: Factors) -> int:
    match kind:
        case "grid":
            return math.prod(len(factor.levels) for factor in factors.values() if factor.levels is not None)
        case "plackett_burman":
            return 4 * (len(factors) // 4 + 1)
        case "one_at_a_time":
            return 1 + sum(len(factor.all_levels) - 1 for factor in factors.values())
        case "leave_one_out":
            return 1 + len(factors)


def num_trials(sections: Sections, index: int) -> int:
    """Return how many trials a phase has before exclusions and sharing."""
    phase, entry = sections.phases[index], sections.phase_entries[index]
    seeds = 1 if isinstance(phase.design, SamplerDesign) else num_seeds(entry)
    return num_configurations(sections, phase) * seeds * phase.repeats


def num_seeds(entry: PhaseEntry) -> int:
    """Return how many seeds a phase has, at most as far as there is a maximum."""
    if isinstance(entry.seeds, SeedsEntry):
        return entry.seeds.most if isinstance(entry.seeds.most, int) else entry.seeds.first
    return entry.seeds if isinstance(entry.seeds, int) else len(entry.seeds)


def levels_in(sections: Sections, phase: Phase, name: str) -> tuple[Level, ...] | None:
    """Return the levels that a phase gives a factor; None if it draws from a range."""
    source = promoted_from(sections, phase)
    if source is not None and source is not phase:
        return levels_in(sections, source, name)
    rows = compared(sections, phase)
    if rows is not None:
        return distinct_levels([row[name] for row in rows])
    factor = phase.adapt(sections.factors[name])
    if name in phase.blocks:
        return factor.levels
    if name not in varied_in(sections, phase):
        return (factor.baseline,)
    if factor.levels is None:
        return None
    return factor.all_levels if factor.when or phase.design.kind != "grid" else factor.levels


def promoted_from(sections: Sections, phase: Phase) -> Phase | None:
    """Return the phase whose design draws a phase's configurations: itself, or where its promotions begin."""
    seen: set[str] = set()
    while isinstance(phase.design, PromoteDesign):
        source = phase.design.phase
        if source in seen:
            return None
        seen.add(source)
        found = next((each for each in sections.phases.values() if each.name == source), None)
        if found is None:
            return None
        phase = found
    return phase


def matching(rows: list[Configuration], levels: Mapping[str, Level]) -> Iterator[Configuration]:
    """Yield the configurations that have some levels."""
    return (row for row in rows if has_levels(row, levels))


def arm_row(sections: Sections, phase: Phase, levels: Mapping[str, Level]) -> Configuration:
    """Return an arm's configuration: its levels and the phase's baseline, without the phase's blocks."""
    row = {name: phase.adapt(factor).baseline for name, factor in sections.factors.items() if name not in phase.blocks}
    return {**row, **{name: sections.factors[name].canonical(level) for name, level in levels.items()}}


class OfPhase(Protocol):
    """The trials of one configuration in a phase."""

    @property
    def phase(self) -> str:
        """The phase's name."""

    @property
    def levels(self) -> Mapping[str, Level]:
        """The levels that are not the phase's baselines."""


def known_rows(sections: Sections, arms: Iterable[OfPhase]) -> list[tuple[str, Configuration]] | None:
    """Return the configurations of arms with their phases; None if a phase or a factor of one is not known."""
    phases = {phase.name: phase for phase in sections.phases.values()}
    named = list(arms)
    if not all(arm.phase in phases and sections.factors.keys() >= arm.levels.keys() for arm in named):
        return None
    return [(arm.phase, arm_row(sections, phases[arm.phase], arm.levels)) for arm in named]


def with_baselines(sections: Sections, phase: Phase, levels: Mapping[str, Level]) -> Configuration:
    """Return an arm's configuration without the factors that have no baseline, unless it names them.

    Such a factor may have any level in it, as in the analysis.
    """
    row = arm_row(sections, phase, levels)
    return {
        name: level for name, level in row.items() if name in levels or phase.adapt(sections.factors[name]).has_baseline
    }
