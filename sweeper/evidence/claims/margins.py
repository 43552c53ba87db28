"""Margins in percent of a metric on a linear scale: they are shares of a mean, whose error is part of the test.

Whether an effect is beyond a share c of the mean that it starts from is the question whether end - (1 + c) start is
above 0 (Fieller 1954, J. Royal Statistical Society B 16). What all runs of a seed share cancels in the difference, but
not in that: a margin of 5% of runs whose seeds vary by 30% is itself uncertain by 1.5% of the mean of a run. Its error
is added to that of the effect. So the test allows for it, and so does the interval, which is set beside the margin.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final

from sweeper.evidence.claims.evidence import Part
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.statistics.paired import satterthwaite
from sweeper.spec.claim import ArmContrast, Claim, Constant, Contrast

UNKNOWN: Final = "one seed does not show how the mean varies of which the margin is a share"


def with_margin_error(part: Part, claim: Claim, measure: Measure) -> Part:
    """Return a part whose standard error has that of its margin, if that is a share of a mean that was measured."""
    shares = [] if measure.is_log or isinstance(claim.statement, Constant) else _shares(part, claim)
    found = part.estimate
    if not any(shares) or not found.decides:
        return part
    variance, seeds = _variance_of_mean(part.started)
    if seeds < 2:
        return replace(part, estimate=replace(found, standard_error=math.nan, df=0, method=UNKNOWN))
    is_difference = isinstance(claim.statement, Contrast | ArmContrast)
    share = max(shares, key=lambda c: (1.0 + c) * found.standard_error**2 + c**2 * variance)
    # The difference and the mean that it starts from have the negative half of the difference's variance in common.
    factor = max(1.0 + share, 0.0) if is_difference else 1.0 + abs(share)
    parts = [factor * found.standard_error**2, share**2 * variance]
    df = satterthwaite(parts, [found.df, seeds - 1])
    method = f"{found.method}; with the error of the margin {df:.4g} df"
    return replace(part, estimate=replace(found, standard_error=math.sqrt(sum(parts)), df=df, method=method))


def _shares(part: Part, claim: Claim) -> list[float]:
    """Return each bound of a part's region as a share of the mean that the effect starts from; none if it is none."""
    if not any(isinstance(margin, str) for margin in (claim.at_least, claim.within)) or not part.mean_from:
        return []
    return [bound / part.mean_from for bound in (part.region.low, part.region.high) if bound is not None]


def _variance_of_mean(cells: Sequence[Cell]) -> tuple[float, int]:
    """Return the variance of the mean of some cells, and how many seeds show it: runs of one seed may vary together."""
    arms: dict[Hashable, list[float]] = defaultdict(list)
    for cell in cells:
        arms[cell.arm, cell.stratum].append(cell.value)
    means = {arm: fmean(values) for arm, values in arms.items()}
    seeds: dict[int, float] = defaultdict(float)
    for cell in cells:
        seeds[cell.seed] += (cell.value - means[cell.arm, cell.stratum]) / len(cells)
    n = len(seeds)
    return (sum(total**2 for total in seeds.values()) * n / (n - 1) if n > 1 else math.nan), n
