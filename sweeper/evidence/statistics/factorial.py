"""Main effects and two-way interactions of two-level designs, and what each is aliased with.

Levels are coded -1 and +1, so that columns of an orthogonal design are independent; an effect is the change of the
response from the low to the high level, averaged over the others (Box, Hunter and Hunter 2005, ch. 5). An effect of a
fractional design is the sum of its own and of those with which it is aliased: the fit keeps one of each chain, main
effects first, and names the others.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweeper.evidence.statistics.clustered import by_seed
from sweeper.evidence.statistics.paired import Estimate

TIMES: Final = " x "
TOO_FEW: Final = "too few runs to judge by"
FEWEST_DF: Final = 3  # for an error from residuals
FEWEST_EFFECTS: Final = (
    3  # for an error from effects; with fewer, intervals would span thousands of orders of magnitude
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorialEffect:
    """One effect.

    Attributes:
        terms: one factor, or the two of an interaction.
        estimate: low to high, with its standard error.
        aliases: the main effects and two-way interactions with which it is aliased, with their weights: +1 or -1 for
            full aliasing, 1/3 for a Plackett-Burman design of 12 runs.
        weights: `[runs]`; the effect is the weighted sum of the response.
        by_seed: the estimate with its error by the seeds alone, see `clustered`; None if no seeds were given.
    """

    terms: tuple[str, ...]
    estimate: Estimate
    aliases: tuple[tuple[str, float], ...]
    weights: NDArray[np.float64] = field(repr=False, compare=False)
    by_seed: Estimate | None = None

    @property
    def name(self) -> str:
        """The factor, or both factors joined by " x "."""
        return TIMES.join(self.terms)


def factorial_effects(
    levels: Mapping[str, ArrayLike],
    response: ArrayLike,
    blocks: Sequence[Hashable] | None = None,
    *,
    interactions: bool = True,
    seeds: Sequence[Hashable] | None = None,
) -> tuple[FactorialEffect, ...]:
    """Fit all main effects and, where they are not aliased, two-way interactions by least squares.

    Standard errors come from the residuals if three or more degrees of freedom are left; a design that is saturated, or
    nearly so, uses Lenth's pseudo standard error (`lenth`) of its effects, of which at least three must be there.

    Args:
        levels: -1 or +1 of each factor in each run, `[runs]` each.
        response: `[runs]`, finite.
        blocks: e.g. seed and corpus of each run; differences between blocks are removed.
        interactions: whether to fit two-way interactions, not only main effects.
        seeds: of each run, with which effects may vary; None to look at the residuals alone.

    Returns:
        The main effects in the order of the factors, then the interactions.
    """
    values = np.asarray(response, dtype=np.float64)
    columns = _columns(levels)
    nuisance = _nuisance(blocks, len(values))
    wanted = {terms: column for terms, column in columns.items() if interactions or len(terms) == 1}
    kept = _independent(nuisance, wanted)
    model = np.column_stack([nuisance, *(columns[terms] for terms in kept)])
    weights = 2.0 * np.linalg.pinv(model)[nuisance.shape[1] :]
    estimates = _estimates(model, values, nuisance.shape[1])
    aliases = _aliases(model, nuisance.shape[1], kept, columns)
    of_seeds = [None] * len(kept) if seeds is None else by_seed(estimates, weights, model, values, seeds)
    return tuple(
        FactorialEffect(
            terms=terms,
            estimate=estimate,
            aliases=alias,
            weights=own,
            by_seed=of_seed,
        )
        for terms, estimate, alias, own, of_seed in zip(kept, estimates, aliases, weights, of_seeds, strict=True)
    )


def lenth(effects: ArrayLike) -> tuple[float, float]:
    """Return Lenth's pseudo standard error of the effects of an unreplicated design, and its degrees of freedom.

    Lenth 1989, Quick and easy analysis of unreplicated factorials, Technometrics 31, pp. 469-473: most effects are
    assumed to be noise.
    """
    sizes = np.abs(np.asarray(effects, dtype=np.float64))
    first = 1.5 * float(np.median(sizes))
    small = sizes[sizes < 2.5 * first]
    return 1.5 * float(np.median(small)) if len(small) else 0.0, len(sizes) / 3


def _columns(levels: Mapping[str, ArrayLike]) -> dict[tuple[str, ...], NDArray[np.float64]]:
    coded = {name: np.asarray(column, dtype=np.float64) for name, column in levels.items()}
    for name, column in coded.items():
        if not np.isin(column, (-1.0, 1.0)).all():
            raise ValueError(f"the levels of {name} must be coded -1 and 1, but are {sorted(set(column.tolist()))}")
    columns: dict[tuple[str, ...], NDArray[np.float64]] = {(name,): column for name, column in coded.items()}
    columns |= {(a, b): coded[a] * coded[b] for a, b in combinations(coded, 2)}
    return columns


def _nuisance(blocks: Sequence[Hashable] | None, runs: int) -> NDArray[np.float64]:
    """Return an intercept for each block."""
    labels = [0] * runs if blocks is None else list(blocks)
    return np.array([[float(label == other) for other in dict.fromkeys(labels)] for label in labels]).reshape(runs, -1)


def _independent(
    nuisance: NDArray[np.float64], columns: Mapping[tuple[str, ...], NDArray[np.float64]]
) -> list[tuple[str, ...]]:
    """Return the terms whose columns are not sums of earlier ones: one of each alias chain."""
    kept: list[tuple[str, ...]] = []
    basis = np.linalg.qr(nuisance)[0]
    for terms, column in columns.items():
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        length = float(np.linalg.norm(rest))
        if length > 1e-8 * math.sqrt(len(column)):
            basis = np.column_stack([basis, rest / length])
            kept.append(terms)
    return kept


def _estimates(model: NDArray[np.float64], values: NDArray[np.float64], skip: int) -> list[Estimate]:
    runs, terms = model.shape
    if terms <= skip:
        return []
    inverse = np.linalg.pinv(model)
    coefficients = inverse @ values
    effects = 2.0 * coefficients[skip:]
    df = runs - terms
    if df >= FEWEST_DF:
        residuals = values - model @ coefficients
        variances = residuals @ residuals / df * np.diag(inverse @ inverse.T)
        errors, method = 2.0 * np.sqrt(variances)[skip:], f"least squares, {df} df"
        freedom = float(df)
    elif len(effects) < FEWEST_EFFECTS:
        errors, freedom, method = np.full(len(effects), math.nan), 0.0, TOO_FEW
    else:
        pseudo, freedom = lenth(effects)
        errors, method = np.full(len(effects), pseudo), f"Lenth's pseudo standard error, {freedom:.3g} df"
    return [
        Estimate(value=float(effect), standard_error=float(error), df=freedom, n=runs // 2, method=method)
        for effect, error in zip(effects, errors, strict=True)
    ]


def _aliases(
    model: NDArray[np.float64],
    skip: int,
    kept: Sequence[tuple[str, ...]],
    columns: Mapping[tuple[str, ...], NDArray[np.float64]],
) -> list[tuple[tuple[str, float], ...]]:
    """Return the alias matrix (X'X)^-1 X'Z of the terms left out (Box and Wilson 1951, J. R. Stat. Soc. B 13)."""
    left_out = [terms for terms in columns if terms not in kept]
    if not left_out or not kept:
        return [()] * len(kept)
    others = np.column_stack([columns[terms] for terms in left_out])
    matrix = np.linalg.lstsq(model, others, rcond=None)[0][skip:]
    return [
        tuple(
            (TIMES.join(terms), round(float(weight), 6))
            for terms, weight in zip(left_out, row, strict=True)
            if abs(weight) > 1e-8
        )
        for row in matrix
    ]
