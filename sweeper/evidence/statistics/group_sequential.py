"""Group-sequential t-tests with exact boundaries: looks at complete seed rounds, the error spent over them.

A comparison that is tested after each seed round, each time at 5 %, is wrongly supported far more often than in 5 % of
studies (Armitage, McPherson and Rowe 1969). An error-spending function says how much of the error may be used up by
each look (Lan and DeMets 1983). The sum of what looks spend bounds the error whatever looks have in common
(Bonferroni), but wastes what they do have in common; here their joint distribution is used instead.

For t statistics this needs no normal approximation: under the null hypothesis they are a Markov chain, free of the
unknown variance (`sphere_chain`), whose distribution is carried from look to look on a grid. Sequential t-tests by
recursion in two dimensions: Jennison and Turnbull (1991), Exact calculations for sequential t, chi-square and F tests,
Biometrika 78, pp. 133-141.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, get_args

import numpy as np
from scipy import special

from sweeper.evidence.statistics.sphere_chain import NEGLIGIBLE, Vector, cell_edges, transition

Spending = Literal["obrien_fleming", "kim_demets", "pocock"]
SPENDINGS: Final[tuple[Spending, ...]] = get_args(Spending)

LEAST_ALPHA: Final = 1e-9  # smaller sequential p-values are not told apart
LEAST_LEVEL: Final = 1e-300
# Errors at which boundaries are tabulated for sequential p-values; closest where decisions are made.
ALPHAS: Final = np.unique(np.concatenate([np.geomspace(LEAST_ALPHA, 1e-4, 16), np.geomspace(1e-4, 1.0 - 1e-12, 49)]))


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
    of O'Brien and Fleming, spends late, and the later the smaller the error is; alpha log(1 + (e - 1) t), about
    Pocock's, evenly. Between them is alpha t^2 (Kim and DeMets 1987, Biometrika 74, pp. 149-154).
    """
    return float(_spent(np.array([alpha]), information, spending)[0])


def nominal_levels(looks: Looks, alpha: float) -> tuple[float, ...]:
    """Return the p-value below which each look rejects, for a one-sided error of `alpha` over all looks.

    Args:
        alpha: the error, above 0 and below 1.
    """
    return tuple(_levels(looks, np.array([alpha]))[0].tolist())


def sequential_p(looks: Looks, p_values: Sequence[float]) -> float:
    """Return the p-value that holds at whichever look one stops: the least alpha at which a look so far rejects.

    It is at most u under the null hypothesis in no more than the share u of studies, so several comparisons' can be
    adjusted by Holm's rule although they were looked at at different times (Liu and Anderson 2008, JASA 103,
    pp. 1621-1630; Maurer and Bretz 2013, Statistics in Biopharmaceutical Research 5, pp. 311-320).

    Args:
        looks: those so far, and any that are planned; boundaries of looks so far do not depend on later ones.
        p_values: one-sided, by the t distribution, at the looks so far.
    """
    table = _table(looks)
    found = [
        float(np.exp(np.interp(np.log(max(p, LEAST_LEVEL)), table[:, place], np.log(ALPHAS), right=0.0)))
        for place, p in enumerate(p_values)
    ]
    return min(found, default=1.0)


@dataclass(frozen=True, slots=True)
class _State:
    """Where studies under the null hypothesis are after some looks.

    Attributes:
        levels: the nominal levels of the looks so far, `[alphas, looks]`.
        mass: the probability of each cell in studies that have not rejected, `[alphas, cells]`.
        spent: of the error, `[alphas]`.
        alphas: the errors of all looks.
    """

    levels: Vector
    mass: Vector
    spent: Vector
    alphas: Vector


@lru_cache(maxsize=1024)
def _table(looks: Looks) -> Vector:
    """Return the logarithms of the nominal levels at `ALPHAS`, `[alphas, looks]`, increasing in alpha."""
    levels = np.log(np.maximum(_tabulated(looks).levels, LEAST_LEVEL))
    return np.asarray(np.maximum.accumulate(levels, axis=0))


@lru_cache(maxsize=1024)
def _tabulated(looks: Looks) -> _State:
    """Return the state at `ALPHAS`; looks that continue others share their state."""
    if len(looks.pairs) == 1:
        return _continued(_start(ALPHAS), looks)
    before = replace(looks, pairs=looks.pairs[:-1], df=looks.df[:-1], information=looks.information[:-1])
    return _continued(_tabulated(before), looks)


def _levels(looks: Looks, alphas: Vector) -> Vector:
    """Return the nominal levels, `[alphas, looks]`."""
    state = _start(alphas)
    for _ in looks.pairs:
        state = _continued(state, looks)
    return state.levels


def _start(alphas: Vector) -> _State:
    mass = np.tile(np.diff(special.ndtr(cell_edges())), (len(alphas), 1))  # of the first p-value
    return _State(np.zeros((len(alphas), 0)), mass, np.zeros(len(alphas)), alphas)


def _continued(state: _State, looks: Looks) -> _State:
    """Return the state after the next look."""
    place, mass = state.levels.shape[1], state.mass
    if place:
        matrix = transition(looks.pairs[place - 1], looks.df[place - 1], looks.pairs[place], looks.df[place])
        # Not `@`: on a machine whose cores are all busy, BLAS threads wait for each other 50 times as long.
        mass = np.einsum("ac,cd->ad", mass, matrix)
        mass = np.where(mass > NEGLIGIBLE, mass, 0.0)
    spent_now = _spent(state.alphas, looks.information[place], looks.spending)
    boundary, mass = _spend(mass, cell_edges(), spent_now - state.spent)
    levels = np.concatenate([state.levels, special.ndtr(-boundary)[:, None]], axis=1)
    return _State(levels, mass, spent_now, state.alphas)


def _spent(alphas: Vector, information: float, spending: Spending) -> Vector:
    share = min(max(information, 0.0), 1.0)
    if share == 0.0:
        return np.zeros_like(alphas)
    if spending == "kim_demets":
        return np.asarray(alphas * share**2)
    if spending == "pocock":
        return np.asarray(alphas * np.log1p((np.e - 1) * share))
    return np.asarray(2 * special.ndtr(special.ndtri(alphas / 2) / np.sqrt(share)))


def _spend(mass: Vector, edges: Vector, budget: Vector) -> tuple[Vector, Vector]:
    """Return the boundaries above which the budgets lie, and the mass that is left below them, `[alphas, cells]`.

    Between edges the normal quantile of the mass beyond is taken to be linear, which it nearly is.
    """
    above = np.zeros((len(mass), len(edges)))  # beyond each edge
    above[:, :-1] = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
    cell = np.clip((above > budget[:, None]).sum(axis=1) - 1, 0, len(edges) - 2)
    rows = np.arange(len(mass))
    tails = (above[rows, cell], above[rows, cell + 1], budget)
    most, least, wanted = (special.ndtri(np.clip(each, LEAST_LEVEL, 1.0 - 1e-16)) for each in tails)
    share = np.clip((most - wanted) / np.maximum(most - least, 1e-12), 0.0, 1.0)  # of the cell that is below
    boundary = edges[cell] + share * (edges[cell + 1] - edges[cell])
    left = np.where(np.arange(mass.shape[1]) > cell[:, None], 0.0, mass)
    left[rows, cell] = np.clip(above[rows, cell] - budget, 0.0, mass[rows, cell])
    spends = budget > 0
    return np.where(spends, boundary, np.inf), np.where(spends[:, None], left, mass)
