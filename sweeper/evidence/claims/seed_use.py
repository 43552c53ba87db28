"""Whether the runs that a claim compares differ between seeds by more than a machine's own noise.

A program that ignores its seed gives copies, which decide nothing. On a GPU, sums are not always added in the same
order, so that the copies differ in their last digits, and look like quiet runs. What a seed does to a training, another
initialization and order of the data, changes its value by 0.02% at the very least, in the largest of language models;
32-bit rounding changes it by 0.00001%, and by a few times 0.0001% where it adds up. The bound lies between.
"""

import math
from collections.abc import Iterator
from typing import Final

from sweeper.evidence.claims.evidence import Evidence, Part

QUIET: Final = 1e-5  # of the values: how far runs of one configuration are apart where no seed is at work
ROUNDING: Final = 1e-9  # of the digit that is rounded up
FEWEST: Final = 2  # repeats: two runs alone may agree by chance


def seed_note(found: Evidence) -> str:
    """Return a note if runs of a configuration differ by so little that seeds may do nothing; empty if they do not.

    It is in no p-value: nothing but the size of the differences shows it.
    """
    for part in found.parts:
        sides = [list(_spreads(part, up=up)) for up in (False, True)]
        quiet = [side for side in sides if side and max(spread for spread, _ in side) <= QUIET]
        repeats = sum(count - 1 for side in quiet for _, count in side)
        largest = max((spread for side in quiet for spread, _ in side), default=0.0)
        if largest > 0 and repeats >= FEWEST:
            where = "" if len(quiet) == sum(map(bool, sides)) else " on one side of the comparison"
            runs = f"Runs of the same configuration{where} differ by at most {_percent(largest)}"
            return f"{runs}: does the program use its seed?"
    return ""


def _percent(share: float) -> str:
    """Return a small share in percent, rounded up to one digit, e.g. 0.0001%."""
    exponent = math.floor(math.log10(100.0 * share))
    digit = math.ceil(100.0 * share / 10.0**exponent - ROUNDING)
    return f"{digit * 10.0**exponent:.{max(-exponent, 0)}f}%"


def _spreads(part: Part, *, up: bool) -> Iterator[tuple[float, int]]:
    """Yield how far the runs of each configuration of a side are apart, over their size, and how many they are."""
    values: dict[tuple[str, tuple[str, ...]], dict[int, float]] = {}
    for unit in part.comparison.complete:
        for cell, weight in unit.terms:
            if (weight > 0) == up:
                values.setdefault((cell.arm, cell.stratum), {})[cell.seed] = cell.raw
    for runs in values.values():
        size = max(map(abs, runs.values()))
        if len(runs) > 1 and size > 0:
            yield (max(runs.values()) - min(runs.values())) / size, len(runs)
