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
    estimates: Sequence[Estimate],
    weights: NDArray[np.float64],
    model: NDArray[np.float64],
    values: NDArray[np.float64],
    seeds: Sequence[Hashable],
) -> list[Estimate]:
    """Return the effects of a least-squares fit with their standard errors by the sums of each seed alone.

    Args:
        estimates: the effects.
        weights: `[effects, runs]`; each effect is the weighted sum of the response.
        model: `[runs, terms]`, all columns of the fit.
        values: `[runs]`, the response.
        seeds: of the runs.
    """
    names = list(dict.fromkeys(seeds))
    of_seed = np.array([[float(seed == name) for name in names] for seed in seeds])
    basis = np.linalg.qr(model)[0]
    residuals = values - basis @ (basis.T @ values)
    tiny = DEGENERATE * float(np.abs(values).max(initial=0.0))
    return [
        _of_effect(estimate, own, residuals, basis, of_seed, tiny)
        for estimate, own in zip(estimates, weights, strict=True)
    ]


def _of_effect(  # noqa: PLR0917 - an effect, and what all effects of a fit share
    estimate: Estimate,
    weights: NDArray[np.float64],
    residuals: NDArray[np.float64],
    basis: NDArray[np.float64],
    of_seed: NDArray[np.float64],
    tiny: float,
) -> Estimate:
    sums = (weights * residuals) @ of_seed
    projected = basis.T @ (weights[:, None] * of_seed)
    spread = np.diag(weights**2 @ of_seed) - projected.T @ projected  # of the sums, if all runs vary alike
    trace, variance = float(np.trace(spread)), float(weights @ weights)
    if len(sums) < 2 or trace <= LEAST_SHARE * variance:
        return Estimate(value=estimate.value, standard_error=math.nan, df=0, n=estimate.n, method=ONE_CLUSTER)
    error = math.sqrt(float(sums @ sums) * variance / trace)
    df = trace**2 / float((spread**2).sum())
    return Estimate(
        value=estimate.value,
        standard_error=error if error > tiny else 0.0,
        df=df,
        n=estimate.n,
        method=f"least squares, one effect per seed, {df:.4g} df",
    )
