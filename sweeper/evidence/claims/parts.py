"""What a claim names in a study's runs, and the part that a comparison of them makes."""

from sweeper.designs.levels import level_key
from sweeper.evidence.claims.arm_wording import arm_text
from sweeper.evidence.claims.evidence import Part, require, require_levels
from sweeper.evidence.data.arms import arm_cells
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.comparison import Comparison, infer, raw_mean
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.spec.claim import Arm


def phase_of(runs: Runs, name: str) -> PhaseRuns:
    """Return the runs of a phase that a claim names."""
    require(name in runs.phases, f"the study has no phase {name}")
    return runs.phases[name]


def cells_of(runs: Runs, arm: Arm) -> tuple[Cell, ...]:
    """Return the cells of one configuration of a phase, see `arm_cells`."""
    phase, levels = phase_of(runs, arm.phase), {factor: level_key(level) for factor, level in arm.levels.items()}
    for factor, key in levels.items():
        require_levels(phase, (factor, key, key))
    found = arm_cells(phase, levels)
    rest = " with everything else at the baseline" if arm.levels else ""
    require(bool(found), f"the study has no trial of {arm_text(arm, runs.arm_names)}{rest}")
    return found


def part_of(runs: Runs, label: str, comparison: Comparison) -> Part:
    """Return the part of a claim that a comparison makes; a percentage is relative to the runs that it starts from."""
    started = [cell for unit in comparison.complete for cell, weight in unit.terms if weight < 0]
    return Part(
        label=label,
        comparison=comparison,
        estimate=infer(comparison),
        mean_from=raw_mean(started),
        started=tuple(started),
        worsens=runs.measure.sign,
    )
