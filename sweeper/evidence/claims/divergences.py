"""Claims on how often runs diverge or fail, from pairs that agree in all else."""

from dataclasses import replace

from sweeper.evidence.claims.evidence import Part, Region, require
from sweeper.evidence.claims.fractions import Change
from sweeper.evidence.data.cells import Cell, Levels
from sweeper.evidence.data.comparison import matching, paired_by_factor
from sweeper.evidence.data.failures import share_of_outcomes
from sweeper.evidence.data.pool import Pool
from sweeper.evidence.data.runs import PhaseRuns
from sweeper.evidence.statistics.divergence import diverges_more_p_paired
from sweeper.evidence.statistics.paired import Estimate

FEWER = Region(high=0.0)
MORE = Region(low=0.0)


def divergence_part(phase: PhaseRuns, change: Change, where: Levels, label: str, *, fewer: bool) -> Part:
    """Return how the share of failed runs changes with a factor; by McNemar's exact test.

    Args:
        change: the factor, and the levels that are compared.
        where: only cells with these levels of other factors count.
        label: what is compared, as text.
        fewer: whether the claim is that fewer runs fail, else that more do.
    """
    cells = tuple(_outcome(cell) for cell in phase.cells)
    comparison = paired_by_factor(matching(cells, where), change, Pool(cells))
    require(bool(comparison.units), f"no two trials of phase {phase.name} differ only in {change[0]}")
    differences = comparison.differences
    more, less = (sum(sign * difference > 0 for difference in differences) for sign in (1, -1))
    terms = [term for unit in comparison.complete for term in unit.terms]
    shares = [share_of_outcomes(cell for cell, weight in terms if weight * side > 0) for side in (1, -1)]
    support, refute = diverges_more_p_paired(less, more), diverges_more_p_paired(more, less)
    value = sum(differences) / len(differences) if differences else float("nan")
    n = len(differences)
    return Part(
        label=f"{label}: {shares[0]} runs failed, against {shares[1]}",
        comparison=comparison,
        estimate=Estimate(value=value, standard_error=float("nan"), df=0, n=n, method="McNemar's exact test"),
        mean_from=shares[1].diverged / shares[1].runs if shares[1].runs else float("nan"),
        region=FEWER if fewer else MORE,
        exact=(support, refute) if fewer else (refute, support),
    )


def _outcome(cell: Cell) -> Cell:
    """Return a cell whose value is 1 if it failed and 0 if it did not; one that has not ended has none."""
    ended = cell.is_measured or cell.is_failed or any(state == "pruned" for _, state in cell.missing)
    if not ended:
        return replace(cell, value=float("nan"), raw=float("nan"), step=0.0)
    value = float(cell.is_failed)
    return replace(cell, value=value, raw=value, step=0.0, trial_ids=cell.all_trials, missing=())
