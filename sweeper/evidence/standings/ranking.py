"""Means of the configurations of one stratum and budget, their intervals, and their comparison with the best.

The interval of a mean is about what the configuration gives with any seeds: it rests on the spread of runs within
configurations, pooled over those that vary alike. Seeds may move all configurations together. That part of the spread
has only the degrees of freedom of the seeds, so that those of the whole are Satterthwaite's.

Comparisons rest on the differences of runs of the same seed, where all ranked configurations ran with the same seeds:
then what a seed does to all of them cancels. Otherwise they rest on the spread within configurations, which is valid
whatever seeds do, and wider where they do much. A configuration that varies clearly more than the others (the F test of
`pooling`) has a variance of its own.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Final

import numpy as np
from scipy import special

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.data.pool import Pool
from sweeper.evidence.standings.standing import Spread
from sweeper.evidence.statistics.mcb import Means, compare_with_best, possible_ranks
from sweeper.evidence.statistics.paired import pooled_variance, satterthwaite
from sweeper.evidence.statistics.pooling import Stratum, stratum_variance

NO_REPEATS: Final = "no configuration was repeated with another seed, so that no spread is known"
LEVEL: Final = 0.95
# The level of the F test at which a configuration has a variance of its own: at most the first, and the second over the
# number of configurations. Chosen by simulation: docs/statistics.md has the rates.
MOST_VARYING: Final = 0.1
VARIES: Final = 1.0
# Over their number, at which it no longer speaks for the others.
LEAVES: Final = 0.02


@dataclass(frozen=True, slots=True)
class Variance:
    """A variance and its degrees of freedom, which need not be whole."""

    variance: float
    df: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What `Standing` has of the same names, on the measure's scale."""

    mean: float
    low: float = math.nan
    high: float = math.nan
    gap: float = math.nan
    least_gap: float = math.nan
    largest_gap: float = math.nan
    may_be_best: bool = False
    ranks: tuple[int, int] | None = None
    alike_p: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The places of arms with runs, and how the ranked ones were compared.

    Attributes:
        means: of the ranked arms, in the order in which they were given; larger ones are better. None without a spread.
    """

    places: Mapping[str, Place] = field(repr=False)
    spread: Spread
    method: str
    means: Means | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errors:
    """The spread of runs about their arms.

    Attributes:
        pooled: over the arms that vary alike.
        own: of those that vary more.
        p: by arm that of the F test that it varies no more than the others; empty if nothing varies.
        runs: by arm how many of its runs are independent.
        is_paired: whether what seeds do to all arms is taken out, so that only differences have this spread.
    """

    pooled: Variance
    own: Mapping[Hashable, Variance]
    p: Mapping[Hashable, float]
    runs: Mapping[str, int]
    is_paired: bool

    def of_mean(self, arm: str) -> Variance:
        """Return the variance of an arm's mean."""
        found = self.own.get(arm, self.pooled)
        return Variance(found.variance / self.runs[arm], found.df)

    def words(self, ranked: Sequence[str]) -> str:
        """Return how the ranked arms are compared, as text."""
        apart = sum(arm in self.own for arm in ranked)
        what = "runs of the same seeds compared" if self.is_paired else "spread within configurations"
        more = f"; {apart} of the configurations {'varies' if apart == 1 else 'vary'} more and " if apart else ""
        more += f"{'has its' if apart == 1 else 'have their'} own variance" if apart else ""
        return f"{what}, pooled variance, {self.pooled.df:.4g} df{more}"


def rank(cells: Mapping[str, Sequence[Cell]], ranked: Sequence[str], measure: Measure) -> Ranking:
    """Return the places of arms.

    Args:
        cells: by arm those with a value, all of one stratum; at least one each.
        ranked: the arms that are compared with the best.
        measure: of the values.
    """
    pool = Pool(cell for runs in cells.values() for cell in runs)
    places = {arm: Place(mean=fmean(cell.value for cell in runs)) for arm, runs in cells.items()}
    places |= _gaps(places, ranked, measure)
    within = _within(cells, pool)
    if within is None:
        places |= {arm: replace(places[arm], may_be_best=True) for arm in ranked}
        return Ranking(places=places, spread="unknown", method=pool.replicates.reason or NO_REPEATS)
    places = {arm: _with_interval(place, within.of_mean(arm)) for arm, place in places.items()}
    errors = _paired({arm: cells[arm] for arm in ranked}, pool) or within
    variances = [errors.of_mean(arm) for arm in ranked]
    means = Means(
        values=np.array([-measure.sign * places[arm].mean for arm in ranked]),
        variances=np.array([each.variance for each in variances]),
        dfs=np.array([each.df for each in variances]),
        shared=np.array([arm not in errors.own for arm in ranked], dtype=np.bool_),
    )
    places |= _compared(places, ranked, means)
    places |= {arm: replace(places[arm], alike_p=errors.p.get(arm, math.nan)) for arm in ranked}
    spread: Spread = "paired" if errors.is_paired else "unpaired"
    return Ranking(places=places, spread=spread, method=errors.words(ranked), means=means)


def _paired(cells: Mapping[str, Sequence[Cell]], pool: Pool) -> _Errors | None:
    """Return the spread about arm and seed, if all ranked arms ran with the same seeds, two or more; else None."""
    seeds = {tuple(cell.seed for cell in runs) for runs in cells.values()}
    if len(cells) < 2 or len(seeds) != 1 or len(next(iter(seeds))) < 2:
        return None
    runs = [cell for found in cells.values() for cell in found]
    if not pool.copies(runs[0].stratum).isdisjoint(cells):
        return None
    found = _stratum(runs, [cell.seed for cell in runs])
    if found.pooled.df == 0:
        return None
    return _Errors(
        pooled=Variance(found.pooled.variance, found.pooled.df),
        own=_own(found),
        p=found.p if found.pooled.variance > 0 else {},
        runs={arm: len(each) for arm, each in cells.items()},
        is_paired=True,
    )


def _within(cells: Mapping[str, Sequence[Cell]], pool: Pool) -> _Errors | None:
    """Return the spread within arms; None where it is unknown."""
    if not pool.cells or pool.replicates.degenerate:
        return None
    same = pool.copies(pool.cells[0].stratum)
    runs = [cell for cell in pool.cells if cell.arm not in same]
    found = _stratum(runs, [0] * len(runs))
    if found.pooled.df == 0:
        return None
    return _Errors(
        pooled=_with_seeds(found, [cell for cell in runs if cell.arm not in found.outlying]),
        own=_own(found),
        p=found.p if found.pooled.variance > 0 else {},
        runs={arm: 1 if arm in same else len(each) for arm, each in cells.items()},
        is_paired=False,
    )


def _stratum(runs: Sequence[Cell], blocks: Sequence[Hashable]) -> Stratum:
    least = sum(cell.step**2 for cell in runs) / max(len(runs), 1) / 12  # of rounding that is uniform over a step
    arms = [cell.arm for cell in runs]
    return stratum_variance(
        [cell.value for cell in runs], arms, blocks, least=least, level=LEAVES / max(len(set(arms)), 1)
    )


def _own(found: Stratum) -> dict[Hashable, Variance]:
    """Return the variances of arms that vary more than the others: at least that of the others."""
    level = min(MOST_VARYING, VARIES / max(len(found.own), 1))
    return {
        arm: Variance(max(own.variance, found.pooled.variance), own.df)
        for arm, own in found.own.items()
        if arm in found.outlying or found.p[arm] < level
    }


def _with_seeds(found: Stratum, runs: Sequence[Cell]) -> Variance:
    """Return the variance within arms, with the degrees of freedom that seeds which move all arms alike leave it."""
    variance, df = found.pooled.variance, found.pooled.df
    left = pooled_variance([cell.value for cell in runs], [cell.arm for cell in runs], [cell.seed for cell in runs])
    by_seed = df - left.df
    if left.df == 0 or by_seed == 0:
        return Variance(variance, by_seed or df)
    rest = min(left.df * left.variance / df, variance)
    return Variance(variance, satterthwaite([variance - rest, rest], [by_seed, left.df]))


def _with_interval(place: Place, variance: Variance) -> Place:
    half = float(special.stdtrit(variance.df, 0.5 + LEVEL / 2)) * math.sqrt(variance.variance)
    return replace(place, low=place.mean - half, high=place.mean + half)


def _gaps(places: Mapping[str, Place], ranked: Sequence[str], measure: Measure) -> dict[str, Place]:
    """Return the ranked arms' places with their gaps to the best other arm; none where there is no other."""
    if len(ranked) < 2:
        return {}
    behind = {arm: measure.sign * places[arm].mean for arm in ranked}
    first, second = sorted(behind.values())[:2]
    leader = min(behind, key=behind.__getitem__)
    rivals = {**dict.fromkeys(ranked, first), leader: second}
    return {arm: replace(places[arm], gap=value - rivals[arm]) for arm, value in behind.items()}


def _compared(places: Mapping[str, Place], ranked: Sequence[str], means: Means) -> dict[str, Place]:
    best, ranks = compare_with_best(means), possible_ranks(means)
    return {
        arm: replace(
            places[arm],
            least_gap=0.0 - float(best.high[position]),
            largest_gap=0.0 - float(best.low[position]),
            may_be_best=bool(best.possible[position]),
            ranks=None if ranks is None else (int(ranks[0][position]), int(ranks[1][position])),
        )
        for position, arm in enumerate(ranked)
    }
