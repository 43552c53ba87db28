"""The configurations that claims name: a phase and levels, all other factors at their baselines."""

from collections.abc import Mapping
from typing import Any

from sweeper.evidence.claims.parts import Untestable
from sweeper.evidence.data.cells import Cell, baseline_key, blocks_of, cells, level_key
from sweeper.evidence.data.comparison import matching
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure

Arm = Mapping[str, Any]


def require(condition: bool, message: str) -> None:
    """Says that a claim cannot be tested, unless the condition holds."""
    if not condition:
        raise Untestable(message)


def phase_cells(data: StudyData, phase: str, measure: Measure) -> tuple[Cell, ...]:
    """The cells of a phase."""
    require(phase in data.members, f"the study has no phase {phase}")
    return cells(data, phase, measure)


def arm_cells(data: StudyData, arm: Arm, measure: Measure) -> tuple[Cell, ...]:
    """The cells of one configuration of a phase.

    A factor that the arm does not name is at its baseline, one at whose levels the phase repeats its design (blocks)
    at all of them. Where the phase has no trial at a baseline, as in a phase over one corpus that is not the baseline,
    the factor may have any level.
    """
    everything = phase_cells(data, arm["phase"], measure)
    found = matching(everything, {factor: level_key(level) for factor, level in (arm.get("levels") or {}).items()})
    for factor in [each for each in data.factors if each not in blocks_of(data, arm["phase"])]:
        at_baseline = matching(found, {factor: baseline_key(data, factor, arm["phase"])})
        if factor not in (arm.get("levels") or {}) and at_baseline:
            found = at_baseline
    require(bool(found), f"no trial of the study is {arm_words(arm)}")
    return found


def arm_words(arm: Arm) -> str:
    """An arm in words, e.g. ``depth = 4 in screen``."""
    levels = arm.get("levels") or {}
    named = ", ".join(
        f"{factor} = {level if isinstance(level, str) else level_key(level)}" for factor, level in levels.items()
    )
    return f"{named or 'the baseline'} in {arm['phase']}"
