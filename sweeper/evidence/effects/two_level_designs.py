"""Whether the configurations of a phase are a two-level design, whose main effects a fit shows."""

from collections import defaultdict
from typing import Final

import numpy as np

from sweeper.evidence.data.runs import PhaseRuns
from sweeper.evidence.effects.factorial_phase import FactorialPhase

FRACTIONS: Final = ("fractional", "plackett_burman")  # designs that are balanced as declared, whatever has run
MOST_LOST: Final = 0.25  # of a fraction's configurations


def many_levels(phase: PhaseRuns) -> tuple[str, ...]:
    """Return the factors with more than two levels; blocks, which are compared within, do not count."""
    found: dict[str, dict[str, set[tuple[object, ...]]]] = defaultdict(lambda: defaultdict(set))
    for cell in phase.cells:
        for factor, key in cell.levels.items():
            found[factor][key].add(cell.block)
    return tuple(factor for factor, blocks in found.items() if len(blocks) > 2 and _overlap(blocks))


def is_balanced(fit: FactorialPhase) -> bool:
    """Return whether the configurations of a fit are a balanced fraction, or one that has lost a few of its rows.

    Each two of its columns, and each and the mean, agree in as many rows as they differ in: as many as the whole
    fraction would have, which has a multiple of four rows, or a power of two of which at most a quarter is lost.
    """
    arms = {tuple(1 if cell.levels[name] == fit.levels[name][1] else -1 for name in fit.factors) for cell in fit.cells}
    rows = np.array([(1, *arm) for arm in arms])
    products = rows.T @ rows
    return int(np.abs(products - np.diag(np.diag(products))).max()) <= _lost(len(arms))


def _overlap(blocks: dict[str, set[tuple[object, ...]]]) -> bool:
    """Return whether several levels share a block."""
    return sum(map(len, blocks.values())) > len(set.union(*blocks.values()))


def _lost(arms: int) -> int:
    """Return how many rows a balanced fraction of two levels may have lost to be left with so many."""
    power = 1 << (arms - 1).bit_length()
    few = power - arms if power - arms <= MOST_LOST * power else 0
    return max(few, -arms % 4)
