"""Main effects and interactions of a phase whose design is a two-level factorial, full or fractional."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from sweeper.evidence.data.agreeing import same_values
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.pool import ErrorRule, Pool
from sweeper.evidence.data.repeats import no_replicates
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.data.units import Unit
from sweeper.evidence.statistics.contrast import between, floored, make_runs
from sweeper.evidence.statistics.factorial import FEWEST_DF, FactorialEffect, factorial_effects
from sweeper.evidence.statistics.paired import Estimate
from sweeper.evidence.statistics.replicates import FINE, SAME
from sweeper.evidence.statistics.resolution import rounding_error

NO_NOISE: Final = "the effects explain all values to the last digit, and leave no noise to judge by"
NOISE_STEPS: Final = 3.0  # differences of up to this many rounding errors are rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorialPhase:
    """The fit of a phase.

    Attributes:
        factors: those with two levels.
        levels: by factor the keys of its low (baseline) and high level.
        effects: main effects first, then the interactions that can be estimated.
        cells: the cells on which it rests.
        tied: by factor those that never vary without it, and are not factors of the fit.
        df: residual degrees of freedom; 0 if there are too few to judge by.
    """

    factors: tuple[str, ...]
    levels: dict[str, tuple[str, str]]
    effects: tuple[FactorialEffect, ...] = field(repr=False)
    cells: tuple[Cell, ...] = field(repr=False)
    tied: dict[str, tuple[str, ...]] = field(default_factory=dict)
    df: int = 0


def factorial_phase(runs: Runs, phase: PhaseRuns) -> FactorialPhase | None:
    """Return the fit of one phase; None if no factor has exactly two levels in it or nothing is measured.

    Runs of a seed and corpus are a block. Of a Plackett-Burman design only main effects are fitted: its interactions
    are spread over all main effects.
    """
    measured = tuple(cell for cell in phase.cells if cell.is_measured)
    levels = {factor: pair for factor in runs.factors if (pair := _two_levels(runs, phase, factor))}
    levels = {factor: pair for factor, pair in levels.items() if not _is_block(factor, measured, pair)}
    if not levels or len(measured) < 2:
        return None
    coded, tied = _distinguished(
        {
            factor: [1.0 if cell.levels[factor] == high else -1.0 for cell in measured]
            for factor, (_, high) in levels.items()
        }
    )
    effects = factorial_effects(
        coded,
        [cell.value for cell in measured],
        [cell.block for cell in measured],
        interactions=phase.design != "plackett_burman",
        seeds=[cell.seed for cell in measured],
    )
    kept = {factor: levels[factor] for factor in coded}
    left = len(measured) - len({cell.block for cell in measured}) - len(effects)
    judged = tuple(replace(effect, estimate=_judged(effect, coded, measured, phase.pool)) for effect in effects)
    return FactorialPhase(
        factors=tuple(kept),
        levels=kept,
        effects=judged,
        cells=measured,
        tied=tied,
        df=left if left >= FEWEST_DF else 0,
    )


def _judged(
    effect: FactorialEffect, coded: Mapping[str, Sequence[float]], cells: Sequence[Cell], pool: Pool
) -> Estimate:
    """Return the estimate of an effect with what seeds and the metric's resolution allow it to claim.

    It may vary with the seed, so that the variance is between that of the seeds' effects and the residual one. If the
    seed changes nothing, in all runs or in most of those at one level, or values only add up, there is no error to
    judge by.
    """
    found = effect.estimate
    weights = np.prod([coded[term] for term in effect.terms], axis=0) * 2.0 / len(cells)
    terms = list(zip(cells, weights.tolist(), strict=True))
    if reason := no_replicates(pool, terms) or same_values(_by_seed_units(terms)) or _no_noise(found, terms):
        return replace(found, standard_error=math.nan, df=0, n=1, method=reason)
    runs = make_runs(
        [cell.value for cell in cells],
        effect.weights,
        [cell.arm for cell in cells],
        [cell.seed for cell in cells],
        [cell.stratum for cell in cells],
        steps=[cell.step for cell in cells],
    )
    own = effect.by_seed
    if own is not None and own.decides and found.df > own.df:
        found = own if pool.rule is ErrorRule.ONE_PER_SEED else _between(own, found)
    return floored(found, runs)


def _by_seed_units(terms: Sequence[tuple[Cell, float]]) -> list[Unit]:
    """Return the runs of each seed as a unit: its contrast."""
    groups: dict[int, list[tuple[Cell, float]]] = defaultdict(list)
    for cell, weight in terms:
        groups[cell.seed].append((cell, weight))
    return [Unit(key=(seed,), terms=tuple(each)) for seed, each in groups.items()]


def _no_noise(found: Estimate, terms: Sequence[tuple[Cell, float]]) -> str:
    """Return that a fit leaves nothing over but the rounding of values of many digits; empty if it does."""
    cells, weights = [cell for cell, _ in terms], [weight for _, weight in terms]
    if not found.decides or not all(cell.share <= FINE for cell in cells):
        return ""
    rounding = rounding_error(weights, [cell.step + SAME * abs(cell.value) for cell in cells])
    return NO_NOISE if found.standard_error <= NOISE_STEPS * rounding else ""


def _between(own: Estimate, found: Estimate) -> Estimate:
    return between(own, found, fit="least squares", each="effect")


def _distinguished(coded: dict[str, list[float]]) -> tuple[dict[str, list[float]], dict[str, tuple[str, ...]]]:
    """Return the factors whose columns differ from all earlier ones, and for each the factors with the same column."""
    groups: dict[tuple[float, ...], list[str]] = {}
    for factor, column in coded.items():
        groups.setdefault(tuple(column), []).append(factor)
    kept = {names[0]: list(column) for column, names in groups.items()}
    return kept, {names[0]: tuple(names[1:]) for names in groups.values() if len(names) > 1}


def _two_levels(runs: Runs, phase: PhaseRuns, factor: str) -> tuple[str, str] | None:
    present = list(dict.fromkeys(cell.levels[factor] for cell in phase.cells))
    if len(present) != 2:
        return None
    base = phase.baseline[factor]
    if base not in present:
        order = runs.levels[factor] or tuple(present)
        base = min(present, key=lambda key: order.index(key) if key in order else len(order))
    return base, next(key for key in present if key != base)


def _is_block(factor: str, cells: Sequence[Cell], levels: tuple[str, str]) -> bool:
    """Return whether a factor is a corpus: its levels are blocks already."""
    blocks = [{cell.block for cell in cells if cell.levels[factor] == key} for key in levels]
    return not blocks[0] & blocks[1]
