"""The shape of a claim's comparison: how precisely a number of seeds shows its effect, whatever the values are."""

import math
from dataclasses import dataclass

import numpy as np

from sweeper.evidence.claims.evidence import Part, require
from sweeper.evidence.data.precision import precision
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.effects.factorial_phase import FactorialPhase, factorial_phase
from sweeper.evidence.statistics.sample_size import Design
from sweeper.evidence.statistics.selection import best_of
from sweeper.spec.claim import Statement, phases_of

WHOLE_FIT = ("all",)  # the key of a unit that stands for the fit of a whole phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One comparison at a number of seeds.

    Attributes:
        error: the standard error of its effect if one run has a standard deviation of 1.
        df: its degrees of freedom while all arms vary alike.
        cancels: whether what the runs of a seed share cancels.
        averaged: whether a seed has several pairs in one stratum.
        spans: whether a seed has pairs in several strata.
        share_by_seed: its part of all pairs that make its change in a grid.
        compared: from how many levels what is compared is picked.
        rivals: from how many levels what it is compared with is picked.
    """

    seeds: int
    pairs: int
    error: float
    df: float
    cancels: bool
    averaged: bool
    spans: bool
    share_by_seed: float
    compared: int
    rivals: int

    @property
    def looks_better(self) -> float:
        """By how much the best of the rivals looks better than it is if one run has a standard deviation of 1.

        It is one of the two sides of the effect.
        """
        return best_of(self.rivals) * self.error / math.sqrt(2.0)

    @property
    def pair_sd(self) -> float:
        """The standard deviation of one pair's difference if one run has a standard deviation of 1."""
        return self.error * math.sqrt(self.pairs)

    @property
    def design(self) -> Design:
        """What each seed brings, as the analysis plans with it."""
        return Design(
            pairs_per_seed=self.pairs / self.seeds,
            df_per_seed=self.df / max(self.seeds - 1, 1),
            averaged=self.averaged,
            spans=self.spans,
            share_by_seed=self.share_by_seed,
        )


def shape_of(part: Part, statement: Statement, runs: Runs) -> Shape:
    """Return the shape of one part of a claim on planned runs.

    Raises:
        Untestable: nothing is compared, or its precision is not known before its values are.
    """
    comparison = part.comparison
    require(bool(comparison.complete), "no pair of trials")
    if all(unit.key == WHOLE_FIT for unit in comparison.complete):
        return _of_fit(part, statement, runs)
    found = precision(comparison)
    return Shape(
        seeds=comparison.num_seeds,
        pairs=len(comparison.complete),
        error=found.error,
        df=found.df,
        cancels=found.cancels,
        averaged=comparison.is_between,
        spans=comparison.spans,
        share_by_seed=comparison.share_by_seed,
        compared=part.compared[0],
        rivals=part.compared[1],
    )


def along(first: Shape, second: Shape, seeds: int) -> Shape:
    """Return the shape at another number of seeds: pairs, degrees of freedom and precision are linear in it."""
    share = (seeds - first.seeds) / (second.seeds - first.seeds)

    def between(one: float, other: float) -> float:
        return one + share * (other - one)

    return Shape(
        seeds=seeds,
        pairs=round(between(first.pairs, second.pairs)),
        error=between(first.error**-2, second.error**-2) ** -0.5,
        df=between(first.df, second.df),
        cancels=first.cancels,
        averaged=first.averaged,
        spans=first.spans,
        share_by_seed=first.share_by_seed,
        compared=first.compared,
        rivals=first.rivals,
    )


def _of_fit(part: Part, statement: Statement, runs: Runs) -> Shape:
    """Return the shape of an effect of a fraction, which the fit of its whole phase gives."""
    phase = runs.phases[next(iter(phases_of(statement)))]
    fit = factorial_phase(runs, phase)
    assert fit is not None
    require(_is_orthogonal(fit), "its effects are not orthogonal, so their precision is known only after the fit")
    units = part.comparison.complete
    return Shape(
        seeds=part.comparison.num_seeds,
        pairs=part.estimate.n,
        error=math.sqrt(sum(weight**2 for unit in units for _, weight in unit.terms)),
        df=float(fit.df),
        cancels=True,
        averaged=True,
        spans=False,
        share_by_seed=1.0,
        compared=part.compared[0],
        rivals=part.compared[1],
    )


def _is_orthogonal(fit: FactorialPhase) -> bool:
    """Return whether the columns of all fitted effects are balanced in every block, and orthogonal to each other."""
    signs = {name: np.array([_sign(cell.levels[name], fit.levels[name]) for cell in fit.cells]) for name in fit.factors}
    columns = np.column_stack([np.prod([signs[name] for name in effect.terms], axis=0) for effect in fit.effects])
    places: dict[object, list[int]] = {}
    for place, cell in enumerate(fit.cells):
        places.setdefault(cell.block, []).append(place)
    balanced = all(not columns[rows].sum(axis=0).any() for rows in places.values())
    products = columns.T @ columns
    return balanced and not (products - np.diag(np.diag(products))).any()


def _sign(level: str, levels: tuple[str, str]) -> float:
    return 1.0 if level == levels[1] else -1.0
