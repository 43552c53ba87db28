"""Responses freed of what strata and seeds do to all configurations, before importance is asked for.

The share of the variance that a factor explains is one of what is left when strata (datasets, budgets) and seeds are
taken out. Over two datasets whose perplexities differ by a factor of two nearly all of the variance is theirs, and
every factor looks unimportant.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

RANK = 1e-8


def centred_response(
    values: ArrayLike, arms: Sequence[Hashable], seeds: Sequence[Hashable], strata: Sequence[Hashable]
) -> NDArray[np.float64]:
    """Values less the mean of their stratum and what their seed adds in it.

    What a seed adds is estimated by least squares on value = configuration + seed, i.e. from configurations that ran
    with several seeds. Where each ran with one, as in a search, nothing can be said of seeds, and nothing is taken out.

    Args:
        values: `[runs]`, finite.
        arms: the configuration of each run.
        seeds, strata: of each run.
    """
    found = np.asarray(values, dtype=np.float64)
    result = np.empty_like(found)
    for stratum in dict.fromkeys(strata):
        members = [place for place, each in enumerate(strata) if each == stratum]
        seed = _seed_effects(found[members], [arms[place] for place in members], [seeds[place] for place in members])
        rest = found[members] - seed
        result[members] = rest - rest.mean()
    return result


def aliased_factors(levels: Sequence[Sequence[Hashable]]) -> tuple[int, ...]:
    """The factors whose main effects cannot be told from those of the others: their levels always change together.

    A factor is aliased if the columns of its levels are sums of those of the other factors. Of factors that are
    aliased with each other all are listed.

    Args:
        levels: of each factor the level of every run, `[factors, runs]`.
    """
    columns = [_indicators(each) for each in levels]
    return tuple(
        place
        for place, own in enumerate(columns)
        if own.shape[1]
        and _rank([*columns[:place], *columns[place + 1 :], own])
        < _rank([*columns[:place], *columns[place + 1 :]]) + own.shape[1]
    )


def _seed_effects(
    values: NDArray[np.float64], arms: Sequence[Hashable], seeds: Sequence[Hashable]
) -> NDArray[np.float64]:
    """What each run's seed adds, as configurations with several seeds show it; 0 on average."""
    places = {arm: place for place, arm in enumerate(dict.fromkeys(arms))}
    groups = np.array([places[arm] for arm in arms], dtype=np.int64)
    model = np.array([[float(seed == other) for other in dict.fromkeys(seeds)] for seed in seeds])
    counts = np.bincount(groups).astype(np.float64)

    def centred(columns: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.zeros((len(counts), columns.shape[1]))
        np.add.at(sums, groups, columns)
        return np.asarray(columns - (sums / counts[:, None])[groups])

    effects = np.linalg.lstsq(centred(model), centred(values[:, None])[:, 0], rcond=RANK)[0]
    added = model @ effects
    return np.asarray(added - added.mean())


def _indicators(levels: Sequence[Hashable]) -> NDArray[np.float64]:
    """A centred column for each level but the first, `[runs, levels - 1]`."""
    known = list(dict.fromkeys(levels))
    matrix = np.array([[float(level == other) for other in known[1:]] for level in levels]).reshape(len(levels), -1)
    return np.asarray(matrix - matrix.mean(axis=0)) if matrix.size else matrix


def _rank(columns: Sequence[NDArray[np.float64]]) -> int:
    used = [each for each in columns if each.shape[1]]
    return int(np.linalg.matrix_rank(np.hstack(used), tol=RANK)) if used else 0
