"""How many seeds would decide a claim: planned on a margin, never on the effect that was observed.

Power "were the effect as found" is only the p-value in another form (Hoenig and Heisey 2001, The American Statistician
55): undecided claims always seem to need about twice the seeds. So the truth that is planned for lies at the margin's
distance from the bound that is to be shown: no effect, where equality or no worsening within a margin is claimed;
twice the margin, where at least that margin is. A claim without a margin names no effect to plan for.

A standard deviation from few runs is uncertain, and planned on the estimate half of all studies are too small. It is
therefore planned on the upper 80 % limit (Browne 1995, Statistics in Medicine 14, pp. 1933-1940).
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from sweeper.evidence.statistics.contrast import ACROSS, weight_by_seed
from sweeper.evidence.statistics.pooling import LEAVES_POOL, MOST_VARYING, OWN_PAIRS, REFERENCE
from sweeper.evidence.statistics.power import POWER, power_one_sided
from sweeper.evidence.statistics.two_way import Floats

MOST_SEEDS: Final = 50  # beyond, "more than 50": no plan holds that far, and nobody pays for it
SD_LIMIT: Final = 0.8
FEWEST_SEEDS: Final = 2
DOUBLINGS: Final = 40
ACCURACY: Final = 1e-6  # of a distance, relative
QUANTILES: Final = 32
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What more seeds of a comparison would bring.

    Attributes:
        pairs_per_seed: pairs that each seed adds.
        df_per_seed: degrees of freedom of the pooled variance that each seed beyond the first adds.
        averaged: whether a seed has several pairs in one stratum.
        spans: whether a seed has pairs in several strata.
        share_by_seed: the part of a single pair's variance that the seeds' average changes estimate: its part of all
            pairs that make its change in a grid, and 1 where it makes it alone.
    """

    pairs_per_seed: float = 1.0
    df_per_seed: float = 1.0
    averaged: bool = False
    spans: bool = False
    share_by_seed: float = 1.0

    def chance_of_own_pairs(self, seeds: int) -> float:
        """How often an effect is judged by its own differences although all arms, and all seeds, vary alike."""
        if self.df_per_seed <= 1.0:
            return 0.0
        arms, level = self.df_per_seed + 1.0, MOST_VARYING / seeds
        independent, reference = (
            (1.0 - math.pow(1.0 - each, arms)) / arms  # one arm varies most, and at that level
            for each in (level, REFERENCE / seeds)
        )
        # An arm that varies more makes the others vary less beside it: they hardly ever stand out together. Simulated
        # rates lie halfway to that.
        outlying = max((independent + level) / 2.0, OWN_PAIRS / seeds) + reference + LEAVES_POOL
        return outlying + (1.0 - outlying) * ACROSS if self.spans else outlying


def upper_sd(sd: float, df: float, *, level: float = SD_LIMIT) -> float:
    """The one-sided upper confidence limit of a standard deviation: s sqrt(df / chi2 quantile of 1 - level).

    Args:
        sd: as estimated.
        df: its degrees of freedom; the limit is infinite without any, and the value itself if it is known for certain
            (infinite degrees of freedom).
        level: of confidence.
    """
    if math.isinf(df):
        return sd
    least = float(special.chdtri(df, level)) if df > 0 else 0.0
    return sd * math.sqrt(df / least) if least > 0 else math.inf


def power_equivalence(offset: float, half: float, error: float, df: float, *, alpha: float = 0.05) -> float:
    """The probability that two one-sided tests show an effect to lie within -half and half.

    Both tests use one standard error, so that their joint power is not the sum of both: it is the integral of the
    normal probability of the rejection region over the distribution of the standard error (Phillips 1990, J.
    Pharmacokinetics and Biopharmaceutics 18; Owen's 1965 Q functions), here by Gauss-Legendre quadrature.

    Args:
        offset: the true effect.
        half: the margin, > 0.
        error: the true standard error of the effect.
        df: degrees of freedom of its estimate.
        alpha: level of each test.
    """
    if df <= 0 or half <= 0:
        return 0.0
    if error == 0:
        return float(abs(offset) < half)
    critical = -float(special.stdtrit(df, alpha))
    largest = half / (critical * error)  # beyond this estimate over the true error the region is empty
    upper = min(largest, math.sqrt(float(special.chdtri(df, 1e-12)) / df))
    ratio = (NODES + 1.0) / 2.0 * upper
    density = np.exp(_log_density(ratio, df))
    low, high = -half + critical * error * ratio, half - critical * error * ratio
    inside = special.ndtr((high - offset) / error) - special.ndtr((low - offset) / error)
    return float(np.clip((np.maximum(inside, 0.0) * density * WEIGHTS).sum() * upper / 2.0, 0.0, 1.0))


def seeds_to_decide(
    margin: float,
    sd: float,
    sd_df: float,
    design: Design,
    *,
    alpha: float,
    equivalence: bool = False,
    power: float = POWER,
) -> int | None:
    """The fewest seeds that show a claim with probability `power`, if the truth lies the margin away from its bound.

    Args:
        margin: the distance, > 0; else there is no answer.
        sd: standard deviation of one pair's difference, as estimated.
        sd_df: its degrees of freedom.
        design: what each seed brings.
        alpha: level of the test, at Holm's first step that over the number of claims.
        equivalence: whether both bounds must be shown, the truth being in the middle.
        power: wanted.

    Returns:
        `MOST_SEEDS` + 1 if more than `MOST_SEEDS` would be needed; None where it cannot be said.
    """
    limit = upper_sd(sd, sd_df)
    if not margin > 0 or not math.isfinite(limit):
        return None

    def reaches(seeds: int) -> bool:
        return power_of_seeds(seeds, margin, limit, design, alpha=alpha, equivalence=equivalence) >= power

    return fewest_seeds(reaches)


def fewest_seeds(reaches: Callable[[int], bool]) -> int:
    """The fewest seeds, at least 2, for which a condition holds that more seeds never break.

    Returns:
        `MOST_SEEDS` + 1 if it holds for none up to `MOST_SEEDS`.
    """
    return FEWEST_SEEDS + bisect_left(range(FEWEST_SEEDS, MOST_SEEDS + 1), True, key=reaches)


def power_of_seeds(
    seeds: int, distance: float, sd: float, design: Design, *, alpha: float, equivalence: bool = False
) -> float:
    """Return the power of a number of seeds, less what it costs to see whether arms and seeds vary alike.

    Args:
        seeds: in all.
        distance: of the truth from the bound, or the half width of an equivalence whose truth is in the middle.
        sd: standard deviation of one pair's difference.
        design: what each seed brings.
        alpha: level of the test.
        equivalence: whether both bounds must be shown.
    """
    pairs = seeds * design.pairs_per_seed
    error, alone = sd / math.sqrt(pairs), float(seeds - 1)
    if design.averaged and design.df_per_seed > 1.0:
        rest = (design.df_per_seed - 1.0) * alone
        return _power_between(distance / error, alone, rest, alpha=alpha, equivalence=equivalence) if error else 1.0
    own, share = design.chance_of_own_pairs(seeds), design.share_by_seed

    def with_df(df: float) -> float:
        if share < 1.0 and df > alone and error:
            return _power_between(
                distance / error, alone, df - alone, alpha=alpha, equivalence=equivalence, weight=share
            )
        if equivalence:
            return power_equivalence(0.0, distance, error, df, alpha=alpha)
        return power_one_sided(distance, error, 1, alpha=alpha, df=df)

    df = max(design.df_per_seed, 1.0) * alone
    if own == 0 or error == 0 or df - alone < 1.0:  # the others do not show how much they vary
        return with_df(df)
    outlying = _of_outlying(distance / error, alone, df - alone, own, alpha=alpha, equivalence=equivalence)
    return (1.0 - own) * with_df(df) + own * outlying


def smallest_with_power(power_at: Callable[[float], float], start: float, *, power: float = POWER) -> float:
    """The smallest distance at which a rising power function reaches `power`; infinite if none does.

    Args:
        power_at: from a distance to the power.
        start: a distance of the order of the answer, > 0.
        power: wanted.
    """
    low, high, below = 0.0, start, -math.inf
    for _ in range(DOUBLINGS):
        above = _excess(power_at(high), power)
        if above >= 0.0:
            break
        low, high, below = high, 2.0 * high, above
    else:
        return math.inf
    # The quantile of power is nearly linear in the distance, so that false position (the Illinois method) needs few
    # steps; halves where an end has no quantile.
    last = 0.0
    while high - low > ACCURACY * high and above > ACCURACY:
        is_finite = math.isfinite(below) and math.isfinite(above)
        middle = (low * above - high * below) / (above - below) if is_finite else (low + high) / 2.0
        found = _excess(power_at(middle), power)
        if found >= 0.0:
            high, above, below = middle, found, below / 2.0 if last > 0.0 else below
        else:
            low, below, above = middle, found, above / 2.0 if last < 0.0 else above
        last = math.copysign(1.0, found)
    return high


def _excess(power: float, wanted: float) -> float:
    """Return by how much the normal quantile of a power is above that of the one that is wanted."""
    return float(special.ndtri(power)) - float(special.ndtri(wanted))


def _log_density(ratio: Floats, df: float) -> Floats:
    """Of the estimated over the true standard error, whose square times df is chi-squared."""
    half = df / 2.0
    return np.asarray(
        math.log(2.0)
        + half * math.log(half)
        - float(special.gammaln(half))
        + (df - 1.0) * np.log(ratio)
        - half * ratio**2
    )


def _of_outlying(distance: float, own: float, rest: float, chance: float, *, alpha: float, equivalence: bool) -> float:
    """The power of a pair that its own differences judge because one of its arms varies most of all by chance.

    Its variance is then in the upper tail, and so is the error that `contrast.infer_contrast` gives such a pair.

    Args:
        distance: as in `power_of_seeds`, in true standard errors.
        own, rest: degrees of freedom of the arm's variance, and of the others'.
        chance: how often that happens.
    """
    p = (np.arange(QUANTILES) + 0.5) / QUANTILES
    ratio = special.fdtri(own, rest, 1.0 - chance * p)
    total = special.chdtri(own + rest, p)[:, None]
    arm, pooled = total * ratio / (own * ratio + rest), total / (own + rest)
    reach = distance + float(special.stdtrit(own, alpha)) * np.sqrt((arm + pooled) / 2.0)
    shown = np.maximum(2.0 * special.ndtr(reach) - 1.0, 0.0) if equivalence else special.ndtr(reach)
    return float(shown.mean())


def _power_between(
    distance: float, own: float, rest: float, *, alpha: float, equivalence: bool, weight: float | None = None
) -> float:
    """The power of an effect whose variance is between that by seed and the pooled one, if they are equal.

    The F ratio of the two variances and their sum are independent; both are integrated over by their quantiles.

    Args:
        distance: as in `power_of_seeds`, in true standard errors.
        own, rest: degrees of freedom of the seeds' differences, and of the pooled variance without them.
        weight: of the variance by seed; None for that of an average, which the data decide.
    """
    p = (np.arange(QUANTILES) + 0.5) / QUANTILES
    ratio = special.fdtri(own, rest, 1.0 - p)
    total = special.chdtri(own + rest, p)[:, None]
    pooled = total / (own * ratio + rest)
    by_seed = weight_by_seed(ratio, own, rest) if weight is None else weight
    share, others = by_seed * ratio, 1.0 - by_seed
    df = (share + others) ** 2 / (share**2 / own + others**2 / rest)
    reach = distance + special.stdtrit(df, alpha) * np.sqrt(pooled * (share + others))
    shown = np.maximum(2.0 * special.ndtr(reach) - 1.0, 0.0) if equivalence else special.ndtr(reach)
    return float(shown.mean())
