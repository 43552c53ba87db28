"""The full factorial: every combination of all levels."""

import itertools

from sweeper.designs.factor import Factors
from sweeper.designs.levels import Configuration


def grid(factors: Factors) -> list[Configuration]:
    """Return all combinations; the last factor changes fastest.

    Raises:
        DesignError: a factor has a range.
    """
    levels = {name: factor.listed_levels for name, factor in factors.items()}
    return [dict(zip(levels, row, strict=True)) for row in itertools.product(*levels.values())]
