"""Inference on the mean of paired differences.

A pair is two runs that agree in everything but the thing compared, the seed included. Differences of log-perplexities
are nats a word, and 100 (exp(d) - 1) is the change of perplexity in percent.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FEWEST_FOR_BOOTSTRAP: Final = 8  # below, even BCa intervals cover far too little
RESAMPLES: Final = 9_999
DEGENERATE: Final = 1e-14  # a standard error below this share of the values is rounding, not variation


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean difference whose estimate is Student-t distributed about the truth.

    Attributes:
        value: the estimate.
        standard_error: of the estimate; 0 if the differences do not vary, NaN if that cannot be told (one pair).
        df: degrees of freedom of the standard error.
        n: pairs.
        method: in words.
    """

    value: float
    standard_error: float
    df: float
    n: int
    method: str

    @property
    def decides(self) -> bool:
        """Whether there is a standard error, so that intervals and tests exist."""
        return math.isfinite(self.value) and math.isfinite(self.standard_error) and self.df > 0

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided confidence interval; NaNs where there is no standard error."""
        if not self.decides:
            return math.nan, math.nan
        half = float(stats.t.ppf(0.5 + level / 2, self.df)) * self.standard_error
        return self.value - half, self.value + half

    def p_below(self, threshold: float) -> float:
        """One-sided p-value of H0 "the truth is at least `threshold`"; 1 where it cannot be tested."""
        return self._tail(self.value - threshold)

    def p_above(self, threshold: float) -> float:
        """One-sided p-value of H0 "the truth is at most `threshold`"; 1 where it cannot be tested."""
        return self._tail(threshold - self.value)

    def p_two_sided(self, threshold: float = 0.0) -> float:
        """Two-sided p-value of H0 "the truth is `threshold`"."""
        return min(1.0, 2 * min(self.p_below(threshold), self.p_above(threshold)))

    def _tail(self, distance: float) -> float:
        if not self.decides:
            return 1.0
        if self.standard_error == 0:
            return 0.0 if distance < 0 else 1.0
        return float(stats.t.cdf(distance / self.standard_error, self.df))


@dataclass(frozen=True, slots=True)
class PooledVariance:
    """The variance of one run about its arm and block, pooled over a stratum, and its degrees of freedom."""

    variance: float
    df: int


def paired_t(differences: ArrayLike) -> Estimate:
    """Student's paired t; one pair gives an estimate without an interval.

    Args:
        differences: `[pairs]`, finite.
    """
    values = _vector(differences)
    n = len(values)
    if n == 0:
        return Estimate(value=math.nan, standard_error=math.nan, df=0, n=0, method="no pairs")
    mean = float(values.mean())
    if n == 1:
        return Estimate(value=mean, standard_error=math.nan, df=0, n=1, method="one pair, no interval")
    error = float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(
        value=mean, standard_error=_no_rounding(error, values), df=n - 1, n=n, method=f"paired t, {n - 1} df"
    )


def pooled_variance(values: ArrayLike, arms: Sequence[Hashable], blocks: Sequence[Hashable]) -> PooledVariance:
    """The residual variance of the model value = arm + block, e.g. configuration + seed, within one stratum.

    With k arms that all ran with n seeds it has (k - 1)(n - 1) degrees of freedom: the variance of a difference of two
    arms is twice it, whatever the seeds have in common. It assumes that all arms vary alike. Randomized complete
    blocks: Montgomery, Design and Analysis of Experiments, ch. 4.1; incomplete ones by least squares.

    Args:
        values: `[runs]`, finite.
        arms: the arm of each run.
        blocks: the block of each run.
    """
    response = _vector(values)
    model = np.hstack([_indicators(arms), _indicators(blocks)])
    if not len(response):
        return PooledVariance(math.nan, 0)
    fitted, _, rank, _ = np.linalg.lstsq(model, response, rcond=None)
    df = len(response) - int(rank)
    if df <= 0:
        return PooledVariance(math.nan, 0)
    residuals = response - model @ fitted
    error = _no_rounding(math.sqrt(float(residuals @ residuals) / df), response)
    return PooledVariance(error**2, df)


def paired_t_pooled(differences: ArrayLike, pooled: PooledVariance) -> Estimate:
    """Paired t with the variance of one run pooled over a stratum: three seeds alone leave a t with two df.

    Args:
        differences: `[pairs]`; each run in one pair only.
        pooled: from `pooled_variance`.
    """
    values = _vector(differences)
    weights = np.repeat(1.0 / max(len(values), 1), 2 * len(values))
    return contrast_t(float(values.mean()), weights, [0] * len(weights), {0: pooled}, n=len(values))


def contrast_t(
    value: float, weights: ArrayLike, strata: Sequence[Hashable], pooled: dict[Hashable, PooledVariance], *, n: int
) -> Estimate:
    """Inference on a weighted sum of runs whose weights sum to zero within each block, from pooled variances.

    Over several strata the degrees of freedom are Satterthwaite's (1946).

    Args:
        value: the weighted sum.
        weights: `[runs]`, the absolute weight of each run.
        strata: the stratum of each run.
        pooled: of each stratum.
        n: pairs.
    """
    squares: dict[Hashable, float] = {}
    for weight, stratum in zip(_vector(weights), strata, strict=True):
        squares[stratum] = squares.get(stratum, 0.0) + weight**2
    parts = [(square * pooled[key].variance, pooled[key].df) for key, square in squares.items() if square]
    total = sum(part for part, _ in parts)
    varying = [(part, df) for part, df in parts if part > 0]
    df = total**2 / sum(part**2 / df for part, df in varying) if varying else float(sum(df for _, df in parts))
    return Estimate(
        value=value,
        standard_error=math.sqrt(total),
        df=float(df),
        n=n,
        method=f"paired t, pooled variance, {df:.4g} df",
    )


def bootstrap_bca(
    differences: ArrayLike, generator: np.random.Generator, *, level: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval of the mean (Efron 1987, JASA 82, section 3).

    Raises:
        ValueError: there are fewer than eight pairs.
    """
    values = _vector(differences)
    if len(values) < FEWEST_FOR_BOOTSTRAP:
        raise ValueError(
            f"a bootstrap needs n >= {FEWEST_FOR_BOOTSTRAP} pairs, but n={len(values)}; use the t-interval"
        )
    if _no_rounding(float(values.std()), values) == 0:
        return float(values.mean()), float(values.mean())
    found = stats.bootstrap(
        (values,), np.mean, confidence_level=level, n_resamples=resamples, method="BCa", vectorized=True, rng=generator
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def sign_flip_p(
    differences: ArrayLike, generator: np.random.Generator, *, alternative: str = "two-sided", flips: int = RESAMPLES
) -> float:
    """p-value of H0 "differences are symmetric about 0" by flipping signs (Fisher 1935; Pitman 1937).

    All 2^n flips are taken where that is no more than `flips`, so that the p-value is exact; its least value is 2^-n
    one-sided, so three pairs can never show anything at 5 %.

    Args:
        differences: `[pairs]`.
        alternative: less, greater or two-sided.
    """
    values = _vector(differences)
    if not len(values):
        return 1.0
    found = stats.permutation_test(
        (values,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=flips,
        alternative=alternative,
        rng=generator,
    )
    return float(found.pvalue)


def percent_change(nats: float) -> float:
    """A difference of logarithms as a change in percent."""
    return 100.0 * math.expm1(nats)


def _vector(values: ArrayLike) -> NDArray[np.float64]:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise ValueError(f"a vector of finite numbers must be given, but got {values!r}")
    return vector


def _indicators(labels: Sequence[Hashable]) -> NDArray[np.float64]:
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    matrix = np.zeros((len(labels), len(places)))
    matrix[np.arange(len(labels)), [places[label] for label in labels]] = 1.0
    return matrix


def _no_rounding(error: float, values: NDArray[np.float64]) -> float:
    """0 in place of an error that is only rounding in values of this size."""
    return 0.0 if error <= DEGENERATE * float(np.abs(values).max(initial=0.0)) else error
