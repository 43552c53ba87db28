"""The best of several lengths of one configuration, and by how much it looks better than it is.

All seeds share one length: the one with the best mean over seeds of what lengths are chosen by. The best of several
means looks better than it is, the more so the more lengths are about as good and the more of the noise each has to
itself. That is its optimism, by a parametric bootstrap (Efron 1979): mean curves with the noise that the seeds' curves
have about theirs. Measured means are further apart than the true ones, so each length is taken to be nearer to the best
one, by up to two standard errors of their difference. How much worse each seed is at the length that the others choose
is right on average too, but so noisy with few seeds that correcting by it adds more error than it takes away. It counts
only where seeds lack lengths, and is larger.

A length that varies far more than the others, such as one of a run's first steps at a high learning rate, is by far the
best one in some draws. That it might have been chosen says nothing about the value of the length that was, so such a
length is left out of the draws.

The optimism is added to the value, and its square to the squared standard error, since it is known no better than that.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

Matrix = NDArray[np.float64]  # [seeds, lengths], NaN where unknown
DRAWS: Final = 500  # of mean curves
DRAWS_SEED: Final = 2020
LEAST: Final = 1e-6  # of the spread between seeds: an optimism below it is rounding
FEWEST_SEEDS: Final = 2  # that show how much a length varies
NEARER: Final = 2.0  # standard errors by which lengths may be nearer to the best one than they look
WILD: Final = 10.0  # times as noisy as the best length and far noisier than the median one: no rival of the best one
FAR: Final = 1e-6  # the level of "far", were the median's noise known
MEDIAN_OF: Final = 5  # lengths or more, of which the median shows the noise


@dataclass(frozen=True, slots=True)
class Choice:
    """The length that is best on average.

    Attributes:
        place: of the length.
        without: by seed the length that the other seeds choose; -1 where they show none.
        optimism: by how much its value looks better than it is, at least 0; NaN if one seed does not show it.
    """

    place: int
    without: tuple[int, ...]
    optimism: float


def best_length(chosen_by: Matrix, values: Matrix) -> Choice | None:
    """Return the best length of a configuration; None if nothing is known of any.

    Args:
        chosen_by: what lengths are chosen by, less for better.
        values: what is reported of the chosen length, less for better.
    """
    chosen_by, values = (np.where(np.isfinite(each), each, np.nan) for each in (chosen_by, values))
    means = adjusted_means(chosen_by)
    if not np.isfinite(means).any():
        return None
    place = _least(means)
    without = tuple(_without(chosen_by, seed) for seed in range(len(chosen_by)))
    if np.isfinite(means).sum() == 1:
        return Choice(place, without, 0.0)
    if np.isfinite(values[:, place]).sum() < FEWEST_SEEDS:
        return Choice(place, without, math.nan)
    optimism = max(_by_draws(chosen_by, values), 0.0)
    if not (np.isfinite(chosen_by).all() and np.isfinite(values).all()):
        optimism = max(optimism, _by_other_seeds(values, place, without))
    return Choice(place, without, optimism if optimism > LEAST * float(np.nanstd(values[:, place])) else 0.0)


def adjusted_means(values: Matrix) -> NDArray[np.float64]:
    """Return the mean of each length over seeds as if every seed had all lengths; NaN for a length that none has.

    What seeds that lack some lengths add to those that they have is taken out, by least squares.
    """
    known = np.isfinite(values)
    count = known.sum(axis=0)
    filled = np.where(known, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = filled.sum(axis=0) / count
        if (known == known[:, :1]).all():  # every seed has all lengths or none
            return np.asarray(means)
        shares = np.where(count > 0, 1.0 / count, 0.0)
    weights = known.astype(float)
    system = np.diag(weights.sum(axis=1)) - (weights * shares) @ weights.T
    residuals = np.where(known, filled - np.nan_to_num(means), 0.0).sum(axis=1)
    seeds = np.linalg.lstsq(system, residuals, rcond=None)[0]
    adjusted = np.where(known, filled - seeds[:, None], 0.0).sum(axis=0) * shares
    return np.where(count > 0, adjusted + seeds.mean(), np.nan)


def _least(means: NDArray[np.float64]) -> int:
    return int(np.nanargmin(means))


def _without(chosen_by: Matrix, seed: int) -> int:
    means = adjusted_means(np.delete(chosen_by, seed, axis=0)) if len(chosen_by) > 1 else np.array([np.nan])
    return _least(means) if np.isfinite(means).any() else -1


def _by_other_seeds(values: Matrix, place: int, without: tuple[int, ...]) -> float:
    """Return by how much worse seeds are at the lengths that the others choose than at the common one."""
    found = [values[seed, other] - values[seed, place] for seed, other in enumerate(without) if other >= 0]
    finite = [each for each in found if math.isfinite(each)]
    return math.fsum(finite) / len(finite) if finite else 0.0


def _by_draws(chosen_by: Matrix, values: Matrix) -> float:
    """Return by how much the best of drawn mean curves looks better than it is, on average."""
    lengths = np.isfinite(chosen_by).any(axis=0) & np.isfinite(values).any(axis=0)
    seeds = np.isfinite(chosen_by[:, lengths]).all(axis=1) & np.isfinite(values[:, lengths]).all(axis=1)
    number = int(seeds.sum())
    if number < FEWEST_SEEDS:
        return 0.0
    first, second = chosen_by[np.ix_(seeds, lengths)], values[np.ix_(seeds, lengths)]
    draws = _draws(number) / math.sqrt(number * (number - 1))
    means, rest = _nearer(first), _about_means(first)
    means[_wild(rest, _least(first.mean(axis=0)))] = np.inf
    places = (means + draws @ rest).argmin(axis=1)
    noise = draws @ _about_means(second)
    return -float(noise[np.arange(len(noise)), places].mean())


def _nearer(values: Matrix) -> NDArray[np.float64]:
    """Return the means of lengths, each nearer to the best one, as far as their differences are not known."""
    means = values.mean(axis=0)
    best = int(means.argmin())
    differences = values - values[:, [best]]
    errors = differences.std(axis=0, ddof=1) / math.sqrt(len(values))
    return np.asarray(means[best] + np.maximum(means - means[best] - NEARER * errors, 0.0))


def _wild(rest: Matrix, best: int) -> NDArray[np.bool_]:
    """Say which lengths are too noisy to be rivals of the best one."""
    own = rest - np.median(rest, axis=1, keepdims=True)  # what is wild at some lengths is not a part of all
    noise, df = (own**2).sum(axis=0), len(rest) - 1
    if noise.size < MEDIAN_OF:
        return np.zeros(noise.size, dtype=bool)
    far = np.median(noise) * float(special.chdtri(df, FAR) / special.chdtri(df, 0.5))
    return np.asarray(noise > max(WILD**2 * noise[best], far))


def _about_means(values: Matrix) -> Matrix:
    """Return what is left of curves without their mean curve and without what a seed adds to all lengths."""
    rest = values - values.mean(axis=0)
    return np.asarray(rest - rest.mean(axis=1, keepdims=True))


@lru_cache(maxsize=64)
def _draws(seeds: int) -> Matrix:
    """Return the same normal numbers each time, each with its opposite, so that they have no mean."""
    half = np.random.default_rng(DRAWS_SEED).standard_normal((DRAWS // 2, seeds))
    return np.concatenate([half, -half])
