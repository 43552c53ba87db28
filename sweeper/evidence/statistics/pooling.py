"""One variance for the runs of a stratum, and which of its arms do not share it.

Runs of one budget and corpus are taken to vary alike, so that few seeds of many arms give many degrees of freedom. That
is a model, and data can show that it does not hold: one arm of 13 with ten times the spread would make its own interval
far too short and everybody else's too long. So each arm is tested against the rest by the F test of the two variances.

Pooling that depends on a test is the "sometimes pool" procedure (Bancroft 1944, Ann. Math. Stat. 15; Paull 1950, ibid.
21; Bozivich, Bancroft and Hartley 1956, ibid. 27), whose level decides between coverage and power: with three seeds,
much of the harm goes unseen at the usual 5 %. These levels were chosen by simulation; docs/statistics.md has the rates.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sweeper.evidence.statistics.paired import DEGENERATE, PooledVariance
from sweeper.evidence.statistics.two_way import Flags, Floats, Sums, arm_sums, informative

LEAVES_POOL: Final = 0.02  # an arm that stands out at this level no longer speaks for the others
# Over the number of seeds: an arm that stands out at that level is judged by its own pairs. An arm with a few times the
# spread of the others mostly varies most of all, so the one that does can be tested at a large level at little cost.
MOST_VARYING: Final = 0.43
OWN_PAIRS: Final = 0.12
# The same for the arm that many others are compared with, if it varies most: all comparisons pay for its own pairs.
REFERENCE: Final = 0.2


@dataclass(frozen=True, slots=True)
class _Variances:
    """Variances and their degrees of freedom, `[...]`."""

    variance: Floats
    df: Floats

    def at_least(self, noise: float | Floats, least: float) -> "_Variances":
        """With what is only rounding in sums as 0, and then not below the least."""
        return _Variances(np.maximum(np.where(self.variance <= noise, 0.0, self.variance), least), self.df)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The variance of one run about its arm and block in one stratum.

    Attributes:
        pooled: over the arms that vary alike.
        own: of each arm with two runs or more its own variance, about the blocks as the other arms give them.
        p: of each of those the p-value of the F test that it varies no more than the others.
        outlying: the arms that left the pool.
    """

    pooled: PooledVariance
    own: Mapping[Hashable, PooledVariance]
    p: Mapping[Hashable, float]
    outlying: frozenset[Hashable]

    @property
    def most_varying(self) -> Hashable:
        """The arm that stands out most; None if there is none."""
        return min(self.p, key=self.p.__getitem__, default=None)

    def stands_out(self, arm: Hashable, *, among: int = 1, is_reference: bool = False) -> bool:
        """Whether an arm varies so much more than the others that a comparison of it should rest on its own pairs.

        Args:
            arm: that is compared.
            among: how many arms of the comparison are tested, which share the level; 0 where only arms that left the
                pool count.
            is_reference: whether many arms are compared with it; then it must vary most of all.
        """
        if arm in self.outlying:
            return True
        found, is_most = self.own.get(arm), arm == self.most_varying
        if found is None or among == 0:
            return False
        if is_reference:
            return is_most and self.p[arm] < REFERENCE / (found.df + 1)
        return self.p[arm] < (MOST_VARYING if is_most else OWN_PAIRS) / (found.df + 1) / among


def stratum_variance(
    values: ArrayLike,
    arms: Sequence[Hashable],
    blocks: Sequence[Hashable],
    *,
    least: float = 0.0,
    level: float = LEAVES_POOL,
) -> Stratum:
    """Pool the residual variance of value = arm + block over the arms of a stratum that vary alike.

    The arm that stands out most leaves the pool, then the next, while there is one at the level and at least half of
    the arms are left.

    Args:
        values: `[runs]`, finite.
        arms: the arm of each run.
        blocks: the block of each run, e.g. its seed.
        least: the variance that one run has at least, by the resolution of the metric.
        level: of the F test by which an arm leaves the pool; 0 keeps all of them.
    """
    used = informative(arms, blocks)
    if not used.any():
        return Stratum(pooled=PooledVariance(math.nan, 0), own={}, p={}, outlying=frozenset())
    found = np.asarray(values, dtype=np.float64)[used]
    arms, blocks = ([name for name, keep in zip(each, used, strict=True) if keep] for each in (arms, blocks))
    names = list(dict.fromkeys(arms))
    noise = _rounding(found, arms, names)
    each, kept, own, p = _those_alike(lambda kept: arm_sums(found, arms, blocks, kept), noise, least, level)
    square, df = each.over(kept).residual()
    pooled = _mean_square(square, df).at_least(_usual(noise[kept]), least)
    tested = [place for place in range(len(names)) if own.df[place] > 0]
    return Stratum(
        pooled=PooledVariance(float(pooled.variance), int(pooled.df)) if df > 0 else PooledVariance(math.nan, 0),
        own={names[place]: PooledVariance(float(own.variance[place]), int(own.df[place])) for place in tested},
        p={names[place]: float(p[place]) for place in tested},
        outlying=frozenset(names[place] for place in np.flatnonzero(~kept)),
    )


def _those_alike(
    sums: Callable[[Flags], Sums], noise: Floats, least: float, level: float
) -> tuple[Sums, Flags, _Variances, Floats]:
    """The sums of each arm, which arms stay in the pool, and of each arm its own variance and the p-value of its test.

    After an arm has left, the others are fitted anew: beside values of 1e9 theirs are lost in rounding.
    """
    kept = np.ones(len(noise), dtype=np.bool_)
    while True:
        each = sums(kept)
        own, rest = _own_and_rest(each, kept)
        own, rest = own.at_least(noise, least), rest.at_least(_usual(noise[kept]), least)
        p = _larger(own, rest)
        candidates = np.where(kept, p, 1.0)
        worst = int(np.argmin(candidates))
        if not candidates[worst] < level or 2 * (kept.sum() - 1) < len(kept):
            return each, kept, own, p
        kept[worst] = False


def _rounding(values: Floats, arms: Sequence[Hashable], names: Sequence[Hashable]) -> Floats:
    """The variance that rounding in sums may give to values of the size of each arm's, `[arms]`."""
    places = {name: place for place, name in enumerate(names)}
    sizes = np.zeros(len(names))
    np.maximum.at(sizes, [places[arm] for arm in arms], np.abs(values))
    return np.asarray((DEGENERATE * sizes) ** 2)


def _usual(noise: Floats) -> float:
    """The lower median: an arm with huge values says nothing of rounding in the others."""
    return float(np.sort(noise)[(len(noise) - 1) // 2]) if len(noise) else 0.0


def _own_and_rest(each: Sums, kept: Flags) -> tuple[_Variances, _Variances]:
    """Each arm's own variance, and that of all other arms in the pool, which is independent of it."""
    rest = each.over(kept).without(each, kept)
    rest_square, rest_df = rest.residual()
    square, df = (rest + each).residual()
    return _mean_square(np.maximum(square - rest_square, 0.0), df - rest_df), _mean_square(rest_square, rest_df)


def _mean_square(square: Floats, df: Floats) -> _Variances:
    return _Variances(np.asarray(square / np.maximum(df, 1.0)), df)


def _larger(own: _Variances, rest: _Variances) -> Floats:
    """One-sided p-values of the F test that each arm varies more than the rest; 1 where it cannot be tested."""
    testable = (own.df > 0) & (rest.df > 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(own.variance > 0, own.variance / rest.variance, 0.0)
    p = special.fdtrc(np.maximum(own.df, 1.0), np.maximum(rest.df, 1.0), ratio)
    return np.where(testable, p, 1.0)
