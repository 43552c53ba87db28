"""Claims on how often runs diverge or fail, from pairs that agree in all else."""

import math
from collections import defaultdict
from dataclasses import replace
from statistics import fmean
from typing import Final

from sweeper.evidence.claims.evidence import Part, Region
from sweeper.evidence.claims.unpaired import Change
from sweeper.evidence.data.cells import Cell, Levels
from sweeper.evidence.data.comparison import Comparison, matching, paired_by_factor
from sweeper.evidence.data.failures import ENDED, share_of_outcomes
from sweeper.evidence.data.pool import Pool
from sweeper.evidence.data.runs import PhaseRuns
from sweeper.evidence.data.units import Unit
from sweeper.evidence.formatting import count
from sweeper.evidence.statistics.divergence import diverges_more_p
from sweeper.evidence.statistics.paired import Estimate

FEWER = Region(high=0.0)
MORE = Region(low=0.0)
MCNEMAR: Final = "McNemar's exact test"


def divergence_part(phase: PhaseRuns, change: Change, where: Levels, label: str, *, fewer: bool) -> Part:
    """Return how the share of failed runs changes with a factor; by McNemar's exact test, with seeds as its unit.

    Args:
        change: the factor, and the levels that are compared.
        where: only cells with these levels of other factors count.
        label: what is compared, as text.
        fewer: whether the claim is that fewer runs fail, else that more do.
    """
    paired = paired_by_factor(matching(phase.cells, where), change, phase.pool)
    units = tuple(map(_outcomes, paired.units))
    comparison = Comparison(units=units, pool=Pool(cell for unit in units for cell, _ in unit.terms))
    differences = comparison.differences
    excess = _by_seed(comparison)
    terms = [term for unit in comparison.complete for term in unit.terms]
    shares = [share_of_outcomes(cell for cell, weight in terms if weight * side > 0) for side in (1, -1)]
    support, refute = diverges_more_p([-each for each in excess]), diverges_more_p(excess)
    value = sum(differences) / len(differences) if differences else float("nan")
    n = len(differences)
    method = MCNEMAR if n <= len(excess) else f"exact sign-flip test over {count(len(excess), 'seed')},"
    return Part(
        label=f"{label}: {shares[0]} runs failed, against {shares[1]}",
        comparison=comparison,
        estimate=Estimate(value=value, standard_error=float("nan"), df=0, n=n, method=method),
        mean_from=shares[1].diverged / shares[1].runs if shares[1].runs else float("nan"),
        region=FEWER if fewer else MORE,
        exact=(support, refute) if fewer else (refute, support),
    )


def _by_seed(comparison: Comparison) -> list[int]:
    """Return of each seed in how many of its pairs the change made a run fail, minus those that it made complete."""
    found: dict[int, int] = defaultdict(int)
    for unit in comparison.complete:
        found[unit.terms[0][0].seed] += (unit.value > 0) - (unit.value < 0)
    return list(found.values())


def _outcomes(unit: Unit) -> Unit:
    """Return a unit whose values are the shares of runs that failed, of as many runs on either side.

    Of repeats, one side may have more than the other: then of these the first count. A share of more runs is more
    rarely 0, so that one of few would seem to fail less often than it does.
    """
    runs = min(len(_endings(cell)) for cell, _ in unit.terms)
    return replace(unit, terms=tuple((_outcome(cell, runs), weight) for cell, weight in unit.terms))


def _outcome(cell: Cell, runs: int) -> Cell:
    """Return a cell whose value is the share of its first runs that failed; NaN if none ended."""
    ends = _endings(cell)
    failed = list(ends.values())
    return replace(
        cell,
        value=fmean(failed[:runs]) if runs else math.nan,
        raw=fmean(failed) if failed else math.nan,
        step=0.0,
        share=math.inf,
        trial_ids=tuple(ends),
        missing=tuple((trial, state) for trial, state in cell.missing if trial not in ends),
    )


def _endings(cell: Cell) -> dict[int, float]:
    """Return by trial whether it failed; those that have not ended are left out."""
    lost = {trial: float(state == "failed") for trial, state in cell.missing if state in ENDED}
    found = {**dict.fromkeys(cell.trial_ids, 0.0), **lost}
    return {trial: found[trial] for trial in sorted(found)}
