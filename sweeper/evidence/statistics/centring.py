"""What strata and seeds add to all configurations, to be taken out before importance is asked for.

The share of the variance that a factor explains is one of what is left when strata (datasets, budgets) and seeds are
taken out. Over two datasets whose perplexities differ by a factor of two nearly all of the variance is theirs, and
every factor looks unimportant.
"""

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweeper.evidence.statistics.two_way import block_effects

RANK: Final = 1e-8


def block_offsets(
    values: ArrayLike, arms: Sequence[Hashable], seeds: Sequence[Hashable], strata: Sequence[Hashable]
) -> NDArray[np.float64]:
    """Return what the stratum and the seed of each run add to its value.

    What a seed adds is estimated by least squares on value = configuration + seed, i.e. from configurations that ran
    with several seeds. If each ran with one, as in a search, nothing is known of seeds, and they add nothing.

    Args:
        values: `[runs]`, NaN where unknown: such runs have the offset that others of their stratum and seed show.
        arms: the configuration of each run.
        seeds, strata: of each run.
    """
    found = np.asarray(values, dtype=np.float64)
    result = np.zeros_like(found)
    for stratum in dict.fromkeys(strata):
        members = [position for position, each in enumerate(strata) if each == stratum]
        known = [position for position in members if np.isfinite(found[position])]
        if known:
            added = block_effects(found[known], [arms[each] for each in known], [seeds[each] for each in known])
            mean = float(np.mean([found[each] - added.get(seeds[each], 0.0) for each in known]))
            result[members] = [mean + added.get(seeds[each], 0.0) for each in members]
    return result


def aliased(columns: Sequence[NDArray[np.float64]]) -> tuple[int, ...]:
    """Return the factors whose main effects cannot be told from those of the others: they always change together.

    A factor is aliased if its columns are linearly dependent on those of the other factors. Of factors that are aliased
    with each other all are listed.

    Args:
        columns: of each factor what its main effect is fitted by, `[runs, columns]`, e.g. from `level_columns`.
    """
    centred = [_unit(each) for each in columns]
    used = [position for position, each in enumerate(centred) if each.shape[1]]
    if len(used) > 1 and any(each.shape[1] >= len(each) - 1 for each in columns):
        return tuple(used)  # a factor with a level for each run explains whatever the others do
    found = []
    for position, own in enumerate(centred):
        others = [*centred[:position], *centred[position + 1 :]]
        if own.shape[1] and _rank([*others, own]) < _rank(others) + _rank([own]):
            found.append(position)
    return tuple(found)


def level_columns(levels: Sequence[Hashable]) -> NDArray[np.float64]:
    """Return an indicator of each level but the first, `[runs, levels - 1]`."""
    known = list(dict.fromkeys(levels))
    return np.array([[float(level == other) for other in known[1:]] for level in levels]).reshape(len(levels), -1)


def _unit(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns less their means, each of length 1; constant ones are left out."""
    centred = columns - columns.mean(axis=0) if columns.size else columns
    lengths = np.sqrt((centred**2).sum(axis=0))
    return np.asarray(centred[:, lengths > 0] / lengths[lengths > 0])


def _rank(columns: Sequence[NDArray[np.float64]]) -> int:
    used = [each for each in columns if each.shape[1]]
    return int(np.linalg.matrix_rank(np.hstack(used), tol=RANK)) if used else 0
