"""Main effects and interactions of a phase whose design is a two-level factorial, full or fractional."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sweeper.evidence.data.cells import Cell, baseline_key, cells, factor_spec, level_key
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.statistics.factorial import FactorialEffect, factorial_effects


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorialPhase:
    """The fit of a phase.

    Attributes:
        phase: its name.
        factors: those with two levels.
        levels: of each factor the keys of its low (baseline) and high level.
        effects: main effects first, then the interactions that can be told apart.
        cells: the cells that it rests on.
        tied: of a factor those that are never varied without it, and are no factors of the fit.
    """

    phase: str
    factors: tuple[str, ...]
    levels: dict[str, tuple[str, str]]
    effects: tuple[FactorialEffect, ...] = field(repr=False)
    cells: tuple[Cell, ...] = field(repr=False)
    tied: dict[str, tuple[str, ...]] = field(default_factory=dict)


def factorial_phase(data: StudyData, phase: str, measure: Measure) -> FactorialPhase | None:
    """The fit of one phase; None where no factor has exactly two levels in it or nothing is measured.

    Runs of a seed and corpus are a block. Of a Plackett-Burman design main effects alone are fitted: its interactions
    are spread over all main effects.
    """
    design = next(each.design for each in data.phases if each.name == phase)
    wanted = cells(data, phase, measure)
    runs = tuple(cell for cell in wanted if cell.measured)
    levels = {factor: pair for factor in data.factors if (pair := _two_levels(data, phase, factor, wanted))}
    levels = {factor: pair for factor, pair in levels.items() if not _is_block(factor, runs, pair)}
    if not levels or len(runs) < 2:
        return None
    coded, tied = _told_apart(
        {
            factor: [1.0 if cell.levels[factor] == high else -1.0 for cell in runs]
            for factor, (_, high) in levels.items()
        }
    )
    effects = factorial_effects(
        coded,
        [cell.value for cell in runs],
        [cell.block for cell in runs],
        interactions=design != "plackett_burman",
    )
    kept = {factor: levels[factor] for factor in coded}
    return FactorialPhase(phase=phase, factors=tuple(kept), levels=kept, effects=effects, cells=runs, tied=tied)


def _told_apart(coded: dict[str, list[float]]) -> tuple[dict[str, list[float]], dict[str, tuple[str, ...]]]:
    """The factors whose levels are not those of an earlier one in every run, and of each those that are tied to it."""
    groups: dict[tuple[float, ...], list[str]] = {}
    for factor, column in coded.items():
        groups.setdefault(tuple(column), []).append(factor)
    kept = {names[0]: list(column) for column, names in groups.items()}
    return kept, {names[0]: tuple(names[1:]) for names in groups.values() if len(names) > 1}


def _two_levels(data: StudyData, phase: str, factor: str, runs: Sequence[Cell]) -> tuple[str, str] | None:
    present = list(dict.fromkeys(cell.levels[factor] for cell in runs))
    if len(present) != 2:
        return None
    base = baseline_key(data, factor, phase)
    if base not in present:
        order = [level_key(level) for level in factor_spec(data, factor).get("levels") or present]
        base = min(present, key=lambda key: order.index(key) if key in order else len(order))
    return base, next(key for key in present if key != base)


def _is_block(factor: str, runs: Sequence[Cell], levels: tuple[str, str]) -> bool:
    """Whether a factor is a corpus: its levels are blocks already."""
    blocks = [{cell.block for cell in runs if cell.levels[factor] == key} for key in levels]
    return not blocks[0] & blocks[1]
