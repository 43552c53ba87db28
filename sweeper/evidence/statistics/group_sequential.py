"""Group-sequential t-tests with exact boundaries: looks at complete seed rounds, the error spent over them.

A comparison that is tested after each seed round, each time at 5 %, is wrongly supported far more often than in 5 % of
studies (Armitage, McPherson and Rowe 1969). An error-spending function says how much of the error may be used up by
each look (Lan and DeMets 1983). The sum of what looks spend bounds the error whatever looks have in common
(Bonferroni), but wastes what they do have in common; here their joint distribution is used instead.

For t statistics this needs no normal approximation. At look k let S be the sum of n paired differences and Q the sum
of squares of everything that the variance is estimated from, the mean included: a vector of N = df + 1 independent
normals under the null hypothesis. Its direction is uniform on the sphere and independent of its length, so

    rho_k = S / sqrt(n Q),    t_k = sqrt(df) rho_k / sqrt(1 - rho_k^2)

is a Markov chain in one dimension, free of the unknown variance: the share B of Q_{k+1} that was there at look k is
Beta(N_k / 2, (N_{k+1} - N_k) / 2), the direction of what is new is uniform again, and

    rho_{k+1} = (sqrt(n_k B) rho_k + sqrt(m (1 - B)) eta) / sqrt(n_{k+1}),    m = n_{k+1} - n_k.

Its distribution is carried from look to look on a grid. Sequential t-tests by recursion in two dimensions: Jennison
and Turnbull (1991), Exact calculations for sequential t, chi-square and F tests, Biometrika 78, pp. 133-141.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Spending = Literal["obrien_fleming", "pocock"]

WIDEST: Final = 9.0  # the grid ends at this normal quantile either way, 1e-19 of the probability
NUM_CELLS: Final = 320
NUM_NODES: Final = 32  # of the quadrature over the share B
NUM_QUANTILES: Final = 2_049  # of the table of directions
LARGEST_JACOBI: Final = 150.0
FARTHEST: Final = 1e100
LEAST_ALPHA: Final = 1e-9  # smaller sequential p-values are not told apart
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """When a comparison is looked at.

    Attributes:
        pairs: complete seed rounds at each look, increasing.
        df: degrees of freedom of the variance at each look; at least pairs - 1 where the pairs' own variance is part
            of it, and growing by at least the new pairs.
        information: the share of the planned information at each look, above 0, increasing, 1 at the last planned one.
        spending: how the error is spent.
    """

    pairs: tuple[int, ...]
    df: tuple[float, ...]
    information: tuple[float, ...]
    spending: Spending = "obrien_fleming"

    def __post_init__(self) -> None:
        """Check the order of looks.

        Raises:
            ValueError: looks do not grow, or have no variance.
        """
        if not self.pairs or not len(self.pairs) == len(self.df) == len(self.information):
            raise ValueError(f"one entry for each look must be given, but got {self}")
        if any(later <= earlier for earlier, later in zip(self.pairs, self.pairs[1:], strict=False)):
            raise ValueError(f"`pairs` must increase, but pairs = {self.pairs}")
        if min(self.df) <= 0 or any(
            d2 - d1 < n2 - n1 - 1e-9
            for (n1, d1), (n2, d2) in zip(
                zip(self.pairs, self.df, strict=True), zip(self.pairs[1:], self.df[1:], strict=True), strict=False
            )
        ):
            raise ValueError(f"`df` must be above 0 and grow by the new pairs at least, but df = {self.df}")


def spent(alpha: float, information: float, spending: Spending) -> float:
    """Return how much of an error `alpha` is spent once a share of the information is there.

    Source: Lan and DeMets (1983), Biometrika 70, pp. 659-663: 2 - 2 Phi(z_{alpha / 2} / sqrt(t)), about the boundaries
    of O'Brien and Fleming, spends late; alpha log(1 + (e - 1) t), about Pocock's, evenly.
    """
    share = min(max(information, 0.0), 1.0)
    if share == 0.0:
        return 0.0
    if spending == "pocock":
        return float(alpha * np.log1p((np.e - 1) * share))
    return float(2 * special.ndtr(special.ndtri(alpha / 2) / np.sqrt(share)))


def critical_values(looks: Looks, alpha: float) -> tuple[float, ...]:
    """Return the t statistic that each look must reach, for a one-sided error of `alpha` over all looks.

    Infinite where a look spends nothing. The statistic's own degrees of freedom at each look are `looks.df`.
    """
    levels = nominal_levels(looks, alpha)
    return tuple(
        -float(special.stdtrit(df, level)) if level > 0 else np.inf for df, level in zip(looks.df, levels, strict=True)
    )


def nominal_levels(looks: Looks, alpha: float) -> tuple[float, ...]:
    """Return the p-value below which each look rejects, for a one-sided error of `alpha` over all looks.

    Args:
        alpha: the error, above 0 and below 1.
    """
    chain = _chain(looks.pairs, looks.df)
    edges = _edges()
    found: list[float] = []
    mass = np.diff(special.ndtr(edges))  # of t_1's p-value on the normal scale, untouched by any boundary
    before = 0.0
    for place, information in enumerate(looks.information):
        total = spent(alpha, information, looks.spending)
        budget, before = total - before, total
        boundary, mass = _spend(mass, edges, budget)
        found.append(float(special.ndtr(-boundary)))
        if place + 1 < len(looks.pairs):
            mass = mass @ chain[place]
    return tuple(found)


def sequential_p(looks: Looks, p_values: tuple[float, ...]) -> float:
    """Return the p-value that holds at whichever look one stops: the least alpha at which a look so far rejects.

    It is at most u under the null hypothesis in no more than the share u of studies, so several comparisons' can be
    adjusted by Holm's rule although they were looked at at different times (Liu and Anderson 2008, JASA 103,
    pp. 1621-1630; Maurer and Bretz 2013, Statistics in Biopharmaceutical Research 5, pp. 311-320).

    Args:
        looks: those so far and those still planned; boundaries of looks so far do not depend on later ones.
        p_values: one-sided, by the t distribution, at the looks so far.
    """
    if not p_values:
        return 1.0
    low, high = np.log(LEAST_ALPHA), 0.0
    if not _rejects(looks, p_values, 1.0 - 1e-12):
        return 1.0
    if _rejects(looks, p_values, LEAST_ALPHA):
        return LEAST_ALPHA
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _rejects(looks, p_values, float(np.exp(middle))) else (middle, high)
        if high - low < 1e-4:
            break
    return float(np.exp(high))


def _rejects(looks: Looks, p_values: tuple[float, ...], alpha: float) -> bool:
    return any(p <= level for p, level in zip(p_values, nominal_levels(looks, alpha), strict=False))


def _spend(mass: Vector, edges: Vector, budget: float) -> tuple[float, Vector]:
    """Return the boundary above which the budget lies, and the mass that is left below it.

    Within a cell mass is spread as the normal density is; the cell that the boundary cuts keeps its lower part.
    """
    if budget <= 0.0:
        return float(np.inf), mass
    above = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])  # beyond each edge
    if above[0] <= budget:
        return float(edges[0]), np.zeros_like(mass)
    cell = int(np.searchsorted(-above, -budget, side="left")) - 1
    share = (budget - above[cell + 1]) / mass[cell]  # of the cell's mass that goes
    low, high = special.ndtr(-edges[cell]), special.ndtr(-edges[cell + 1])
    boundary = -float(special.ndtri(high + share * (low - high)))
    left = mass.copy()
    left[cell + 1 :] = 0.0
    left[cell] *= 1.0 - share
    return boundary, left


@lru_cache(maxsize=1)
def _edges() -> Vector:
    """Return the cells' edges on the normal scale; closer together where boundaries lie."""
    return np.linspace(-WIDEST, WIDEST, NUM_CELLS + 1)


@lru_cache(maxsize=256)
def _chain(pairs: tuple[int, ...], df: tuple[float, ...]) -> tuple[Vector, ...]:
    """Return the transition matrices between looks, `[cells, cells]`."""
    return tuple(
        _transition(pairs[place], df[place], pairs[place + 1], df[place + 1]) for place in range(len(pairs) - 1)
    )


def _t(quantiles: Vector, df: float) -> Vector:
    """Return the t statistics with the tail probabilities of normal quantiles; by the small tail, for its digits."""
    found = -np.sign(quantiles) * special.stdtrit(df, special.ndtr(-np.abs(quantiles)))
    return np.asarray(np.clip(np.where(np.isfinite(found), found, np.sign(quantiles) * FARTHEST), -FARTHEST, FARTHEST))


def _rho(quantiles: Vector, df: float) -> Vector:
    return np.asarray(np.cos(np.arctan2(np.sqrt(df), _t(quantiles, df))))


def _transition(n1: int, df1: float, n2: int, df2: float) -> Vector:
    edges = _edges()
    # A cell's mass stands at its middle by probability.
    low, high = special.ndtr(-np.abs(edges[:-1])), special.ndtr(-np.abs(edges[1:]))
    middle = np.where(edges[:-1] >= 0, -special.ndtri((low + high) / 2), special.ndtri((low + high) / 2))
    start, ends = _rho(middle, df1), _rho(edges, df2)
    m, new = n2 - n1, df2 - df1
    weights = (float(np.sqrt(n1 / n2)), float(np.sqrt(m / n2)))
    single = new < 1.0 + 1e-9
    size = df1 + 1.0
    tail = _tail_single(start, ends, size, weights) if single else _tail(start, ends, size, new, weights)
    tail[:, 0], tail[:, -1] = 1.0, 0.0
    return np.asarray(np.clip(tail[:, :-1] - tail[:, 1:], 0.0, None))


def _tail(start: Vector, ends: Vector, size: float, new: float, weights: tuple[float, float]) -> Vector:
    """Return P(rho' >= end | start), `[cells, edges]`, where the new part has at least two dimensions."""
    first, second = weights
    shares, chances = _shares(size / 2, new / 2)
    quantiles = np.linspace(WIDEST, -WIDEST, NUM_QUANTILES)
    angles = np.arctan2(np.sqrt(new - 1), _t(quantiles, new - 1))  # of a uniform direction: eta = cos angle
    tail = np.zeros((len(start), len(ends)))
    for share, chance in zip(shares, chances, strict=True):
        eta = (ends[None, :] - first * np.sqrt(share) * start[:, None]) / (second * np.sqrt(1 - share))
        tail += chance * special.ndtr(-np.interp(np.arccos(np.clip(eta, -1.0, 1.0)), angles, quantiles))
    return tail


def _shares(a: float, b: float) -> tuple[Vector, Vector]:
    """Return nodes and weights for an expectation over a Beta(a, b) variable."""
    if a + b > LARGEST_JACOBI:  # nearly normal, and Gauss-Jacobi weights overflow
        nodes, weights = special.roots_legendre(NUM_NODES)
        return special.betaincinv(a, b, (nodes + 1) / 2), weights / 2
    nodes, weights = special.roots_jacobi(NUM_NODES, b - 1, a - 1)
    return (nodes + 1) / 2, weights / weights.sum()


def _tail_single(start: Vector, ends: Vector, size: float, weights: tuple[float, float]) -> Vector:
    """Return the same where the new part is one dimension, so that eta is 1 or -1, each with probability 1/2.

    With B = cos^2 phi, rho' = A cos(phi -+ phi_0), and the event is an interval of phi in [0, pi/2].
    """
    x, y = weights[0] * start[:, None], weights[1]
    amplitude = np.sqrt(x**2 + y**2)
    half = np.arccos(np.clip(ends[None, :] / amplitude, -1.0, 1.0))
    tail = np.zeros((len(start), len(ends)))
    for sign in (1.0, -1.0):
        centre = np.arctan2(sign * y, x)  # in (-pi, pi]
        low, high = np.clip(centre - half, 0.0, np.pi / 2), np.clip(centre + half, 0.0, np.pi / 2)
        # P(phi <= a) = P(B >= cos^2 a) = 1 - I_{cos^2 a}(size / 2, 1 / 2) = I_{sin^2 a}(1 / 2, size / 2)
        tail += 0.5 * (
            special.betainc(0.5, size / 2, np.sin(high) ** 2) - special.betainc(0.5, size / 2, np.sin(low) ** 2)
        )
    return tail
