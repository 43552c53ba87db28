"""The error of a fitted effect by its seeds: what the runs of each seed leave over, whatever the effect does in each.

An effect of a fit is a weighted sum of all runs. Its sum over the runs of one seed is that seed's share of the effect,
and what the fit leaves of that share says how the effect varies with the seed. Seeds may lack runs: the fit takes out
what the other factors then add to the seed's sum. Of a complete balanced design this is the paired t of the seeds' own
effects. Else the variance is scaled so that it would be unbiased, and has the degrees of freedom that it would have,
if all runs varied alike (Bell and McCaffrey 2002, Survey Methodology 28).
"""

import math
from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.statistics.paired import DEGENERATE, Estimate

ONE_CLUSTER: Final = "a single seed has no interval"
LEAST_SHARE: Final = 1e-9  # of an effect's variance that is left between seeds


def by_seed(
    estimate: Estimate,
    weights: NDArray[np.float64],
    model: NDArray[np.float64],
    values: NDArray[np.float64],
    seeds: Sequence[Hashable],
) -> Estimate:
    """Return an effect of a least-squares fit with its standard error by the sums of each seed alone.

    Args:
        estimate: the effect.
        weights: `[runs]`, of which the effect is the weighted sum.
        model: `[runs, terms]`, all columns of the fit.
        values: `[runs]`, the response.
        seeds: of the runs.
    """
    names = list(dict.fromkeys(seeds))
    of_seed = np.array([[float(seed == name) for name in names] for seed in seeds])
    basis = np.linalg.qr(model)[0]
    residuals = values - basis @ (basis.T @ values)
    sums = (weights * residuals) @ of_seed
    projected = basis.T @ (weights[:, None] * of_seed)
    spread = np.diag(weights**2 @ of_seed) - projected.T @ projected  # of the sums, if all runs vary alike
    trace, variance = float(np.trace(spread)), float(weights @ weights)
    if len(names) < 2 or trace <= LEAST_SHARE * variance:
        return Estimate(value=estimate.value, standard_error=math.nan, df=0, n=estimate.n, method=ONE_CLUSTER)
    error = math.sqrt(float(sums @ sums) * variance / trace)
    if error <= DEGENERATE * float(np.abs(values).max(initial=0.0)):
        error = 0.0
    df = trace**2 / float((spread**2).sum())
    method = f"least squares, one effect per seed, {df:.4g} df"
    return Estimate(value=estimate.value, standard_error=error, df=df, n=estimate.n, method=method)
