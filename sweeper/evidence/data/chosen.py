"""What is added to the standard error of a comparison whose sides were chosen for looking best.

A configuration at its best length has a value from which the optimism of that choice is taken. How well that is known
is the optimism itself, which is the same for all of its seeds and does not show in their spread.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import Final

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.statistics.paired import Estimate

ONE_SEED: Final = "one seed does not show how much better the best of several lengths looks than it is"


def with_choice(found: Estimate, terms: Iterable[tuple[Cell, float]]) -> Estimate:
    """Return an estimate with the uncertainty of what was chosen; the same one where nothing was.

    Args:
        terms: each run with its weight.
    """
    totals: dict[Hashable, float] = defaultdict(float)
    optimism: dict[Hashable, float] = {}
    for cell, weight in terms:
        if cell.chosen != 0.0:
            totals[(cell.arm, cell.stratum)] += weight
            optimism[(cell.arm, cell.stratum)] = cell.chosen
    parts = [total * optimism[key] for key, total in totals.items() if abs(total) > 1e-12]
    if not parts:
        return found
    extra = math.fsum(part**2 for part in parts)
    if math.isnan(extra):
        return replace(found, standard_error=math.nan, df=0, method=ONE_SEED)
    return replace(found, standard_error=math.hypot(found.standard_error, math.sqrt(extra)))
