"""Multiple comparisons with the best: which of several means may be the largest, and by how much each falls short.

Hsu's constrained intervals (1984, Annals of Statistics 12, pp. 1136-1144; 1996, Multiple Comparisons, ch. 4): with the
arm that is truly the best as control, all others are below it by at least what a one-sided Dunnett interval leaves. Any
arm may be the best, so each is the control once, and those for which no other arm refutes that are possible. The arm
that is truly the best is among them in at least 95 % of studies, and all intervals hold together.

Arms with different numbers of runs give the comparisons of one control a product correlation, for which the critical
value is an integral over two dimensions (Dunnett 1955, JASA 50). Where arms have variances of their own, those of the
means take the place of 1/n, and each pair has Welch's degrees of freedom, as in Dunnett's T3 (1980, JASA 75).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from sweeper.evidence.statistics.paired import satterthwaite

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.int64]

ALPHA: Final = 0.05
NODES: Final = 40  # of the integral over what comparisons have in common
SPREADS: Final = 48  # of that over the standard deviation
PRECISION: Final = 1e-6
REACH: Final = 8.0  # standard deviations within which the largest of several lies
FINENESS: Final = 1.1  # Welch's degrees of freedom are rounded down to powers of it: few values to integrate for
MOST_RANKED: Final = 1000  # arms; all pairs of more take too long


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Means of arms of which larger ones are better, `[arms]` each.

    Attributes:
        values: the means.
        variances: of the means.
        dfs: degrees of freedom of the variances.
        shared: whether the variance is that of all arms together, rather than the arm's own.
    """

    values: Floats
    variances: Floats
    dfs: Floats
    shared: Flags

    def of(self, places: Sequence[int]) -> "Means":
        """Return those of some arms, in their order."""
        order = np.asarray(places, dtype=np.int64)
        return Means(
            values=self.values[order], variances=self.variances[order], dfs=self.dfs[order], shared=self.shared[order]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WithBest:
    """How each arm compares with the best of the others, `[arms]` each.

    Attributes:
        low, high: between which the arm's mean less that of the best other arm lies, for all arms at once.
        possible: whether the arm may be the best.
    """

    low: Floats
    high: Floats
    possible: Flags


def compare_with_best(means: Means, *, alpha: float = ALPHA) -> WithBest:
    """Return Hsu's constrained intervals; of a single arm there is none, and it is the best."""
    number = len(means.values)
    if number < 2:
        return WithBest(low=np.full(number, np.nan), high=np.full(number, np.nan), possible=np.ones(number, np.bool_))
    kinds, kind = _kinds(means)
    allowance = _allowances(kinds, np.bincount(kind, minlength=len(kinds)), alpha)
    values, everyone = means.values, np.ones(number, np.bool_)
    high = np.maximum((values[:, None] - _best_other(values, kind, len(kinds), everyone) + allowance[kind]).min(1), 0.0)
    possible = high > 0
    if not possible.any():  # equal means that do not vary
        possible = values == values.max()
    rivals = _best_other(values, kind, len(kinds), possible)
    low = np.minimum((values[:, None] - rivals - allowance.T[kind]).min(1), 0.0)
    if possible.sum() == 1:
        low = np.where(possible, 0.0, low)
    return WithBest(low=low, high=high, possible=possible)


def better_p(means: Means, arm: int, control: int) -> float:
    """Return the p-value of an arm not being better than a control, with all arms that are compared with it considered.

    It is one-sided, as Dunnett's comparisons are: below alpha if the arm is above the control by more than
    `compare_with_best` allows. 1 for values that do not vary.
    """
    kinds, kind = _kinds(means)
    gap = float(means.values[arm] - means.values[control])
    error, df = _error(kinds[kind[control]], kinds[kind[arm]])
    if not error or gap <= 0:
        return 1.0
    shares, number = _with_control(kinds, np.bincount(kind, minlength=len(kinds)), int(kind[control]))
    return min(max(1.0 - _all_within(shares, number, df)(gap / error), 0.0), 1.0)


def possible_ranks(means: Means, *, alpha: float = ALPHA) -> tuple[Places, Places] | None:
    """Return the best and the worst rank that each arm may have, all at once, from 1.

    An arm is below those that Tukey's simultaneous comparison of all pairs (Kramer 1956; with variances of their own
    Games and Howell 1976) finds better, and above those that it finds worse (Mohamad et al. 2022, Electronic Journal of
    Statistics 16). None for more than `MOST_RANKED` arms.
    """
    number = len(means.values)
    if number > MOST_RANKED:
        return None
    if number < 2:
        return np.ones(number, np.int64), np.ones(number, np.int64)
    kinds, kind = _kinds(means)
    size = len(kinds)
    allowance = np.zeros((size, size))
    for one in range(size):
        for other in range(size):
            error, df = _error(kinds[one], kinds[other])
            allowance[one, other] = error * _range_quantile(number, df, alpha) / math.sqrt(2.0) if error else 0.0
    ahead = means.values[:, None] - means.values[None, :] > allowance[kind][:, kind]
    return 1 + ahead.sum(0), number - ahead.sum(1)


def critical_value(shares: ArrayLike, df: float, *, alpha: float = ALPHA, counts: ArrayLike | None = None) -> float:
    """Return the value that the largest of several t statistics with one control exceeds with probability alpha.

    Args:
        shares: of each, the root of the control's share in the variance of the difference: the correlation of two is
            the product of theirs. With n runs of the arm and m of the control it is the root of n / (n + m).
        df: degrees of freedom of the variance; infinite if it is known.
        counts: how many statistics have each share; by default one.
    """
    found = np.atleast_1d(np.asarray(shares, dtype=np.float64))
    number = np.ones(len(found)) if counts is None else np.asarray(counts, dtype=np.float64)
    return _critical(tuple(found.tolist()), tuple(number.tolist()), float(df), alpha)


@lru_cache(maxsize=4096)
def _critical(shares: tuple[float, ...], counts: tuple[float, ...], df: float, alpha: float) -> float:
    number = sum(counts)
    if number <= 0:
        return 0.0
    within = _all_within(shares, counts, df)
    # With one statistic that is Student's; with several, independent ones would be larger still (Slepian 1962).
    return _root(lambda value: within(value) - (1.0 - alpha), _student(df, alpha), _student(df, alpha / number))


def _all_within(shares: Sequence[float], counts: Sequence[float], df: float) -> Callable[[float], float]:
    """Return the probability that all t statistics with one control are below a value, as its function."""
    used = [(share, math.sqrt(max(1.0 - share**2, 1e-12)), count) for share, count in zip(shares, counts, strict=True)]
    nodes, weights = _normal_nodes()
    spreads, masses = _spread_nodes(df)

    def within(value: float) -> float:
        inner = np.zeros((len(spreads), len(nodes)))
        for share, root, count in used:
            if count > 0:
                inner += count * special.log_ndtr((value * spreads[:, None] + share * nodes[None, :]) / root)
        return float(masses @ np.exp(inner) @ weights)

    return within


def _student(df: float, tail: float) -> float:
    return -float(special.stdtrit(df, tail) if math.isfinite(df) else special.ndtri(tail))


@cache
def _range_quantile(number: int, df: float, alpha: float) -> float:
    """Return the upper quantile of the studentized range."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    top, spreads, masses = REACH * nodes[:, None], *_spread_nodes(df)  # of the largest arm
    density = number * REACH * weights * np.exp(-(top[:, 0] ** 2) / 2.0) / math.sqrt(2.0 * math.pi)

    def beyond(value: float) -> float:
        within = special.ndtr(top) - special.ndtr(top - value * spreads[None, :])
        return float(density @ within ** (number - 1) @ masses) - (1.0 - alpha)

    return _root(beyond, 1.0, 4.0)


def _root(beyond: Callable[[float], float], low: float, high: float) -> float:
    """Return where an increasing function is 0, between two guesses or above them."""
    if beyond(low) >= 0:
        return low
    while beyond(high) < 0:
        low, high = high, 2.0 * high
    return float(optimize.brentq(beyond, low, high, xtol=PRECISION, rtol=PRECISION))


@cache
def _normal_nodes() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return nodes, weights / math.sqrt(2.0 * math.pi)


@lru_cache(maxsize=256)
def _spread_nodes(df: float) -> tuple[Floats, Floats]:
    """Return standard deviations over the true one, and their probabilities."""
    if not math.isfinite(df):
        return np.ones(1), np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(SPREADS)
    # Squared, the nodes are dense near 0, where the quantiles of few degrees of freedom have a steep root.
    shares = ((nodes + 1.0) / 2.0) ** 2
    return np.sqrt(special.gammaincinv(df / 2.0, shares) * 2.0 / df), weights * (nodes + 1.0) / 2.0


def _kinds(means: Means) -> tuple[list[tuple[float, float, bool]], Places]:
    """Return the distinct variances of arms, and which of them each arm has."""
    rows = zip(means.variances.tolist(), means.dfs.tolist(), means.shared.tolist(), strict=True)
    places: dict[tuple[float, float, bool], int] = {}
    kind = [places.setdefault(row, len(places)) for row in rows]
    return list(places), np.array(kind, dtype=np.int64)


def _error(one: tuple[float, float, bool], other: tuple[float, float, bool]) -> tuple[float, float]:
    """Return the standard error of the difference of two arms, and its degrees of freedom."""
    total = one[0] + other[0]
    if total == 0 or (one[2] and other[2]):
        return math.sqrt(total), one[1]
    df = satterthwaite([one[0], other[0]], [one[1], other[1]])
    return math.sqrt(total), FINENESS ** math.floor(math.log(max(df, 1.0), FINENESS) + 1e-9)


def _allowances(kinds: Sequence[tuple[float, float, bool]], counts: Places, alpha: float) -> Floats:
    """Return how far the difference of a control and another arm may deviate, `[kinds of control, kinds of other]`."""
    size = len(kinds)
    found = np.zeros((size, size))
    for one, control in enumerate(kinds):
        shares, number = _with_control(kinds, counts, one)
        for place, other in enumerate(kinds):
            error, df = _error(control, other)
            found[one, place] = error * _critical(shares, number, df, alpha) if error else 0.0
    return found


def _with_control(
    kinds: Sequence[tuple[float, float, bool]], counts: Places, one: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return by kind the root of the control's share in the variance of a difference, and the number of differences."""
    variances = [kinds[one][0] + other[0] for other in kinds]
    shares = tuple(math.sqrt(kinds[one][0] / total) if total > 0 else math.sqrt(0.5) for total in variances)
    return shares, tuple(float(count - (place == one)) for place, count in enumerate(counts.tolist()))


def _best_other(values: Floats, kind: Places, size: int, allowed: Flags) -> Floats:
    """Return the largest mean of the other allowed arms of each kind, `[arms, kinds]`; minus infinity for none."""
    first, second = np.full(size, -np.inf), np.full(size, -np.inf)
    holder = np.full(size, -1, dtype=np.int64)
    for place in np.flatnonzero(allowed).tolist():
        of, value = kind[place], values[place]
        if value > first[of]:
            first[of], second[of], holder[of] = value, first[of], place
        elif value > second[of]:
            second[of] = value
    return np.where(holder[None, :] == np.arange(len(values))[:, None], second[None, :], first[None, :])
