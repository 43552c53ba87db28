"""Least squares on value = arm + block, of each arm alone or of several together, by sums that add up.

With arms' means taken out of both sides the problem is on the blocks alone and leaves the same residuals (Frisch and
Waugh 1933; Lovell 1963). Arms are many, blocks few, so that an arm can be left out without fitting the others anew.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweeper.errors import UsageError

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

RANK: Final = 1e-10
LARGEST: Final = 2e7  # numbers in a table: 160 MB


@dataclass(frozen=True, slots=True)
class Sums:
    """The normal equations of blocks with the arms' means taken out, of one arm or several.

    `normal` `[..., blocks, blocks]`, `moment` `[..., blocks]`; `square`, `runs` and the number of `arms` `[...]`.
    """

    normal: Floats
    moment: Floats
    square: Floats
    runs: Floats
    arms: Floats

    def over(self, kept: Flags) -> "Sums":
        """Of the kept arms together."""
        return Sums(*(np.tensordot(kept.astype(np.float64), each, axes=1) for each in self._fields()))

    def without(self, part: "Sums", kept: Flags) -> "Sums":
        """Less each of the kept arms by itself, `[arms]`; the arms that are not kept are in it neither way."""
        return Sums(
            *(
                total - np.where(kept.reshape(-1, *[1] * (own.ndim - 1)), own, 0.0)
                for total, own in zip(self._fields(), part._fields(), strict=True)
            )
        )

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(one + two for one, two in zip(self._fields(), other._fields(), strict=True)))

    def residual(self) -> tuple[Floats, Floats]:
        """What arms and blocks leave over: sums of squares and their degrees of freedom."""
        along, inverse, _ = self._solved()
        return np.maximum(self.square - (along**2 * inverse).sum(axis=-1), 0.0), (
            self.runs - self.arms - (inverse > 0).sum(axis=-1)
        )

    def blocks(self) -> Floats:
        """What each block adds, `[..., blocks]`: the solution of least length."""
        along, inverse, vectors = self._solved()
        return np.asarray(np.einsum("...bk,...k->...b", vectors, along * inverse))

    def _solved(self) -> tuple[Floats, Floats, Floats]:
        """The moments along the principal axes, the inverse of their lengths (0 where there is none), and the axes."""
        lengths, vectors = np.linalg.eigh(self.normal)
        usable = lengths > RANK * np.maximum(lengths[..., -1:], 1.0)
        inverse = np.where(usable, 1.0 / np.where(usable, lengths, 1.0), 0.0)
        return np.einsum("...bk,...b->...k", vectors, self.moment), inverse, vectors

    def _fields(self) -> tuple[Floats, ...]:
        return self.normal, self.moment, self.square, self.runs, self.arms


def arm_sums(
    values: ArrayLike, arms: Sequence[Hashable], blocks: Sequence[Hashable], kept: Flags | None = None
) -> Sums:
    """The sums of each arm, `[arms]` in the order in which they first come.

    Args:
        values: `[runs]`, finite.
        arms, blocks: of each run.
        kept: `[arms]`, those whose blocks are taken out first; by default all.
    """
    response, arm, block = np.asarray(values, dtype=np.float64), _places(arms), _places(blocks)
    # What arms and blocks add may be far larger than what is left over. Taken out first, it cannot drown that in
    # rounding when sums of squares are subtracted; nor may the blocks be those of an arm with huge values.
    response = _centred(response, arm)
    sums = _sums(response, arm, block)
    fitted = sums.over(np.ones(len(sums.runs), dtype=np.bool_) if kept is None else kept)
    return _sums(response - fitted.blocks()[block], arm, block)


def block_effects(values: ArrayLike, arms: Sequence[Hashable], blocks: Sequence[Hashable]) -> dict[Hashable, float]:
    """Return what each block adds to the runs of all arms; 0 where no arm ran in several blocks."""
    arm, names = _places(arms), dict.fromkeys(blocks, 0.0)
    repeated = np.flatnonzero(np.bincount(arm, minlength=1)[arm] > 1)
    if not len(repeated):
        return names
    response = np.asarray(values, dtype=np.float64)[repeated]
    some = [blocks[place] for place in repeated.tolist()]
    found = _total(response, _places(arm[repeated].tolist()), _places(some)).blocks()
    return {**names, **dict(zip(dict.fromkeys(some), found.tolist(), strict=True))}


def informative(arms: Sequence[Hashable], blocks: Sequence[Hashable]) -> Flags:
    """Return which runs say something about what arms and blocks leave over, `[runs]`.

    The only run of an arm, or of a block, is fitted without a residual, whatever its value; so may be others then.
    """
    arm, block = _places(arms), _places(blocks)
    kept = np.ones(len(arm), dtype=np.bool_)
    while True:
        several = kept.copy()
        for places in (arm, block):
            several &= np.bincount(places[kept], minlength=len(kept))[places] > 1
        if np.array_equal(several, kept):
            return kept
        kept = several


def _total(response: Floats, arm: NDArray[np.int64], block: NDArray[np.int64]) -> Sums:
    """The sums of all arms together, without those of each."""
    _check_size(1, int(block.max()) + 1)
    counts, centred = _counts(arm, block), _centred(response, arm)
    return Sums(
        normal=np.diag(counts.sum(axis=0)) - counts.T @ (counts / counts.sum(axis=1)[:, None]),
        moment=np.bincount(block, weights=centred).astype(np.float64),
        square=np.asarray((centred**2).sum()),
        runs=np.asarray(float(len(response))),
        arms=np.asarray(float(len(counts))),
    )


def _counts(arm: NDArray[np.int64], block: NDArray[np.int64]) -> Floats:
    """How many runs there are, `[arms, blocks]`."""
    counts = np.zeros((int(arm.max(initial=-1)) + 1, int(block.max(initial=-1)) + 1))
    np.add.at(counts, (arm, block), 1.0)
    return counts


def _check_size(arms: int, blocks: int) -> None:
    """Refuse tables that no memory holds, as where a column of a frame that is no setting names each run anew."""
    if arms * blocks**2 > LARGEST:
        raise UsageError(
            f"{arms:,} configurations that share {blocks:,} seeds are too many to compare each with the others. "
            "Name the columns that are settings by factors=[...], and group seeds that are alike."
        )


def _sums(response: Floats, arm: NDArray[np.int64], block: NDArray[np.int64]) -> Sums:
    counts = _counts(arm, block)
    num_arms, num_blocks = counts.shape
    _check_size(num_arms, num_blocks)
    moment, runs, centred = np.zeros(counts.shape), counts.sum(axis=1), _centred(response, arm)
    np.add.at(moment, (arm, block), centred)
    between = counts[:, :, None] * counts[:, None, :] / runs[:, None, None]
    return Sums(
        normal=counts[:, :, None] * np.eye(num_blocks) - between,
        moment=moment,
        square=np.bincount(arm, weights=centred**2, minlength=num_arms).astype(np.float64),
        runs=runs,
        arms=np.ones(num_arms),
    )


def _centred(response: Floats, arm: NDArray[np.int64]) -> Floats:
    """Values less the mean of their arm."""
    return np.asarray(response - (np.bincount(arm, weights=response) / np.bincount(arm))[arm])


def _places(labels: Sequence[Hashable]) -> NDArray[np.int64]:
    """Labels as numbers from 0, in the order in which they first come."""
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    return np.array([places[label] for label in labels], dtype=np.int64)
