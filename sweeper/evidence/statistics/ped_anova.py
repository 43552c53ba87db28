"""Importance of factors for being among the best: PED-ANOVA (Watanabe, Bansal and Hutter 2023, IJCAI).

The density of a factor's levels among the best trials is compared with that among all trials. The Pearson divergence of
the two is the share of the variance of belonging to the best that the factor explains. Densities are Parzen estimates
on a grid with Scott's bandwidth, exactly as in Optuna's evaluator, with which a test compares. All that matters is
which trials are among the best: a pruned trial counts as soon as it is known not to be.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

NUM_STEPS: Final = 50
TARGET: Final = 0.1
PRIOR_WEIGHT: Final = 1.0
SMALLEST_SIGMA: Final = 0.5 / 1.64  # so that 90 % of a kernel lies in its own grid cell
FLOOR: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Grid:
    """The values of one factor, unordered levels or steps of a range, and the position of each trial."""

    size: int
    ordered: bool
    positions: NDArray[np.int64]


def level_grid(positions: ArrayLike, size: int) -> Grid:
    """Return the grid of levels by their number, 0 to size - 1."""
    return Grid(size, False, np.asarray(positions, dtype=np.int64))


def range_grid(values: ArrayLike, low: float, high: float, *, num_steps: int = NUM_STEPS) -> Grid:
    """Return the grid of a range in N steps; pass logarithms if the range is drawn on a log scale."""
    step = (high - low) / (num_steps - 1)
    # Midpoints go to the lower step, as in Optuna.
    positions = np.ceil((np.asarray(values, dtype=np.float64) - low) / step - 0.5).astype(np.int64)
    return Grid(num_steps, True, np.clip(positions, 0, num_steps - 1))


def ped_anova(grid: Grid, response: ArrayLike, *, target: float = TARGET) -> float:
    """Return the importance of a factor for being among the best share `target` of the trials.

    Args:
        grid: with the position of each trial.
        response: `[trials]`, finite, less is better; values of pruned trials are imputed.
        target: in (0, 1).
    """
    values = np.asarray(response, dtype=np.float64)
    if len(values) < 2 or grid.size < 2:
        return 0.0
    last = math.ceil(target * len(values)) - 1
    best = values <= np.partition(values, last)[last]
    top, everywhere = _density(grid, best) + FLOOR, _density(grid, np.ones_like(best)) + FLOOR
    share = float(best.mean())
    return share**2 * float(everywhere @ (top / everywhere - 1) ** 2)


def _density(grid: Grid, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the Parzen estimate over the grid, `[size]`."""
    counts = np.bincount(grid.positions[chosen], minlength=grid.size)
    seen = np.flatnonzero(counts)
    weights = np.append(counts[seen].astype(np.float64), PRIOR_WEIGHT)
    kernels = _range_kernels(grid.size, seen, counts[seen]) if grid.ordered else _level_kernels(grid.size, seen)
    return np.asarray((weights / weights.sum()) @ kernels)


def _level_kernels(size: int, seen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a kernel for each observed level and the prior, `[kernels, size]`."""
    kernels = np.full((len(seen) + 1, size), PRIOR_WEIGHT / (len(seen) + 1))
    kernels[np.arange(len(seen)), seen] += 1.0
    return np.asarray(kernels / kernels.sum(axis=1, keepdims=True))


def _range_kernels(size: int, seen: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return discrete normal kernels truncated to the grid, for each observed step and the prior, `[kernels, size]`."""
    centres = np.append(seen.astype(np.float64), (size - 1) / 2)
    sigmas = np.append(np.full(len(seen), _scott(seen, counts)), float(size))
    edges = np.arange(size + 1) - 0.5
    heights = ndtr((edges[None, :] - centres[:, None]) / sigmas[:, None])
    return np.asarray(np.diff(heights, axis=1) / (heights[:, -1:] - heights[:, :1]))


def _scott(seen: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Return Scott's (1992) bandwidth of counted observations, robust by their interquartile range."""
    total, cumulated = int(counts.sum()), np.cumsum(counts)
    mean = float(seen @ counts) / total
    sigma = math.sqrt(float((seen - mean) ** 2 @ counts) / max(1, total - 1))
    first = np.searchsorted(cumulated, total // 4, side="left")
    third = np.searchsorted(cumulated, total * 3 // 4, side="right")
    spread = float(seen[min(len(seen) - 1, int(third))] - seen[first])
    return max(1.059 * min(spread / 1.34, sigma) * math.pow(total, -0.2), SMALLEST_SIGMA)
