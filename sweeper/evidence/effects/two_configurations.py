"""Effects that compare two configurations, as the steps of a ladder do: by the phase that has most of their pairs.

Several phases may have both configurations, and pool the variance over other runs. Whichever phase shows the effect, it
is then the same.
"""

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import NamedTuple

from sweeper.evidence.data.cells import Cell, level_text
from sweeper.evidence.data.comparison import Comparison, paired_by_seed, with_most_pairs
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.effects.effects import Effect, effect_of_pairs


class _Side(NamedTuple):
    """A configuration at one budget, and the level by which it differs from the other."""

    arm: str
    budget: str
    level: str


def by_largest_phase(effects: Iterable[Effect], data: StudyData, runs: Runs) -> tuple[Effect, ...]:
    """Return effects, those of two configurations by the runs of the phase that has most of their pairs.

    Effects that are averages over other factors stay as they are.
    """
    every = tuple(effects)
    return every if len(runs.phases) < 2 else tuple(_by_largest(effect, data, runs) for effect in every)


def _by_largest(effect: Effect, data: StudyData, runs: Runs) -> Effect:
    sides = _sides(effect, runs.phases[effect.phase])
    if sides is None:
        return effect
    found = {name: _compared(phase, *sides) for name, phase in runs.phases.items()}
    comparison = with_most_pairs(found.values())
    phase = next(runs.phases[name] for name, each in found.items() if each is comparison)
    if phase.name == effect.phase or not comparison.complete:
        return effect
    contrast = effect.factor, sides[0].level, sides[1].level
    same = effect_of_pairs(runs.measure, phase, effect.kind, contrast, comparison, seed=data.study.seed)
    return replace(same, phase=effect.phase, design=effect.design, block=effect.block)


def _sides(effect: Effect, phase: PhaseRuns) -> tuple[_Side, _Side] | None:
    """Return both sides of an effect; None if a side has several configurations, or none."""
    if effect.kind == "main effect":
        return None
    cells = [phase.cells[place] for place in dict.fromkeys(phase.places[trial] for trial in effect.trial_ids)]
    sides: dict[str, Set[_Side]] = {}
    for cell in cells:
        level = cell.levels[effect.factor]
        text = level_text(level)
        sides[text] = {*sides.get(text, ()), _Side(cell.arm, cell.stratum[0], level)}
    start, end = sides.get(effect.level_from, set()), sides.get(effect.level_to, set())
    return (next(iter(start)), next(iter(end))) if len(start) == len(end) == 1 else None


def _compared(phase: PhaseRuns, start: _Side, end: _Side) -> Comparison:
    low, high = (_cells_of(phase, side) for side in (start, end))
    return paired_by_seed(low, high, phase.pool)


def _cells_of(phase: PhaseRuns, side: _Side) -> list[Cell]:
    return [cell for cell in phase.cells if (cell.arm, cell.stratum[0]) == (side.arm, side.budget)]
