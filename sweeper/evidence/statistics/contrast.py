"""A contrast of runs: by the variance that its stratum shares, or by its own differences where the data ask for it.

1. If all arms vary alike and the effect is the same with every seed, the pooled variance of the stratum gives the most
   degrees of freedom.
2. If an arm that is compared varies more than the others (`pooling`), the contrast rests on its own differences.
3. If the effect averages several pairs of a seed, as in a grid, it may vary with the seed while the pairs of one seed
   agree. The variance is then a weighted mean of that of the seeds' differences, which has few degrees of freedom, and
   the pooled one. The larger their F ratio, the more weight has the former, and all of it from the ratio on that one of
   n studies with n seeds exceeds although no effect varies.
4. If it averages pairs of a seed in several strata, as over datasets, all of them may vary alike with the seed. Their
   variances are separate, and mostly have few degrees of freedom each, so that a weighted mean of them and that of the
   seeds would cover too much. One difference per seed counts if they vary more than the strata say, by an F test at a
   moderate level, and else the strata.

The third rule pays for what it guards against: with three seeds and no interaction, power is that of 4 to 5 degrees of
freedom. No rule can do much better, since three differences say little on their own variance. A switch between the two
variances at some level of the F test is as powerful, but covers too much on one side of it and too little on the other,
and a small change of the data changes the p-value tenfold. docs/statistics.md has the rates.
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sweeper.evidence.statistics.paired import DEGENERATE, Estimate, contrast_t, satterthwaite
from sweeper.evidence.statistics.pooling import Stratum
from sweeper.evidence.statistics.resolution import rounding_error

Floats: TypeAlias = NDArray[np.float64]

LEAST_DF: Final = 1e-9
FEWEST_DF: Final = 1.0  # of a sum of squares, such as that of the differences of two seeds
# An effect over several strata that varies with the seed at this level rests on one difference per seed. With many
# seeds that costs little, so the level is the same for any number.
ACROSS: Final = 0.2
VARIES: Final = "because the effect varies with the seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of a contrast, each once.

    Attributes:
        values: `[runs]`, on the scale compared.
        weights: `[runs]`; the effect is the weighted sum. Within each stratum and seed they sum to zero.
        arms, seeds, strata: of each run.
        steps: `[runs]`, by how much the resolution of the metric can change each value.
        reference: arms with which many others are compared.
        averaged: whether a seed has several pairs in one stratum.
        spans: whether a seed has pairs in several strata, of which the effect is the mean.
        alone: whether it compares arms of a grid that have no others to show how their change varies with the seed.
        same_change: those of all pairs that make the change of a single one, weighted to their mean, if there are more.
    """

    values: Floats
    weights: Floats
    arms: Sequence[Hashable]
    seeds: Sequence[Hashable]
    strata: Sequence[Hashable]
    steps: Floats
    reference: Collection[Hashable] = ()
    averaged: bool = False
    spans: bool = False
    alone: bool = False
    same_change: "Runs | None" = None

    @property
    def effect(self) -> float:
        """The weighted sum."""
        return float(self.weights @ self.values)


def infer_contrast(runs: Runs, variances: Mapping[Hashable, Stratum], *, n: int) -> Estimate:
    """The effect with its t-inference, by the rule of this module.

    Args:
        runs: of the contrast.
        variances: of every stratum in it, from `stratum_variance`.
        n: pairs.
    """
    own, pooled = one_difference_per_seed(runs, n=n), _pooled(runs, variances, n=n)
    if pooled is None:
        return floored(own, runs)
    if not own.decides:
        return floored(pooled, runs)
    outstanding = _outstanding(runs, variances)
    if outstanding:
        error = max(own.standard_error, _error_of_arms(runs, variances, outstanding))
        method = f"paired t, own pairs, {own.df:.4g} df, because of {_arms(len(outstanding))} more than the others"
        return floored(replace(own, standard_error=error, method=method), runs)
    if runs.averaged or runs.alone:
        return floored(between(own, pooled), runs)
    if runs.spans:
        return floored(_across(own, pooled), runs)
    return floored(pooled if runs.same_change is None else _simple(pooled, runs, variances), runs)


def one_difference_per_seed(runs: Runs, *, n: int) -> Estimate:
    """The effect by the differences of its seeds alone, each averaged over all pairs of the seed, whatever the stratum.

    Seeds that lack pairs have less weight. Student's t of the weighted mean; with equal weights it is the paired t of
    the seeds' averages. It assumes nothing but that seeds are independent draws.

    Args:
        runs: of the contrast.
        n: pairs.
    """
    shares, differences = _by_seed(runs)
    concentration = float(shares @ shares)
    df = 1.0 / concentration - 1.0 if concentration > 0 else 0.0
    if df < LEAST_DF:
        return Estimate(value=runs.effect, standard_error=math.nan, df=0, n=n, method="a single seed has no interval")
    df = max(df, FEWEST_DF)
    spread = float(shares @ (differences - runs.effect) ** 2) / (1.0 - concentration)
    error = math.sqrt(spread * concentration)
    if error <= DEGENERATE * float(np.abs(runs.values).max(initial=0.0)):
        error = 0.0
    return Estimate(
        value=runs.effect, standard_error=error, df=df, n=n, method=f"paired t, one difference per seed, {df:.4g} df"
    )


def between(own: Estimate, pooled: Estimate, *, fit: str = "paired t", each: str = "difference") -> Estimate:
    """The effect with a variance between that of its seeds' differences and the pooled one.

    The seeds' differences are part of the pooled residuals; they are taken out of it, so that the two mean squares are
    independent. The degrees of freedom of their weighted mean are Satterthwaite's. Where less than one is left, as of
    strata with different numbers of seeds, the rest is no mean square: the larger variance counts.

    Args:
        own: from `one_difference_per_seed`.
        pooled: of the same contrast.
        fit: how the effect was estimated, as text.
        each: what a seed gives, as text.
    """
    left = pooled.df - own.df
    if left <= 0:
        return pooled
    if left < FEWEST_DF:
        return _larger(own, pooled, f"{fit}, the larger variance of by seed and pooled")
    square, rest = _mean_squares(own, pooled)
    weight = float(weight_by_seed(square / rest, own.df, left)) if rest > 0 else 1.0
    parts = [weight * square, (1.0 - weight) * rest]
    df = satterthwaite(parts, [own.df, left])
    method = f"{fit}, variance by seed and pooled, {df:.3g} df"
    if weight == 1.0 and square > 0:
        df, method = own.df, f"{fit}, one {each} per seed, {own.df:.4g} df, {VARIES}"
    return replace(own, standard_error=math.sqrt(sum(parts)), df=df, method=method)


def _larger(own: Estimate, pooled: Estimate, method: str) -> Estimate:
    """The effect with the larger of two variances that nothing tells apart, and the fewer degrees of freedom."""
    df, error = min(own.df, pooled.df), max(own.standard_error, pooled.standard_error)
    return replace(own, standard_error=error, df=df, method=f"{method}, {df:.4g} df")


def _across(own: Estimate, pooled: Estimate) -> Estimate:
    """The effect over several strata: by one difference per seed if these vary more than the strata's variances say."""
    left = pooled.df - own.df
    if left <= 0:
        return pooled
    square, rest = _mean_squares(own, pooled)
    if square == 0 or (rest > 0 and special.fdtrc(own.df, left, square / rest) > ACROSS):
        return pooled
    return replace(own, method=f"paired t, one difference per seed, {own.df:.4g} df, {VARIES}")


def _simple(pooled: Estimate, runs: Runs, variances: Mapping[Hashable, Stratum]) -> Estimate:
    """The effect of one pair a seed, by what the mean of all pairs with its change shows of how that varies by seed."""
    alike = runs.same_change
    assert alike is not None
    own, all_pairs = one_difference_per_seed(alike, n=pooled.n), _pooled(alike, variances, n=pooled.n)
    if all_pairs is None or not own.decides or all_pairs.df - own.df < FEWEST_DF:
        return pooled
    square, rest = _mean_squares(own, all_pairs)
    further = len(alike.values) / len(runs.values) - 1.0
    parts, dfs = [square, further * rest], [own.df, all_pairs.df - own.df]
    if sum(parts) == 0:
        return pooled
    df = satterthwaite(parts, dfs)
    method = f"paired t, variance by seed and pooled, {df:.3g} df{_left_out(variances)}"
    return replace(pooled, standard_error=math.sqrt(sum(parts)), df=df, method=method)


def _mean_squares(own: Estimate, pooled: Estimate) -> tuple[float, float]:
    """That of the seeds' differences, and that of the rest of the pooled residuals, as squares of standard errors."""
    square = own.standard_error**2
    rest = max(pooled.df * pooled.standard_error**2 - own.df * square, 0.0) / (pooled.df - own.df)
    return square, rest


def weight_by_seed(ratio: ArrayLike, own: float, rest: float) -> Floats:
    """The weight of the variance of the seeds' differences beside the pooled one.

    Args:
        ratio: of the two mean squares.
        own, rest: their degrees of freedom.
    """
    usual = special.fdtri(own, rest, own / (own + 1.0))
    return np.asarray(np.minimum(np.sqrt(np.asarray(ratio) / usual), 1.0))


def _by_seed(runs: Runs) -> tuple[Floats, Floats]:
    """The weight of each seed in the effect, and its difference."""
    names = {seed: place for place, seed in enumerate(dict.fromkeys(runs.seeds))}
    places = np.array([names[seed] for seed in runs.seeds], dtype=np.int64)
    size = np.bincount(places, weights=np.abs(runs.weights), minlength=len(names))
    sums = np.bincount(places, weights=runs.weights * runs.values, minlength=len(names))
    shares = size / max(float(size.sum()), DEGENERATE)
    return shares, np.divide(sums, shares, out=np.zeros(len(names)), where=shares > 0)


def _pooled(runs: Runs, variances: Mapping[Hashable, Stratum], *, n: int) -> Estimate | None:
    """By the strata's pooled variances; None where one of them has no degrees of freedom."""
    strata = {stratum: variances[stratum] for stratum in dict.fromkeys(runs.strata)}
    if any(each.pooled.df == 0 for each in strata.values()):
        return None
    pools = {stratum: each.pooled for stratum, each in strata.items()}
    found = contrast_t(runs.effect, np.abs(runs.weights), runs.strata, pools, n=n)
    return replace(found, method=f"{found.method}{_left_out(strata)}")


def _left_out(strata: Mapping[Hashable, Stratum]) -> str:
    """The arms that left the pool, as text."""
    gone = sum(len(each.outlying) for each in strata.values())
    return f", without {_arms(gone)} more" if gone else ""


def _outstanding(runs: Runs, variances: Mapping[Hashable, Stratum]) -> set[tuple[Hashable, Hashable]]:
    """The arms of the contrast that vary more than the others of their stratum.

    The reference, with which many arms are compared, counts only if it varies most of all, at a smaller level: its own
    pairs take the degrees of freedom from all comparisons of a study at once. The many arms of an average count if they
    left the pool: their variances average out, and it has a test of its own.
    """
    arms = list(dict.fromkeys(zip(runs.strata, runs.arms, strict=True)))
    tested = 0 if runs.averaged else max(sum(arm not in runs.reference for _, arm in arms), 1)
    return {
        (stratum, arm)
        for stratum, arm in arms
        if variances[stratum].stands_out(arm, among=tested, is_reference=arm in runs.reference)
    }


def _error_of_arms(
    runs: Runs, variances: Mapping[Hashable, Stratum], outstanding: Collection[tuple[Hashable, Hashable]]
) -> float:
    """The standard error that the arms' own variances give: differences of few seeds can be small by chance."""
    total = 0.0
    for weight, arm, stratum in zip(runs.weights.tolist(), runs.arms, runs.strata, strict=True):
        found = variances[stratum]
        variance = found.pooled.variance
        if (stratum, arm) in outstanding and arm in found.own:
            variance = max(variance, found.own[arm].variance)
        total += weight**2 * variance
    return math.sqrt(total)


def _arms(count: int) -> str:
    return "1 arm that varies" if count == 1 else f"{count} arms that vary"


def floored(found: Estimate, runs: Runs) -> Estimate:
    """With a standard error no smaller than what the resolution of the metric gives."""
    least = rounding_error(runs.weights, runs.steps)
    if not found.decides or found.standard_error >= least:
        return found
    return replace(found, standard_error=least, method=f"{found.method}, at the metric's resolution")


def make_runs(
    values: ArrayLike,
    weights: ArrayLike,
    arms: Sequence[Hashable],
    seeds: Sequence[Hashable],
    strata: Sequence[Hashable],
    *,
    steps: ArrayLike | None = None,
    reference: Collection[Hashable] = (),
    averaged: bool = False,
    spans: bool = False,
) -> Runs:
    """The runs of a contrast from any array-likes; without steps the metric has no known resolution."""
    found = np.asarray(values, dtype=np.float64)
    return Runs(
        values=found,
        weights=np.asarray(weights, dtype=np.float64),
        arms=arms,
        seeds=seeds,
        strata=strata,
        steps=np.zeros(found.shape) if steps is None else np.asarray(steps, dtype=np.float64),
        reference=reference,
        averaged=averaged,
        spans=spans,
    )
