"""Main effects and interactions of a phase whose design is a two-level factorial, full or fractional."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.statistics.factorial import FactorialEffect, factorial_effects


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorialPhase:
    """The fit of a phase.

    Attributes:
        factors: those with two levels.
        levels: by factor the keys of its low (baseline) and high level.
        effects: main effects first, then the interactions that can be estimated.
        cells: the cells on which it rests.
        tied: by factor those that never vary without it, and are not factors of the fit.
    """

    factors: tuple[str, ...]
    levels: dict[str, tuple[str, str]]
    effects: tuple[FactorialEffect, ...] = field(repr=False)
    cells: tuple[Cell, ...] = field(repr=False)
    tied: dict[str, tuple[str, ...]] = field(default_factory=dict)


def factorial_phase(runs: Runs, phase: PhaseRuns) -> FactorialPhase | None:
    """Return the fit of one phase; None if no factor has exactly two levels in it or nothing is measured.

    Runs of a seed and corpus are a block. Of a Plackett-Burman design only main effects are fitted: its interactions
    are spread over all main effects.
    """
    measured = tuple(cell for cell in phase.cells if cell.is_measured)
    levels = {factor: pair for factor in runs.factors if (pair := _two_levels(runs, phase, factor))}
    levels = {factor: pair for factor, pair in levels.items() if not _is_block(factor, measured, pair)}
    if not levels or len(measured) < 2:
        return None
    coded, tied = _distinguished(
        {
            factor: [1.0 if cell.levels[factor] == high else -1.0 for cell in measured]
            for factor, (_, high) in levels.items()
        }
    )
    effects = factorial_effects(
        coded,
        [cell.value for cell in measured],
        [cell.block for cell in measured],
        interactions=phase.design != "plackett_burman",
    )
    kept = {factor: levels[factor] for factor in coded}
    return FactorialPhase(factors=tuple(kept), levels=kept, effects=effects, cells=measured, tied=tied)


def _distinguished(coded: dict[str, list[float]]) -> tuple[dict[str, list[float]], dict[str, tuple[str, ...]]]:
    """Return the factors whose columns differ from all earlier ones, and for each the factors with the same column."""
    groups: dict[tuple[float, ...], list[str]] = {}
    for factor, column in coded.items():
        groups.setdefault(tuple(column), []).append(factor)
    kept = {names[0]: list(column) for column, names in groups.items()}
    return kept, {names[0]: tuple(names[1:]) for names in groups.values() if len(names) > 1}


def _two_levels(runs: Runs, phase: PhaseRuns, factor: str) -> tuple[str, str] | None:
    present = list(dict.fromkeys(cell.levels[factor] for cell in phase.cells))
    if len(present) != 2:
        return None
    base = phase.baseline[factor]
    if base not in present:
        order = runs.levels[factor] or tuple(present)
        base = min(present, key=lambda key: order.index(key) if key in order else len(order))
    return base, next(key for key in present if key != base)


def _is_block(factor: str, cells: Sequence[Cell], levels: tuple[str, str]) -> bool:
    """Return whether a factor is a corpus: its levels are blocks already."""
    blocks = [{cell.block for cell in cells if cell.levels[factor] == key} for key in levels]
    return not blocks[0] & blocks[1]
