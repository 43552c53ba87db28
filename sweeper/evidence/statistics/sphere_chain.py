"""The chain of a t statistic from look to look: transition probabilities between cells, under the null hypothesis.

At look k let S be the sum of n paired differences and Q the sum of squares of everything that the variance is estimated
from, the mean included: a vector of N = df + 1 independent normals. Its direction is uniform on the sphere and
independent of its length, so

    rho_k = S / sqrt(n Q),    t_k = sqrt(df) rho_k / sqrt(1 - rho_k^2)

is a Markov chain in one dimension, free of the unknown variance: the share B of Q_{k+1} that was there at look k is
Beta(N_k / 2, (N_{k+1} - N_k) / 2), the direction of what is new is uniform again, and

    rho_{k+1} = (sqrt(n_k B) rho_k + sqrt(m (1 - B)) eta) / sqrt(n_{k+1}),    m = n_{k+1} - n_k.

Cells are intervals of the normal quantile of the p-value of t.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

WIDEST: Final = 9.0  # the grid ends at this normal quantile either way, 1e-19 of the probability
NUM_CELLS: Final = 160
GAUSS_PLACES: Final = (0.5 - 0.5 / 3**0.5, 0.5 + 0.5 / 3**0.5)  # in a cell, by probability: where its mass is
NUM_NODES: Final = 16  # of the quadrature over the share B
NUM_QUANTILES: Final = 2_049  # of the table of directions
LARGEST_JACOBI: Final = 150.0
FARTHEST: Final = 1e100
NEGLIGIBLE: Final = 1e-40  # smaller probabilities are 0: their products would be denormal, which takes 100 times longer
FINE_DF: Final = 4.0  # below it degrees of freedom are rounded to halves, above it to halves of an octave
STEPS_PER_OCTAVE: Final = 2
Vector = NDArray[np.float64]


@lru_cache(maxsize=1)
def cell_edges() -> Vector:
    """Return the cells' edges on the normal scale."""
    return np.linspace(-WIDEST, WIDEST, NUM_CELLS + 1)


def transition(n1: int, df1: float, n2: int, df2: float) -> Vector:
    """Return the probabilities of moving from a cell to another between two looks, `[cells, cells]`.

    Degrees of freedom are rounded, so that many comparisons share one matrix. The p-values have the exact ones; what
    looks have in common hardly depends on them: the error of all looks changes by less than 1 % of itself.

    Args:
        n1, n2: pairs at the looks.
        df1, df2: degrees of freedom of the variance at the looks.
    """
    return _transition(n1, max(rounded_df(df1), 0.5), n2, rounded_df(max(df2 - df1 - (n2 - n1), 0.0)))


def rounded_df(df: float) -> float:
    """Return degrees of freedom as matrices have them."""
    if df < FINE_DF:
        return round(2 * df) / 2
    return float(2 ** (round(STEPS_PER_OCTAVE * np.log2(df)) / STEPS_PER_OCTAVE))


def _t(quantiles: Vector, df: float) -> Vector:
    """Return the t statistics with the tail probabilities of normal quantiles; by the small tail, for its digits."""
    found = -np.sign(quantiles) * special.stdtrit(df, special.ndtr(-np.abs(quantiles)))
    return np.asarray(np.clip(np.where(np.isfinite(found), found, np.sign(quantiles) * FARTHEST), -FARTHEST, FARTHEST))


def _rho(quantiles: Vector, df: float) -> Vector:
    return np.asarray(np.cos(np.arctan2(np.sqrt(df), _t(quantiles, df))))


@lru_cache(maxsize=1024)
def _transition(n1: int, df1: float, n2: int, others: float) -> Vector:
    """Return the matrix from n1 to n2 pairs, with `others` degrees of freedom beside those of the new pairs."""
    edges = cell_edges()
    m, new = n2 - n1, n2 - n1 + others
    ends = _rho(edges, df1 + new)
    weights = (float(np.sqrt(n1 / n2)), float(np.sqrt(m / n2)))
    single = new < 1.0 + 1e-9
    size = df1 + 1.0
    tail = np.zeros((NUM_CELLS, len(edges)))
    for place in GAUSS_PLACES:
        start = _rho(_within(edges, place), df1)
        tail += _tail_single(start, ends, size, weights) if single else _tail(start, ends, size, new, weights)
    tail /= len(GAUSS_PLACES)
    tail[:, 0], tail[:, -1] = 1.0, 0.0
    found = tail[:, :-1] - tail[:, 1:]
    return np.asarray(np.where(found > NEGLIGIBLE, found, 0.0))


def _within(edges: Vector, place: float) -> Vector:
    """Return the points of the cells below which this share of a cell's normal probability lies."""
    low, high = special.ndtr(-np.abs(edges[:-1])), special.ndtr(-np.abs(edges[1:]))  # tails, for their digits
    found = special.ndtri(low + place * (high - low))
    return np.asarray(np.where(edges[:-1] >= 0, -found, found))


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
